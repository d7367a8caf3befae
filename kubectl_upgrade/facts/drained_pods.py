"""Pods that a drain of their node has to move; the drain itself goes by the same rules."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.forbidden import unless_forbidden
from kubectl_upgrade.model.drains import MovingPod

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_upgrade.facts.budgets import Guard
    from kubectl_upgrade.model.facts import Maybe
    from kubectl_upgrade.world import Cluster, Json

_PATH = "/api/v1/pods"
# the API server leaves out what `must_move` would, so that it is not sent
_UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"
_MIRROR = "kubernetes.io/config.mirror"


async def read_moving_pods(cluster: Cluster, guards: Mapping[str, Sequence[Guard]]) -> Maybe[tuple[MovingPod, ...]]:
    """Of all nodes. `guards`: the budgets of each namespace, so that no pod's labels need be kept."""

    def keep(pod: Json) -> MovingPod | None:
        if not must_move(pod) or pod["metadata"].get("deletionTimestamp") or not pod["spec"].get("nodeName"):
            return None
        return moving_pod(pod, guards.get(pod["metadata"]["namespace"], ()))

    return await unless_forbidden(cluster.reduced(_PATH, keep, fields=_UNFINISHED), "list pods in all namespaces")


def moving_pod(pod: Json, guards: Sequence[Guard]) -> MovingPod:
    """What matters of it."""
    metadata, status = pod["metadata"], pod.get("status", {})
    labels = metadata.get("labels") or {}
    return MovingPod(
        namespace=intern(metadata["namespace"]),
        name=metadata["name"],
        node=intern(pod["spec"]["nodeName"]),
        managed=controller(pod) is not None,
        empty_dir=keeps_empty_dir(pod),
        pending=status.get("phase") == "Pending",
        ready=is_ready(pod),
        budgets=tuple(guard.budget.name for guard in guards if guard.selects(labels)),
    )


def must_move(pod: Json) -> bool:
    """Does a drain have to move it? Mirror pods and DaemonSets' stay; what has ended is in nobody's way."""
    if _MIRROR in (pod["metadata"].get("annotations") or {}):
        return False
    owner = controller(pod)
    if owner is not None and owner["kind"] == "DaemonSet":
        return False
    return pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}


def is_ready(pod: Json) -> bool:
    """As it says itself."""
    conditions = pod.get("status", {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def controller(pod: Json) -> Json | None:
    """The owner that would start it again elsewhere."""
    owners: list[Json] = pod["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def keeps_empty_dir(pod: Json) -> bool:
    """Is something of it lost with the pod?"""
    return any("emptyDir" in volume for volume in pod["spec"].get("volumes") or [])
