"""Container runtimes and package tools have not failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.systems import systems
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts

_KUBELET = "kubelet.service"
_RUNTIMES = frozenset({"containerd.service", "crio.service", "docker.service", "cri-docker.service"})


class FailedUnits:
    """Containers outlive a container runtime that has died, and no new one starts: kubeadm stops etcd and waits for its
    successor in vain. A failed timer of apt's is a hint that the repository has not answered lately.
    """

    NAME: ClassVar[str] = "failed-units"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        for node, _, system in systems(facts):
            for unit in system.failed_units:
                if unit == _KUBELET:
                    continue  # kubelet-steady says so
                yield Finding(
                    # another runtime may be the one in use
                    Level.WARN if unit in _RUNTIMES else Level.INFO,
                    f"{unit} has failed",
                    node.name,
                    f"on {node.name}: `systemctl status {unit}`; if nothing needs it: `systemctl reset-failed {unit}`",
                )
