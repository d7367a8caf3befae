"""Take this run's label off the node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.names import EPOCH_ANNOTATION, RUN_LABEL
from kubectl_upgrade.steps import node_object
from kubectl_upgrade.steps.base import Step

if TYPE_CHECKING:
    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmarkNode(Step):
    """Remove the label that mark-node set, and no other run's."""

    NAME: ClassVar[str] = "unmark-node"
    TITLE: ClassVar[str] = "take the in-process label off"

    async def done(self, context: StepContext) -> bool:
        return not _marks(await node_object.read(context), context.run8)

    async def run(self, context: StepContext) -> None:
        def remove(node: Json) -> Json | None:
            marks = _marks(node, context.run8)
            return {"metadata": {kind: dict.fromkeys(names) for kind, names in marks.items()}} if marks else None

        await node_object.change(context, remove)


def _marks(node: Json, run8: str) -> dict[str, list[str]]:
    """What this run wrote on the Node to say that it works there: label, and annotation of a take-over."""
    metadata = node["metadata"]
    found: dict[str, list[str]] = {}
    if (metadata.get("labels") or {}).get(RUN_LABEL) == run8:
        found["labels"] = [RUN_LABEL]
    if (metadata.get("annotations") or {}).get(EPOCH_ANNOTATION, "").startswith(f"{run8}-"):
        found["annotations"] = [EPOCH_ANNOTATION]
    return found
