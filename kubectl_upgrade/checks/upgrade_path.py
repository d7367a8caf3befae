"""The target is a patch or the next minor, never a step back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class UpgradePath:
    """kubeadm refuses to skip a minor, and nothing in Kubernetes supports going back."""

    NAME: ClassVar[str] = "upgrade-path"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = False

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        current = facts.kubeadm_config.kubernetes_version
        if aim.target < current:
            yield Finding(
                Level.BLOCKER,
                f"the cluster is at {current}; going back to {aim.target} is not supported by Kubernetes",
                fix=f"choose a target of at least {current}",
            )
        elif aim.target.minors_above(current) > 1:
            following = f"v{current.major}.{current.minor + 1}"
            yield Finding(
                Level.BLOCKER,
                f"from {current} to {aim.target} skips {aim.target.minors_above(current) - 1} minor(s); "
                "kubeadm upgrades one minor at a time",
                fix=f"upgrade to a {following} release first",
            )
