"""A fault as a person types it: `client-kill,node=cp1,action=kubeadm-apply,phase=etcd`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

from kubectl_upgrade.simulation.faults import Fault, Kind, Moment

_NUMBERS = {"nth": int, "times": int, "seconds": float, "exit_code": int, "probability": float}
_FIELDS = tuple(field.name for field in fields(Fault) if field.name != "kind")


def parse_fault(text: str) -> Fault:
    """KIND, then `key=value`s in any order; ValueError says what may stand there."""
    kind, *pairs = text.split(",")
    if kind not in get_args(Kind):
        raise ValueError(f"no fault is called {kind!r}; there are {', '.join(get_args(Kind))}")
    wanted: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        name = key.replace("-", "_")
        if not equals or name not in _FIELDS:
            raise ValueError(f"{pair!r} is no key=value; keys: {', '.join(_FIELDS)}")
        wanted[name] = _value(name, value)
    # in a phase of an action both moments are alike to a person
    if "phase" in wanted:
        wanted.setdefault("moment", "")
    return Fault(kind=kind, **wanted)  # type: ignore[arg-type]  # checked above


def _value(name: str, value: str) -> object:
    if name == "moment" and value not in get_args(Moment):
        raise ValueError(f"a moment is one of {', '.join(get_args(Moment))}")
    try:
        return _NUMBERS.get(name, str)(value)
    except ValueError:
        raise ValueError(f"{name}={value}: a number is wanted") from None
