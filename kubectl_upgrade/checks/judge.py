"""All checks on one set of facts, with the waivers that a person gave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.types import visible

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


@dataclass(frozen=True, slots=True)
class Judgement:
    """A check's result; `finding` is None for a pass."""

    check: str
    result: Literal["pass", "info", "warn", "waived", "blocker"]
    finding: Finding | None = None

    def __str__(self) -> str:
        if self.finding is None:
            return f"{self.check}: {self.result}"
        where = f"{self.finding.node}: " if self.finding.node else ""
        return f"{self.check}: {where}{self.finding.message}" + (f" ({self.finding.fix})" if self.finding.fix else "")


def judge(facts: Facts, aim: Aim, waived: Collection[str] = ()) -> tuple[Judgement, ...]:
    """Every check, in the registry's order; one line for a check that finds nothing, else one for each finding."""
    judgements: list[Judgement] = []
    for name, check in CHECKS.items():
        found = [_shown(finding) for finding in check.run(facts, aim)]
        accepted = name in waived and not check.MANDATORY
        judgements += [Judgement(name, _result(finding, waived=accepted), finding) for finding in found]
        if not found:
            judgements.append(Judgement(name, "pass"))
    return tuple(judgements)


def _shown(finding: Finding) -> Finding:
    """Nodes, webhooks and objects of the API have a say in it: nothing of that may steer a terminal."""
    return replace(finding, message=visible(finding.message), fix=visible(finding.fix))


def blockers(judgements: Sequence[Judgement]) -> tuple[Judgement, ...]:
    """Those that stop."""
    return tuple(judgement for judgement in judgements if judgement.result == "blocker")


def _result(finding: Finding, *, waived: bool) -> Literal["info", "warn", "waived", "blocker"]:
    if finding.level is Level.INFO:
        return "info"
    if finding.level is Level.WARN:
        return "warn"
    return "waived" if waived and finding.waivable else "blocker"
