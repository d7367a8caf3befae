"""Upgrade any other node with `kubeadm upgrade node`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.types import KubeadmError
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.steps.base import Action, Step
from kubectl_upgrade.steps.kubeadm_apply import (
    KUBELETS_GRACE,
    LIMIT_SECONDS,
    Grace,
    further_arguments,
    ignored,
    kubeadm_upgrade,
)
from kubectl_upgrade.steps.proof import older_manifest

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import HostFacts
    from kubectl_upgrade.model.plan import ClusterConfiguration
    from kubectl_upgrade.steps.base import NodeTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeadmNode(Step):
    """Bring this node to the cluster's configuration: static pods on a control plane, kubelet configuration on all."""

    NAME: ClassVar[str] = "kubeadm-node"
    TITLE: ClassVar[str] = "kubeadm upgrade node"
    CHANGES: ClassVar[frozenset[str]] = frozenset({"apiserver", "controllerManager", "scheduler", "etcd", "manifests"})

    version: Version
    """of the cluster's configuration by then, for the reader and for the invariants: kubeadm takes it from there"""
    ignore_preflight_errors: tuple[KubeadmError, ...] = ()
    apiserver_grace_seconds: Grace = KUBELETS_GRACE
    nudge_kubelet: bool = False
    """both as in kubeadm-apply, and on control planes only"""

    def action(self, target: NodeTarget, configuration: ClusterConfiguration) -> Action:
        del configuration
        args = (target.patches, ignored(self.ignore_preflight_errors))
        pins = further_arguments(target, grace_seconds=self.apiserver_grace_seconds, nudge=self.nudge_kubelet)
        return Action("kubeadm-node", (*args, *pins), LIMIT_SECONDS)

    def contradiction(self, host: HostFacts) -> str | None:
        return older_manifest(host, self.version)

    def by_hand(self, target: NodeTarget) -> str:
        return kubeadm_upgrade("node", target, self.ignore_preflight_errors)
