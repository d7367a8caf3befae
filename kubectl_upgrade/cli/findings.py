"""What the checks found, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kubectl_upgrade.cli.running import tell
from kubectl_upgrade.model.words import some_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.checks.judge import Judgement

# worst first
MARKS = {"blocker": "BLOCKS", "warn": "WARN", "waived": "waived", "info": "info", "pass": "ok"}


def tell_judgements(judgements: Sequence[Judgement]) -> None:
    """A line for each, passes together in one, and what is said of several nodes once for all of them."""
    passed = [judgement.check for judgement in judgements if judgement.result == "pass"]
    if passed:
        tell(f"{'ok':>6}  {', '.join(passed)}")
    for judgement, nodes in _alike(judgements):
        where = f"{'on ' if len(nodes) > 1 else ''}{some_of(nodes)}: " if nodes else ""
        fix = f" ({judgement.fix})" if judgement.fix else ""
        tell(f"{MARKS[judgement.result]:>6}  {judgement.check}: {where}{judgement.message}{fix}")


class _Said(NamedTuple):
    """What is told, wherever it was found."""

    result: str
    check: str
    message: str
    fix: str


def _alike(judgements: Sequence[Judgement]) -> list[tuple[_Said, list[str]]]:
    """In the order in which each was first found, with the nodes where it was; none for the whole cluster."""
    found: dict[_Said, list[str]] = {}
    for judgement in judgements:
        finding = judgement.finding
        if finding is not None:
            said = _Said(judgement.result, judgement.check, finding.message, finding.fix)
            found.setdefault(said, []).extend([finding.node] if finding.node else [])
    return list(found.items())


def worst_first(judgements: Sequence[Judgement]) -> list[Judgement]:
    """Otherwise as they come."""
    return sorted(judgements, key=lambda judgement: list(MARKS).index(judgement.result))
