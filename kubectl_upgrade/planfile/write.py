"""A plan as text: one node, one step to a line, and comments for the person who reviews it."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from kubectl_upgrade.planfile.comments import HEADER, hop_comment, stage_comment
from kubectl_upgrade.planfile.encode import encode
from kubectl_upgrade.planfile.scalars import stays_text
from kubectl_upgrade.planfile.targets import staying_pools, targets_of_hop

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Hop, Plan

_UNLIMITED = 2**31
# of JSON; a longer mapping stands one field to a line
_LINE = 240
# stages stand in a hop's list
_STAGE_INDENT = 2


def write(plan: Plan) -> str:
    """The file's text, the same for the same plan; a reader of YAML 1.1 understands it as one of 1.2 does."""
    document = _styled(encode(plan))
    hops = document.get("hops", ())
    for index, (hop, node) in enumerate(zip(plan.hops, hops, strict=True)):
        comment = hop_comment(hop, staying_pools(plan, hop)) if len(plan.hops) > 1 else ""
        if comment:
            hops.yaml_set_comment_before_after_key(index, before=comment)
        _explain(plan, hop, node["stages"])
    yaml = YAML()
    yaml.width = _UNLIMITED
    text = io.StringIO()
    text.write(HEADER)
    yaml.dump(document, text)
    return text.getvalue()


def _explain(plan: Plan, hop: Hop, stages: CommentedSeq) -> None:
    for index, (stage, targets) in enumerate(zip(hop.stages, targets_of_hop(plan, hop), strict=True)):
        comment = stage_comment(stage, targets)
        stages.yaml_set_comment_before_after_key(index, before=comment, indent=_STAGE_INDENT)


def _styled(value: Any) -> Any:
    """Plain data → ruamel's, with the style of each part."""
    if isinstance(value, dict):
        mapping = CommentedMap((key, _styled(part)) for key, part in value.items())
        if _fits_a_line(value):
            mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list):
        sequence = CommentedSeq(map(_styled, value))
        if not any(isinstance(part, dict) for part in value):
            sequence.fa.set_flow_style()
        return sequence
    if isinstance(value, str) and not stays_text(value):
        return DoubleQuotedScalarString(value)
    return value


def _fits_a_line(mapping: dict[str, Any]) -> bool:
    """A step does; so does a short mapping of scalars and of lists of scalars."""
    if "do" in mapping:
        return True
    parts = [part for value in mapping.values() for part in (value if isinstance(value, list) else [value])]
    return not any(isinstance(part, dict | list) for part in parts) and len(json.dumps(mapping)) <= _LINE
