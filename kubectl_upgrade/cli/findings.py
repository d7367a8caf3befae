"""What the checks found, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.cli.running import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.checks.judge import Judgement

# worst first
MARKS = {"blocker": "BLOCKS", "warn": "WARN", "waived": "waived", "info": "info", "pass": "ok"}


def tell_judgements(judgements: Sequence[Judgement]) -> None:
    """A line for each, passes together in one."""
    passed = [judgement.check for judgement in judgements if judgement.result == "pass"]
    if passed:
        tell(f"{'ok':>6}  {', '.join(passed)}")
    for judgement in judgements:
        if judgement.result != "pass":
            tell(f"{MARKS[judgement.result]:>6}  {judgement}")


def worst_first(judgements: Sequence[Judgement]) -> list[Judgement]:
    """Otherwise as they come."""
    return sorted(judgements, key=lambda judgement: list(MARKS).index(judgement.result))
