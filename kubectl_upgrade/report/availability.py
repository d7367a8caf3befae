"""How available the API was over all applies of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.engine.history import Past


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Of reads or of writes."""

    requests: int
    failed: int
    gap: float
    """longest time between two that succeeded, seconds, within one apply"""
    twice: bool
    """two in a row failed"""


def availability_of(past: Past) -> dict[str, Availability]:
    """`reads` and `writes`; nothing when none was measured."""
    if not past.availability:
        return {}
    return {kind: _sum([entry[kind] for entry in past.availability]) for kind in ("reads", "writes")}


def availability_lines(found: dict[str, Availability]) -> Iterator[str]:
    """For people."""
    for kind, seen in found.items():
        yield f"{kind + ' of the API':<18}{seen.requests:>6}, failed {seen.failed}, longest gap {seen.gap:.1f} s"
    if found:
        twice = any(seen.twice for seen in found.values())
        yield f"no request failed twice in a row: {'no' if twice else 'yes'}"


def _sum(parts: list[dict[str, float]]) -> Availability:
    return Availability(
        requests=int(sum(part["requests"] for part in parts)),
        failed=int(sum(part["failed"] for part in parts)),
        gap=max(part["gap"] for part in parts),
        twice=any(part["twice"] for part in parts),
    )
