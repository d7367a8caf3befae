"""Label and field selectors, as the API server reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from kubectl_upgrade.simulation.faults import UnplannedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_upgrade.world import Json

Test: TypeAlias = "Callable[[Mapping[str, str]], bool]"

_KEY = r"(?P<key>[A-Za-z0-9][A-Za-z0-9._/-]*)"
_EQUALITY = re.compile(rf"{_KEY}\s*(?P<op>!=|==|=)\s*(?P<value>[A-Za-z0-9._-]*)")
_SET = re.compile(rf"{_KEY}\s+(?P<op>in|notin)\s+\((?P<values>[^()]+)\)")
_EXISTS = re.compile(rf"(?P<absent>!?){_KEY}")
_FIELD = re.compile(r"(?P<key>[A-Za-z.]+)(?P<op>!=|==|=)(?P<value>[A-Za-z0-9._/-]*)")
# fields that the API server can select by; one that it cannot is answered with 400
_POD_FIELDS = frozenset({"metadata.name", "metadata.namespace", "spec.nodeName", "status.phase"})
_FIELDS = {
    "Pod": _POD_FIELDS,
    "Node": frozenset({"metadata.name", "spec.unschedulable"}),
    "Event": frozenset({"metadata.name", "metadata.namespace", "involvedObject.uid", "type"}),
    "CertificateSigningRequest": frozenset({"metadata.name", "spec.signerName"}),
}
_OTHER_FIELDS = frozenset({"metadata.name", "metadata.namespace"})


def label_tests(selector: str) -> list[Test]:
    """`tier=control-plane,!legacy,env in (a,b)` as tests of an object's labels; all must hold."""
    parts = re.split(r",(?![^()]*\))", selector) if selector else []
    return [_label_test(part.strip(), selector) for part in parts]


def _label_test(part: str, selector: str) -> Test:
    if found := _SET.fullmatch(part):
        values = {value.strip() for value in found["values"].split(",")}
        key, inside = found["key"], found["op"] == "in"
        return lambda labels: (labels.get(key) in values) == inside
    if found := _EQUALITY.fullmatch(part):
        key, value, equal = found["key"], found["value"], found["op"] != "!="
        return lambda labels: (labels.get(key) == value) == equal
    if found := _EXISTS.fullmatch(part):
        key, wanted = found["key"], not found["absent"]
        return lambda labels: (key in labels) == wanted
    raise UnplannedError(f"the API server would not understand the label selector {selector!r}")


def field_terms(selector: str, kind: str) -> list[tuple[str, str, bool]]:
    """`spec.nodeName=w1,status.phase!=Failed` as (field, value, equal?)."""
    terms = []
    for part in selector.split(",") if selector else []:
        found = _FIELD.fullmatch(part.strip())
        if found is None or found["key"] not in _FIELDS.get(kind, _OTHER_FIELDS):
            raise UnplannedError(f"the API server cannot select a {kind} by {part!r}")
        terms.append((found["key"], found["value"], found["op"] != "!="))
    return terms


def has_field(obj: Json, field: str, value: str) -> bool:
    """Is the field, written with dots, this value? An absent one is empty."""
    here: Any = obj
    for key in field.split("."):
        here = here.get(key, {})
    text = str(here).lower() if isinstance(here, bool) else here or ""
    return bool(text == value)


def matches_labels(obj: Json, match_labels: Mapping[str, str]) -> bool:
    """A workload's `selector.matchLabels`."""
    labels = obj["metadata"].get("labels", {})
    return all(labels.get(key) == value for key, value in match_labels.items())
