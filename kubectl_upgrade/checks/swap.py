"""Kubelets will start again where swap is on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.systems import systems
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.node_health import System


class Swap:
    """A kubelet looks for swap when it starts, and ends when failSwapOn is true, its default
    (https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/). Swap that came on since then shows at
    the restart that the upgrade brings. So does `failSwapOn: false` that somebody wrote into a node's own
    /var/lib/kubelet/config.yaml: kubeadm writes that file anew from the ConfigMap kubelet-config.
    """

    NAME: ClassVar[str] = "swap"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        for node, _, system in systems(facts):
            if system.swaps and facts.fail_swap_on and not _allowed_for_good(system):
                if "config" in system.swap_allowed:
                    why = "failSwapOn: false stands in its own config.yaml only, which kubeadm writes anew"
                else:
                    why = "its kubelet does not start with that (failSwapOn)"
                yield Finding(
                    Level.BLOCKER,
                    f"swap is on ({', '.join(system.swaps)}): {why}",
                    node.name,
                    "`swapoff -a` there and take it out of /etc/fstab; or failSwapOn: false in the ConfigMap"
                    " kube-system/kubelet-config",
                )


def _allowed_for_good(system: System) -> bool:
    """By a flag, which wins over the configuration and which kubeadm leaves alone, or by a patch that it applies."""
    return system.kubelet_flags.get("fail-swap-on") in {"false", "False", "FALSE", "f", "F", "0"} or (
        "patch" in system.swap_allowed
    )
