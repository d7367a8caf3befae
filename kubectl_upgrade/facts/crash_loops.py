"""Pods whose containers start and fail again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.drained_pods import controller, is_ready
from kubectl_upgrade.facts.forbidden import unless_forbidden

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Maybe
    from kubectl_upgrade.world import Cluster, Json

_PATH = "/api/v1/pods"
_UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"
_BACK_OFF = "CrashLoopBackOff"
# between two crashes a container runs for a moment: so many restarts tell it all the same
_RESTARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashLoop:
    """One pod of them."""

    pod: str
    node: str
    workload: str
    """what it belongs to: a pod that a drain moves gets another name, its ReplicaSet does not; a DaemonSet's stays on
    its node, which is part of this
    """

    def __str__(self) -> str:
        return f"{self.pod} on {self.node}"


async def read_crash_loops(cluster: Cluster) -> Maybe[tuple[CrashLoop, ...]]:
    """Of all nodes."""
    return await unless_forbidden(cluster.reduced(_PATH, crash_loop, fields=_UNFINISHED), "list pods in all namespaces")


def crash_loop(pod: Json) -> CrashLoop | None:
    """None for a pod that is well, or only slow."""
    status, node = pod.get("status", {}), pod["spec"].get("nodeName", "")
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    backing_off = any(c.get("state", {}).get("waiting", {}).get("reason") == _BACK_OFF for c in containers)
    restarting = not is_ready(pod) and any(c.get("restartCount", 0) >= _RESTARTS for c in containers)
    if not node or not (backing_off or restarting):
        return None
    metadata = pod["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}"
    return CrashLoop(pod=name, node=node, workload=_workload(pod, name, node))


def _workload(pod: Json, name: str, node: str) -> str:
    owner = controller(pod)
    if owner is None:
        return name
    workload = f"{pod['metadata']['namespace']}/{owner['kind']}/{owner['name']}"
    return workload if owner["kind"] in {"ReplicaSet", "StatefulSet", "Job"} else f"{workload}@{node}"
