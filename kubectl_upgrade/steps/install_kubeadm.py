"""Install kubeadm at one exact version, from the repository of its minor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.version import Version
from kubectl_upgrade.packages import FAMILIES
from kubectl_upgrade.steps.base import Action, Step
from kubectl_upgrade.steps.proof import older_binary

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import HostFacts
    from kubectl_upgrade.model.plan import ClusterConfiguration
    from kubectl_upgrade.steps.base import NodeTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallKubeadm(Step):
    """Switch this node's package repository to the version's minor, if it serves another, and install kubeadm."""

    NAME: ClassVar[str] = "install-kubeadm"
    TITLE: ClassVar[str] = "install kubeadm"
    UNDO: ClassVar[str | None] = "the saved repository file goes back; an unused kubeadm does no harm"
    CHANGES: ClassVar[frozenset[str]] = frozenset({"repository", "held"})

    version: Version

    def action(self, target: NodeTarget, configuration: ClusterConfiguration) -> Action:
        del configuration
        return Action(FAMILIES[target.packages].INSTALL_KUBEADM, (self.version.bare, self.version.line), 900)

    def contradiction(self, host: HostFacts) -> str | None:
        return older_binary(host, "kubeadm", self.version)

    def by_hand(self, target: NodeTarget) -> str:
        return FAMILIES[target.packages].by_hand("kubeadm", self.version.bare)
