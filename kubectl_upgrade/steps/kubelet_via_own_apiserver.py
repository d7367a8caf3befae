"""Let the kubelet talk to its own API server again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.steps.base import Action, Step
from kubectl_upgrade.steps.kubelet_via_endpoint import LIMIT_SECONDS

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import ClusterConfiguration
    from kubectl_upgrade.steps.base import NodeTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeletViaOwnApiserver(Step):
    """Put the server back that kubelet-via-endpoint saved, unless kubeadm did, and restart the kubelet."""

    NAME: ClassVar[str] = "kubelet-via-own-apiserver"
    TITLE: ClassVar[str] = "let the kubelet talk to its own API server again"

    def action(self, target: NodeTarget, configuration: ClusterConfiguration) -> Action:
        del target, configuration
        return Action("kubelet-via-own-apiserver", (), LIMIT_SECONDS)

    def by_hand(self, target: NodeTarget) -> str:
        del target
        # what was there before is on the node: its port and address need not be those that a plan knows
        return (
            "sudo sh -c 'server=$(sed -n 1p /var/lib/upgrade-cp/keep-*/kubelet-server) && "
            'sed -i "s|^\\( *server: \\).*|\\1$server|" /etc/kubernetes/kubelet.conf && systemctl restart kubelet\''
        )
