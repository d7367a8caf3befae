"""What keeps one Machine from being ready, or from going, by its own status."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.world import Json

# Cluster API's, what comes first in a Machine's life first; v1beta1's names are the second ones
_WANTED_TRUE = (
    "BootstrapConfigReady",
    "BootstrapReady",
    "InfrastructureReady",
    "NodeHealthy",
    "NodeReady",
    "HealthCheckSucceeded",
    "OwnerRemediated",
)
# conditions of a Machine that has to go: v1beta2 has one which is True meanwhile, v1beta1 one for each part
_GOING = ("Deleting",)
_GOING_WELL = (
    "PreDrainDeleteHookSucceeded",
    "DrainingSucceeded",
    "VolumeDetachSucceeded",
    "PreTerminateDeleteHookSucceeded",
)
# a summary of the others: of use when they say nothing
_SUMMARY = ("Ready", "Available")
# `kubectl describe` has the rest
_SHOWN = 400


def trouble(raw: Json) -> str:
    """In words for a person; empty when the Machine says nothing against itself."""
    said = [*_errors(raw), *(_leaving(raw) if raw["metadata"].get("deletionTimestamp") else _coming(raw))]
    return "; ".join(" ".join(line.split())[:_SHOWN] for line in said)


def is_settled(raw: Json) -> bool:
    """It has a Node, and nothing is wrong with it."""
    return bool((raw.get("status") or {}).get("nodeRef")) and not trouble(raw)


def _errors(raw: Json) -> Iterator[str]:
    """Terminal ones: machine-controller's errorReason, Cluster API's failureReason, which v1beta2 calls deprecated."""
    status = raw.get("status") or {}
    old = (status.get("deprecated") or {}).get("v1beta1") or {}
    for part, kind in ((status, "error"), (status, "failure"), (old, "failure")):
        reason, message = part.get(f"{kind}Reason"), part.get(f"{kind}Message")
        if reason or message:
            yield f"{kind}Reason {reason or 'none'}: {message or 'no message'}"


def _leaving(raw: Json) -> Iterator[str]:
    conditions = _conditions(raw)
    said = [_told(conditions[kind]) for kind in _GOING if conditions.get(kind, {}).get("status") == "True"]
    said += [_told(conditions[kind]) for kind in _GOING_WELL if conditions.get(kind, {}).get("status") == "False"]
    yield f"is being deleted since {raw['metadata']['deletionTimestamp']}"
    yield from said


def _coming(raw: Json) -> Iterator[str]:
    conditions = _conditions(raw)
    bad = {kind: one for kind, one in conditions.items() if one.get("status") in {"False", "Unknown"}}
    chosen = [bad[kind] for kind in _WANTED_TRUE if kind in bad] or [bad[kind] for kind in _SUMMARY if kind in bad][:1]
    yield from map(_told, chosen)
    if not chosen and not (raw.get("status") or {}).get("nodeRef"):
        phase = (raw.get("status") or {}).get("phase")
        yield "no Node has joined for it" + (f", its phase is {phase}" if phase else "")


def _conditions(raw: Json) -> dict[str, Json]:
    status = raw.get("status") or {}
    return {one["type"]: one for one in status.get("conditions") or ()}


def _told(condition: Json) -> str:
    reason, message = condition.get("reason"), condition.get("message")
    return (
        f"{condition['type']} {condition['status']}"
        + (f" ({reason})" if reason else "")
        + (f": {message}" if message else "")
    )
