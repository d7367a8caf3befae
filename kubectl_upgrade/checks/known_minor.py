"""The target's minor is one that this tool knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.rules import known_minors, rules_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class KnownMinor:
    """Each minor brings removals that nobody can know before it exists; a patch of the same minor is always allowed."""

    NAME: ClassVar[str] = "known-minor"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = False

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        if aim.target.line == facts.kubeadm_config.kubernetes_version.line or rules_for(aim.target) is not None:
            return
        known = ", ".join(known_minors())
        yield Finding(
            Level.BLOCKER,
            f"{aim.target.line} is unknown to this version of upgrade-cp; known minors: {known}",
            fix="install a newer kubectl upgrade-cp, or choose a known minor",
        )
