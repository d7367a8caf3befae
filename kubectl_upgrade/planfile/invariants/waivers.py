"""Waivers: what a person may accept, and what only that lets a step ignore."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.planfile.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.model.plan import Waiver
    from kubectl_upgrade.planfile.invariants.layout import Layout
    from kubectl_upgrade.planfile.problem import Where

_IGNORE = "ignorePreflightErrors"


def waivers_are_allowed(layout: Layout) -> Iterator[Problem]:
    """A waiver names one check that may be waived, only kubeadm errors of that check, a reason and a real day."""
    seen: set[str] = set()
    for index, waiver in enumerate(layout.plan.waivers):
        where: Where = ("waivers", index)
        yield from _check(waiver, where)
        if waiver.check in seen:
            yield Problem((*where, "check"), f"a second waiver of {waiver.check}", "keep one")
        seen.add(waiver.check)
        if not waiver.reason.strip():
            yield Problem((*where, "reason"), "a waiver needs a reason", "say why this may be accepted")
        try:
            date.fromisoformat(waiver.until)
        except ValueError:
            yield Problem((*where, "until"), f"{waiver.until} is no day of the calendar")


def _check(waiver: Waiver, where: Where) -> Iterator[Problem]:
    check = CHECKS.get(waiver.check)
    if check is not None and check.MANDATORY:
        yield Problem((*where, "check"), f"{waiver.check} cannot be waived", "repair what it finds")
    allowed = check.KUBEADM_ERRORS if check is not None else ()
    for place, error in enumerate(waiver.kubeadm_errors):
        if error not in allowed:
            message = f"a waiver of {waiver.check} does not reach kubeadm's {error}"
            yield Problem((*where, "kubeadmErrors", place), message, f"it reaches: {', '.join(allowed) or 'none'}")


def ignored_errors_are_waived(layout: Layout) -> Iterator[Problem]:
    """Every preflight error that a step ignores is named in a waiver."""
    waived = {error for waiver in layout.plan.waivers for error in waiver.kubeadm_errors}
    for stage in layout.stages:
        for index, step in enumerate(stage.stage.steps):
            ignored = step.with_.get(_IGNORE)
            for place, error in enumerate(ignored if isinstance(ignored, tuple) else ()):
                if error not in waived:
                    where = (*stage.at(index, "with", _IGNORE), place)
                    yield Problem(where, f"no waiver names {error}", "add it to a waiver's kubeadmErrors")
