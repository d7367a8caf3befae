"""There is a way to the target: upwards, through minors that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.facts.static_pods import image_version
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.rules import known_minors, rules_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class UpgradePath:
    """Nothing in Kubernetes supports going back, and what nobody knows of a minor may stop a cluster half way."""

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
        for line in _between(_oldest(facts), aim.target):
            if rules_for(Version.parse(f"{line}.0")) is None:
                yield Finding(
                    Level.BLOCKER,
                    f"{line}, on the way to {aim.target}, is unknown to this version of upgrade-cp; "
                    f"known minors: {', '.join(known_minors())}",
                    fix="upgrade to a known minor by other means first",
                )


def _oldest(facts: Facts) -> Version:
    """An upgrade that somebody began goes on from its slowest control plane."""
    found = [image_version(pod.image) for pod in facts.static_pods if pod.component == "kube-apiserver"]
    return min([facts.kubeadm_config.kubernetes_version, *filter(None, found)])


def _between(current: Version, target: Version) -> Iterator[str]:
    """The minors at which control planes stop; kubeadm refuses to skip one."""
    if current.major == target.major:
        yield from (f"v{current.major}.{minor}" for minor in range(current.minor + 1, target.minor))
