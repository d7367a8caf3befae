"""What kubeadm and people put into a cluster: configuration, add-ons, workloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.simulation import objects
from kubectl_upgrade.simulation.paths import BUDGETS, CONFIG_MAPS, DAEMON_SETS, DEPLOYMENTS, LEASES, NAMESPACES

if TYPE_CHECKING:
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.simulation.cluster import ModelCluster

_DNS_REPLICAS = 2
_GUARDED_REPLICAS = 3


def furnish(cluster: ModelCluster, *, uid: str, kube_proxy: Version | None, pods_per_worker: int) -> None:
    """Fill a cluster whose nodes are there. `uid` is the namespace kube-system's; kube_proxy None: not kubeadm's."""
    kube_system = objects.namespace(objects.KUBE_SYSTEM)
    kube_system["metadata"]["uid"] = uid
    cluster.store.add(NAMESPACES, kube_system)
    for name in ("default", "kube-public", "kube-node-lease"):
        cluster.store.add(NAMESPACES, objects.namespace(name))
    cluster.publish_configuration()
    cluster.store.add(CONFIG_MAPS, objects.config_map("kube-root-ca.crt", {"ca.crt": cluster.ca}))
    leader = cluster.control_planes[0].name
    for name in ("kube-controller-manager", "kube-scheduler"):
        cluster.store.add(LEASES, objects.lease(name, leader))
    _add_ons(cluster, kube_proxy)
    _workloads(cluster, pods_per_worker)


def _add_ons(cluster: ModelCluster, kube_proxy: Version | None) -> None:
    configuration = cluster.configuration
    if kube_proxy is not None:
        proxy = configuration.component_image("kube-proxy", kube_proxy)
        _daemon_set(cluster, "kube-proxy", objects.KUBE_SYSTEM, proxy)
        cluster.store.add(CONFIG_MAPS, objects.config_map("kube-proxy", {"config.conf": objects.KUBE_PROXY}))
    image = configuration.coredns_image(configuration.version)
    cluster.store.add(CONFIG_MAPS, objects.config_map("coredns", {"Corefile": objects.COREFILE}))
    _deployment(cluster, "coredns", objects.KUBE_SYSTEM, image, label="kube-dns", replicas=_DNS_REPLICAS, anywhere=True)


def _workloads(cluster: ModelCluster, pods_per_worker: int) -> None:
    """A DaemonSet everywhere, pods that may move at will, and some that a budget guards."""
    for name in ("monitoring", "shop", "payments"):
        cluster.store.add(NAMESPACES, objects.namespace(name))
    _daemon_set(cluster, "log-agent", "monitoring", "example.org/log-agent:1")
    workers = sum(not node.control_plane for node in cluster.nodes.values())
    if workers:
        _deployment(cluster, "web", "shop", "example.org/web:1", label="web", replicas=workers * pods_per_worker)
    # with one worker alone, a guarded pod would have nowhere to go and no drain would ever end
    if workers > 1:
        _deployment(cluster, "ledger", "payments", "example.org/ledger:1", label="ledger", replicas=_GUARDED_REPLICAS)
        budget = objects.budget("ledger", "payments", labels={"k8s-app": "ledger"}, max_unavailable=1)
        cluster.store.add(BUDGETS, budget)


def _daemon_set(cluster: ModelCluster, name: str, space: str, image: str) -> None:
    obj = objects.workload("DaemonSet", name, space, image, labels={"k8s-app": name})
    cluster.store.add(DAEMON_SETS, obj)
    for node in cluster.nodes:
        cluster.workloads.start(obj, node, anywhere=True, at_once=True)


def _deployment(  # noqa: PLR0913 - a deployment is all of these
    cluster: ModelCluster, name: str, space: str, image: str, *, label: str, replicas: int, anywhere: bool = False
) -> None:
    obj = objects.workload("Deployment", name, space, image, labels={"k8s-app": label}, replicas=replicas)
    cluster.store.add(DEPLOYMENTS, obj)
    replica_set = cluster.workloads.replica_set(obj)
    for _ in range(replicas):
        cluster.workloads.start(replica_set, anywhere=anywhere, at_once=True)
