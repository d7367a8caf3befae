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
        # an address is a literal, so that it stands in an URL as it is, but for an IPv6 one
        host = f"[{target.address}]" if ":" in target.address else target.address
        return (
            f"sudo sed -i 's|^\\( *server: \\).*|\\1https://{host}:6443|' /etc/kubernetes/kubelet.conf && "
            "sudo systemctl restart kubelet"
        )
