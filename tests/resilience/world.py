"""A modelled cluster, operators at it, and everything that a run may change there as one comparable value."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import judge
from kubectl_upgrade.engine.apply import Applying, execute, look
from kubectl_upgrade.engine.lock import holder
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.errors import ApiError
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planner.make_plan import Options, make_plan
from kubectl_upgrade.simulation.faults import ClientKilled
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from kubectl_upgrade.engine.history import History
    from kubectl_upgrade.engine.lock import Holder
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.node import Node
    from kubectl_upgrade.simulation.state import Folder
    from kubectl_upgrade.world import World

TO = Version.parse("v1.35.4")
FURTHER = Version.parse("v1.36.3")
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
OURS = "upgrade-cp"


@dataclass
class Operator:
    """Somebody with a state folder; each apply is a process of its own."""

    model: ModelCluster
    folder: Folder
    name: str = "ops"
    stop: Stop = field(default_factory=Stop)

    async def plan(self, to: Version = TO) -> Plan:
        # a call each second would bury the points at which a run can be cut off
        via = (TO,) if to > TO else ()
        options = Options(waivers={}, waive_until="", availability_probe=False, via=via)
        facts = await gather(self.world())
        return make_plan(facts, to, judge(facts, Aim(to), options.waivers), options)

    async def apply(self, plan: Plan, take_over: str = "") -> History:
        self.stop = Stop()
        world = self.world()
        ready = await look(world, plan, take_over)
        return await execute(world, ready, self.applying())

    def applying(self) -> Applying:
        return Applying(who=f"{self.name}@test", watch=lambda _: None, stop=self.stop)

    def world(self) -> World:
        return simulated_world(self.model, self.folder)


def cluster(control_planes: int = 3, workers: int = 1, seed: int = 0) -> ModelCluster:
    """As small as a cluster can be that shows everything."""
    return sample(control_planes, workers, seed=seed, pods_per_worker=1)


async def lock_of(model: ModelCluster) -> Holder | None:
    """Who holds the lock; asked again while the API is away."""
    for _ in range(1000):
        try:
            return await holder(simulated_world(model).cluster)
        except (ApiError, ClientKilled):
            await asyncio.sleep(5)
    raise AssertionError("the API does not come back")


async def state_of(model: ModelCluster) -> dict[str, Any]:
    """All that an upgrade may change, and all that it may leave behind."""
    api = simulated_world(model).cluster
    leases = [lease["metadata"]["name"] for lease in await api.list(LEASES)]
    kube_system = "/api/v1/namespaces/kube-system/configmaps"
    configuration = await api.get(f"{kube_system}/kubeadm-config")
    return {
        "locks": [name for name in leases if name == OURS],
        "kubeadm-config": configuration["data"],
        "kubelet-config": (await api.get(f"{kube_system}/kubelet-config"))["data"],
        "coredns": await _image(api, "deployments/coredns"),
        "kube-proxy": await _image(api, "daemonsets/kube-proxy"),
        "etcd": sorted(model.etcd_members_up()),
        "nodes": {node.name: _on_disk(node) for node in model.nodes.values()},
        "objects": {obj["metadata"]["name"]: _seen(obj) for obj in await api.list("/api/v1/nodes")},
    }


def difference(found: object, wanted: object, where: str = "") -> str:
    """The first thing in which two states differ; empty when they are equal."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted({*found, *wanted}):
            said = difference(found.get(key), wanted.get(key), f"{where}.{key}")
            if said:
                return said
        return ""
    return "" if found == wanted else f"{where}: {json.dumps(found)}, not {json.dumps(wanted)}"


async def _image(api: Any, path: str) -> str:
    found = await api.get(f"/apis/apps/v1/namespaces/kube-system/{path}")
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def _on_disk(node: Node) -> dict[str, Any]:
    kubelet = node.kubelet
    return {
        "packages": {name: str(version) for name, version in node.packages.items()},
        "repository": node.repository,
        "held": sorted(node.held),
        "kubelet": [str(kubelet.version), kubelet.active, kubelet.kubeadm_flags, kubelet.extra_flags],
        "failCgroupV1": kubelet.fail_cgroup_v1,
        "via endpoint": [kubelet.conf_via_endpoint, kubelet.via_endpoint, node.kept_server],
        "manifests": {name: [pod.manifest_image, pod.image, pod.running] for name, pod in node.static_pods.items()},
        "left": [node.fence is not None, sorted(node.units), node.bundle, sorted(node.kept_manifests)],
    }


def _seen(obj: Any) -> dict[str, Any]:
    metadata = obj["metadata"]
    ready = next(c["status"] for c in obj["status"]["conditions"] if c["type"] == "Ready")
    return {
        "labels": metadata.get("labels", {}),
        "ours": sorted(name for name in metadata.get("annotations", {}) if OURS in name),
        "cordoned": bool(obj["spec"].get("unschedulable")),
        "kubelet": obj["status"]["nodeInfo"]["kubeletVersion"],
        "ready": ready,
    }
