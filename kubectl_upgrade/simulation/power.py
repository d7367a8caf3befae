"""Kubelets, machines and their network, which stop and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.simulation import identity
from kubectl_upgrade.simulation.paths import NODES, Location

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.node import Node

# seconds
BOOT = 30.0
STATIC_PODS_START = 15.0
# the Node shows the new version some seconds after the restart (lab)
REPORTED_AFTER = 3.0
# a kubelet of another minor ends what ran under the uids of the one before, and has replaced it so long after
# (lab: 3 to 12 s)
STATIC_PODS_REPLACED = 6.0


def cut(cluster: ModelCluster, node: Node, seconds: float) -> None:
    """Every ssh connection to the node is lost, and none gets through for so long; what runs there goes on."""
    node.cuts += 1
    node.cut_until = max(node.cut_until, cluster.now + seconds)


def reboot(cluster: ModelCluster, node: Node) -> None:
    """The machine goes down at once, whatever runs on it, and comes back with another boot id."""
    if not node.up:
        return
    node.up = False
    node.cuts += 1
    node.kubelet.active = False
    work, node.work = node.work, []
    for task in work:
        task.cancel()
    for component, static in node.static_pods.items():
        static.running = False
        cluster.show_static_pod(node, component)
    cluster.settle(node)
    cluster.later(BOOT, lambda: _boot(cluster, node))


def leave(cluster: ModelCluster, node: Node) -> None:
    """A worker's machine is gone for good, and so is its Node with its pods, as when an autoscaler takes it."""
    node.up = False
    node.cuts += 1
    work, node.work = node.work, []
    for task in work:
        task.cancel()
    del cluster.nodes[node.name]
    for pod in cluster.store.pods_on(node.name):
        cluster.workloads.forget(pod)
    cluster.store.delete(Location(NODES, "", node.name), cluster.node_object(node)["metadata"]["uid"])


def _boot(cluster: ModelCluster, node: Node) -> None:
    node.boots += 1
    node.boot_id = identity.uid(cluster.seed, "boot", node.name, node.boots)
    node.up = True
    if start_kubelet(cluster, node) is None:
        cluster.later(STATIC_PODS_START, lambda: _start_static_pods(cluster, node, node.boots))


def _start_static_pods(cluster: ModelCluster, node: Node, boots: int) -> None:
    if not node.up or node.boots != boots:
        return
    for component, static in node.static_pods.items():
        static.image = static.manifest_image
        static.running = True
        cluster.show_static_pod(node, component)


def start_kubelet(cluster: ModelCluster, node: Node) -> str | None:
    """Run the kubelet that is on disk; why it refuses to start, None when it runs."""
    kubelet, version = node.kubelet, node.packages["kubelet"]
    refusal = node.why_kubelet_refuses(version)
    kubelet.active = refusal is None
    if refusal is None:
        if kubelet.version.line != version.line:
            _replace_static_pods(cluster, node)
        kubelet.version, kubelet.restarts, kubelet.log = version, 0, ()
        kubelet.via_endpoint = kubelet.conf_via_endpoint
        cluster.later(REPORTED_AFTER, lambda: _report(cluster, node))
    else:
        kubelet.restarts += 1
        kubelet.log = (f'E0101 run.go:72] "command failed" err="{refusal}"',)
    cluster.settle(node)
    return refusal


def _replace_static_pods(cluster: ModelCluster, node: Node) -> None:
    """All at once, whatever the other control planes are about."""
    for component in node.static_pods:
        node.work.append(cluster.spawn(cluster.replace_static_pod(node, component, down=STATIC_PODS_REPLACED)))


def _report(cluster: ModelCluster, node: Node) -> None:
    if node.kubelet.active and node.name in cluster.nodes:
        node.kubelet.reported = node.kubelet.version
        cluster.store.touch(cluster.node_object(node))
