"""Modelled clusters: a sample, or one that is as a plan says."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation import identity
from kubectl_upgrade.simulation.cluster import ModelCluster
from kubectl_upgrade.simulation.configuration import Configuration
from kubectl_upgrade.simulation.furnish import furnish
from kubectl_upgrade.simulation.new_node import new_node
from kubectl_upgrade.simulation.node import StaticPod
from kubectl_upgrade.simulation.releases import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.model.plan import ControlPlane, Plan
    from kubectl_upgrade.simulation.node import Node

_CONTROL_PLANES = ip_address("10.99.0.11")
_WORKERS = ip_address("10.99.1.1")


def sample(
    control_planes: int = 3,
    workers: int = 3,
    version: str = "v1.34.4",
    seed: int = 0,
    *,
    pods_per_worker: int = 2,
) -> ModelCluster:
    """A healthy cluster as kubeadm makes it: cp1, cp2, … and w1, w2, … with stacked etcd and some workloads."""
    at = Version.parse(version)
    cluster = ModelCluster(Configuration(name="sample", version=at), seed=seed)
    for index in range(control_planes):
        node = new_node(cluster, f"cp{index + 1}", str(_CONTROL_PLANES + index), at, at)
        _make_control_plane(cluster, node, at)
        cluster.add_node(node, identity.uid(seed, "node", node.name))
    for index in range(workers):
        add_worker(cluster, f"w{index + 1}", str(_WORKERS + index))
    furnish(cluster, uid=identity.uid(seed, "kube-system"), kube_proxy=at, pods_per_worker=pods_per_worker)
    return cluster


def add_worker(cluster: ModelCluster, name: str, address: str) -> None:
    """Another machine, at the cluster's own version."""
    at = cluster.configuration.version
    cluster.add_node(new_node(cluster, name, address, at, at), identity.uid(cluster.seed, "node", name))


def from_plan(plan: Plan, seed: int = 0) -> ModelCluster:
    """The cluster that the plan was made for, so that nothing drifts but its CA: no bytes can be made for a hash.

    A rehearsal therefore takes the plan with `cluster.ca_hash` replaced by this cluster's `ca_hash`.
    What a plan does not say is as kubeadm leaves it; nodes are on cgroup v1 when a waiver lets it pass.
    """
    pinned, fields = plan.cluster, plan.cluster_configuration
    on_v1 = any(waiver.check == "cgroup-v1" for waiver in plan.waivers)
    # where only kubelets are left, `from` is the oldest of them
    oldest = min(entry.versions.apiserver for entry in plan.control_planes)
    configuration = Configuration(
        name=pinned.name,
        version=max(pinned.from_, oldest),
        endpoint=fields.control_plane_endpoint,
        repository=fields.image_repository,
        etcd=fields.etcd,
        etcd_tag=fields.etcd_image_tag,
        etcd_repository=fields.etcd_image_repository,
        dns_repository=fields.dns_image_repository,
        dns_tag=fields.dns_image_tag,
        fail_cgroup_v1=not on_v1,
    )
    cluster = ModelCluster(configuration, seed=seed)
    for entry in plan.control_planes:
        cluster.add_node(_pinned(cluster, entry), entry.uid, cordoned=entry.cordoned)
    for pool in plan.pools:
        for worker in pool.nodes:
            node = new_node(cluster, worker.name, worker.address, pool.kubelet, pool.kubelet)
            node.patches = pool.patches
            cluster.add_node(node, worker.uid)
    for node in cluster.nodes.values():
        node.cgroup = "v1" if on_v1 else "v2"
        node.kubelet.fail_cgroup_v1 = configuration.fail_cgroup_v1
    furnish(cluster, uid=pinned.uid, kube_proxy=plan.control_planes[0].versions.kube_proxy, pods_per_worker=2)
    for topology in plan.cluster_topologies:
        cluster.machines.add_topology(topology)
    for deployment in plan.machine_deployments:
        cluster.machines.add_deployment(deployment)
    return cluster


def _make_control_plane(cluster: ModelCluster, node: Node, version: Version) -> None:
    node.control_plane = node.admin_conf = True
    components: Sequence[str] = COMPONENTS
    if cluster.configuration.etcd == "stacked":
        node.etcd_member = identity.digest(cluster.seed, "etcd", node.name)[:16]
        cluster.leader = cluster.leader or node.name
    else:
        components = [component for component in COMPONENTS if component != "etcd"]
    for component in components:
        image, manifest_hash = cluster.manifest(node, component, version)
        node.static_pods[component] = StaticPod(manifest_image=image, manifest_hash=manifest_hash, image=image)


def _pinned(cluster: ModelCluster, entry: ControlPlane) -> Node:
    versions = entry.versions
    node = new_node(cluster, entry.name, entry.address, versions.kubelet, versions.apiserver)
    node.host_key = entry.host_key
    node.repository = entry.repository
    node.held = list(entry.held)
    node.patches = entry.patches
    node.patches_hash = entry.manifests.patches or node.patches_hash
    _make_control_plane(cluster, node, versions.apiserver)
    repository = cluster.configuration.repository
    images = {
        "kube-apiserver": f"{repository}/kube-apiserver:{versions.apiserver}",
        "kube-controller-manager": f"{repository}/kube-controller-manager:{versions.controller_manager}",
        "kube-scheduler": f"{repository}/kube-scheduler:{versions.scheduler}",
        "etcd": f"{repository}/etcd:{versions.etcd}-0",
    }
    tag = cluster.configuration.etcd_tag
    if tag != "none":
        images["etcd"] = f"{repository}/etcd:{tag}"
    for component, static in node.static_pods.items():
        pin = getattr(entry.manifests, component.replace("-", "_"))
        static.image = static.manifest_image = images[component]
        static.manifest_hash = pin or static.manifest_hash
    if node.etcd_member:
        node.etcd_member = entry.etcd_member
    if not entry.ready:
        node.kubelet.active = False
        node.heartbeat_lost = float("-inf")
    return node
