"""What the API shows: stored objects with the status that their machines and pods give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from kubectl_upgrade.simulation import objects
from kubectl_upgrade.simulation.paths import BUDGETS, DAEMON_SETS, DEPLOYMENTS, MACHINE_APIS, NODES, PODS
from kubectl_upgrade.simulation.selectors import matches_labels
from kubectl_upgrade.simulation.store import copied

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.world import Json


def present(cluster: ModelCluster, collection: str, obj: Json) -> Json:
    """A copy of a stored object, as a client gets it."""
    status = _STATUS.get(collection)
    if status is None:
        return cast("Json", copied(obj))
    return {**copied(obj), "status": status(cluster, obj)}


def disruptions_allowed(cluster: ModelCluster, obj: Json) -> int:
    """How many pods of a PodDisruptionBudget may go now."""
    return int(_budget(cluster, obj)["disruptionsAllowed"])


def _node(cluster: ModelCluster, obj: Json) -> Json:
    node = cluster.nodes[obj["metadata"]["name"]]
    ready = cluster.ready(node)
    return {
        "addresses": [
            {"type": "InternalIP", "address": node.address},
            {"type": "Hostname", "address": node.name},
        ],
        "conditions": [
            {"type": kind, "status": "False" if ready else "Unknown"}
            for kind in ("MemoryPressure", "DiskPressure", "PIDPressure")
        ]
        + [{"type": "Ready", "status": "True" if ready else "Unknown"}],
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": node.boot_id,
            "containerRuntimeVersion": node.runtime,
            "kernelVersion": node.kernel,
            "kubeProxyVersion": "",
            "kubeletVersion": str(node.kubelet.reported),
            "machineID": node.machine_id,
            "operatingSystem": "linux",
            "osImage": "Debian GNU/Linux 12 (bookworm)",
            "systemUUID": node.machine_id,
        },
    }


def _pods_of(cluster: ModelCluster, obj: Json) -> list[Json]:
    chosen = obj["spec"]["selector"]["matchLabels"]
    space = obj["metadata"]["namespace"]
    return [pod for pod in cluster.store.within(PODS, space) if matches_labels(pod, chosen)]


def _daemon_set(cluster: ModelCluster, obj: Json) -> Json:
    pods = _pods_of(cluster, obj)
    image = obj["spec"]["template"]["spec"]["containers"][0]["image"]
    updated = sum(pod["spec"]["containers"][0]["image"] == image for pod in pods)
    available = sum(map(objects.is_ready, pods))
    return {
        "observedGeneration": obj["status"]["observedGeneration"],
        "desiredNumberScheduled": len(cluster.nodes),
        "currentNumberScheduled": len(pods),
        "updatedNumberScheduled": updated,
        "numberAvailable": available,
        "numberReady": available,
        "numberMisscheduled": 0,
    }


def _deployment(cluster: ModelCluster, obj: Json) -> Json:
    pods = _pods_of(cluster, obj)
    image = obj["spec"]["template"]["spec"]["containers"][0]["image"]
    available = sum(map(objects.is_ready, pods))
    return {
        "observedGeneration": obj["status"]["observedGeneration"],
        "replicas": len(pods),
        "updatedReplicas": sum(pod["spec"]["containers"][0]["image"] == image for pod in pods),
        "readyReplicas": available,
        "availableReplicas": available,
    }


def _budget(cluster: ModelCluster, obj: Json) -> Json:
    pods = [pod for pod in _pods_of(cluster, obj) if "deletionTimestamp" not in pod["metadata"]]
    healthy = sum(map(objects.is_ready, pods))
    desired = len(pods) - int(obj["spec"]["maxUnavailable"])
    return {
        "currentHealthy": healthy,
        "desiredHealthy": max(desired, 0),
        "disruptionsAllowed": max(healthy - desired, 0),
        "expectedPods": len(pods),
    }


def _machine_deployment(cluster: ModelCluster, obj: Json) -> Json:
    return cluster.machines.status(obj)


_STATUS: dict[str, Callable[[ModelCluster, Json], Json]] = {
    NODES: _node,
    DAEMON_SETS: _daemon_set,
    DEPLOYMENTS: _deployment,
    BUDGETS: _budget,
    **{f"/apis/{api}/machinedeployments": _machine_deployment for api in MACHINE_APIS},
}
