"""The target is no release that is known to break clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.rules import rules_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class KnownBadPatch:
    """kubeadm v1.35.0 fails at its end on a node whose kubeadm-flags.env holds no flags, as it is after a first run
    (https://github.com/kubernetes/kubeadm/issues/3279): a run that was interrupted there never gets done.
    """

    NAME: ClassVar[str] = "known-bad-patch"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del facts
        for version in (*aim.stops, aim.target):
            rules = rules_for(version)
            for bad in rules.bad_patches if rules else ():
                if bad.version == version:
                    yield Finding(
                        Level.BLOCKER, f"{version} is a bad release: {bad.why}", fix=f"{bad.fix}; {bad.source}"
                    )
