"""Install kubelet and kubectl at one exact version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import Kubeadm
from kubectl_upgrade.model.run_record import RunRecord
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.packages import FAMILIES
from kubectl_upgrade.steps.base import Action, Step
from kubectl_upgrade.steps.proof import older_binary

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import HostFacts
    from kubectl_upgrade.model.plan import ClusterConfiguration
    from kubectl_upgrade.steps.base import NodeTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallKubelet(Step):
    """Put the new kubelet on disk, after it has proved that it knows every flag this node gives it.

    The running kubelet stays the old one until restart-kubelet.
    """

    NAME: ClassVar[str] = "install-kubelet"
    TITLE: ClassVar[str] = "install kubelet and kubectl"
    CHANGES: ClassVar[frozenset[str]] = frozenset({"held"})

    version: Version

    def action(self, target: NodeTarget, configuration: ClusterConfiguration) -> Action:
        del configuration
        return Action(FAMILIES[target.packages].INSTALL_KUBELET, (self.version.bare,), 900)

    def taken_back(self, host: HostFacts) -> bool:
        """Not this one, but a later hop's, when what is on disk is at least what this step installed."""
        found = host.kubeadm.kubelet if isinstance(host.kubeadm, Kubeadm) else None
        older = found is None or found < self.version
        return older and isinstance(host.run, RunRecord) and "kubelet" in host.run.stepped_back

    def contradiction(self, host: HostFacts) -> str | None:
        return older_binary(host, "kubelet", self.version)

    def by_hand(self, target: NodeTarget) -> str:
        return FAMILIES[target.packages].by_hand("kubelet", self.version.bare)
