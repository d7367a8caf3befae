"""A machine with a kubelet, fresh from kubeadm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.simulation import identity
from kubectl_upgrade.simulation.node import KUBERNETES_PACKAGES, Kubelet, Node
from kubectl_upgrade.simulation.releases import REMOVED_KUBELET_FLAGS

if TYPE_CHECKING:
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.simulation.cluster import ModelCluster


def new_node(cluster: ModelCluster, name: str, address: str, kubelet: Version, kubeadm: Version) -> Node:
    """A worker; what kubeadm of its version gives a kubelet stands in kubeadm-flags.env."""
    flags = [flag for flag, removed in REMOVED_KUBELET_FLAGS.items() if kubeadm.minor < removed]
    return Node(
        name=name,
        address=address,
        control_plane=False,
        boot_id=identity.uid(cluster.seed, "boot", name, 1),
        machine_id=identity.digest(cluster.seed, "machine", name)[:32],
        host_key=identity.host_key(cluster.seed, name),
        kubelet=Kubelet(
            version=kubelet, reported=kubelet, kubeadm_flags=[f"{flag}=registry.k8s.io/pause" for flag in flags]
        ),
        packages=dict(zip(KUBERNETES_PACKAGES, (kubeadm, kubelet, kubelet), strict=True)),
        repository=kubeadm.line,
        images={kubeadm},
    )
