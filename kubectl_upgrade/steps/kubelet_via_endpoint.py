"""Let the kubelet talk to the cluster's endpoint while kubeadm replaces this node's etcd and API server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.endpoint import host_and_port
from kubectl_upgrade.steps.base import Action, Step

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import ClusterConfiguration
    from kubectl_upgrade.steps.base import NodeTarget

# two restarts at the worst, each watched for three minutes
LIMIT_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeletViaEndpoint(Step):
    """Point kubelet.conf at the controlPlaneEndpoint and restart the kubelet; where that is not possible, leave it."""

    NAME: ClassVar[str] = "kubelet-via-endpoint"
    TITLE: ClassVar[str] = "let the kubelet talk to the cluster's endpoint"
    UNDO: ClassVar[str | None] = "kubelet-via-own-apiserver, which abort runs too, puts the saved server back"

    def action(self, target: NodeTarget, configuration: ClusterConfiguration) -> Action:
        del target
        endpoint = configuration.control_plane_endpoint
        # an invariant refuses what is no host and port, and so does the node
        host, port = host_and_port(endpoint) or (endpoint, 0)
        return Action("kubelet-via-endpoint", (host, str(port)), LIMIT_SECONDS)
