"""etcd.local.imageTag in the text of kubeadm's ClusterConfiguration, changed without touching anything beside it."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

NONE = "none"
# what YAML reads as text without quotes
_PLAIN = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?")
_KEY = "imageTag"


def with_etcd_tag(text: str, tag: str) -> str:
    """The text with this tag, or without one for `none`; every other byte stays.

    ValueError when etcd.local is not a block as kubeadm writes it.
    """
    changed = _edited(text, tag)
    wanted = yaml.load(text, yaml.CSafeLoader)
    local = {key: value for key, value in wanted["etcd"]["local"].items() if key != _KEY}
    if tag != NONE:
        local[_KEY] = tag
    wanted["etcd"] = {**wanted["etcd"], "local": local}
    # the proof: read again, it says what it said, but for the tag
    if not local or yaml.load(changed, yaml.CSafeLoader) != wanted:
        raise ValueError("etcd.local cannot be edited without changing more than its imageTag")
    return changed


def is_settable(text: str) -> bool:
    """Can a tag be put there?"""
    try:
        with_etcd_tag(text, "3.0.0-0")
    except (ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError):
        return False
    return True


def _edited(text: str, tag: str) -> str:
    local = _child(_child(yaml.compose(text, yaml.SafeLoader), "etcd"), "local")
    if not isinstance(local, yaml.MappingNode) or local.flow_style or not local.value:
        raise ValueError("etcd.local is not a block of keys, as kubeadm writes it")
    first, _ = local.value[0]
    found = next(((key, value) for key, value in local.value if key.value == _KEY), None)
    written = tag if _PLAIN.fullmatch(tag) else json.dumps(tag)
    if found is None:
        line = "" if tag == NONE else f"{' ' * first.start_mark.column}{_KEY}: {written}\n"
        at = _line_start(first)
        return text[:at] + line + text[at:]
    key, value = found
    if tag != NONE:
        return text[: value.start_mark.index] + written + text[value.end_mark.index :]
    after = text.find("\n", value.end_mark.index) + 1 or len(text)
    return text[: _line_start(key)] + text[after:]


def _child(node: Any, key: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _line_start(key: Any) -> int:
    return int(key.start_mark.index - key.start_mark.column)
