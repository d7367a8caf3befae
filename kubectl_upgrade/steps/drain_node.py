"""Cordon the node and evict its pods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from kubectl_upgrade.facts.drained_pods import controller, keeps_empty_dir, must_move
from kubectl_upgrade.model.errors import ApiError, NotFoundError, StepError
from kubectl_upgrade.model.names import CORDON_ANNOTATION
from kubectl_upgrade.model.types import Seconds
from kubectl_upgrade.steps import node_object
from kubectl_upgrade.steps.base import Step
from kubectl_upgrade.steps.uncordon_node import lift_cordon

if TYPE_CHECKING:
    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json

_FORBIDDEN = 403
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainNode(Step):
    """Evict every pod but DaemonSets' and mirror pods, as PodDisruptionBudgets allow.

    When the limit passes, the node is uncordoned again (if the cordon was ours) and the run stops.
    """

    NAME: ClassVar[str] = "drain-node"
    TITLE: ClassVar[str] = "cordon and drain"
    BEFORE_ACTIONS: ClassVar[bool] = True
    UNDO: ClassVar[str | None] = "uncordon-node"
    CHANGES: ClassVar[frozenset[str]] = frozenset({"cordoned"})

    timeout_seconds: Seconds = 900
    on_timeout: Literal["stop"] = "stop"
    empty_dir: Literal["delete", "stop"] = "delete"
    """pods with emptyDir volumes lose what is in them"""
    unmanaged_pods: Literal["delete", "stop"] = "stop"
    """pods that no controller would start again elsewhere"""

    async def run(self, context: StepContext) -> None:
        await cordon(context)
        try:
            await context.until(
                f"{context.node.name} drained", self.timeout_seconds, lambda: self._evict(context), every_seconds=2.0
            )
        except StepError as error:
            ours = await lift_cordon(context)
            raise StepError(
                f"{error.message}; {'uncordoned again' if ours else 'still cordoned, not by us'}, "
                "its packages are untouched",
                fix=f"{error.fix or 'make room for the pods named above'}, then run apply again",
            ) from error

    async def _evict(self, context: StepContext) -> str | None:
        """One round; StepError for a pod that no round can move."""
        found = await context.cluster.list("/api/v1/pods", fields=f"spec.nodeName={context.node.name}")
        pods = [pod for pod in found if must_move(pod)]
        staying = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        for pod in staying:
            self._refuse(pod, context)
        refusals = [(pod, said) for pod in staying if (said := await _evict(context, pod))]
        if not pods:
            return None
        told = [f"{_name(pod)}: {said}" for pod, said in refusals] or [f"{_name(pod)} is ending" for pod in pods]
        return f"{len(pods)} pods left ({'; '.join(told[:_SHOWN])})"

    def _refuse(self, pod: Json, context: StepContext) -> None:
        name = _name(pod)
        if self.unmanaged_pods == "stop" and controller(pod) is None:
            raise StepError(
                f"drain of {context.node.name}: no controller would start {name} again",
                fix=f"delete or move {name}, or abort and plan anew with `unmanagedPods: delete`",
            )
        if self.empty_dir == "stop" and keeps_empty_dir(pod):
            raise StepError(
                f"drain of {context.node.name}: {name} keeps data in an emptyDir",
                fix=f"move {name}, or abort and plan anew with `emptyDir: delete`",
            )


async def cordon(context: StepContext) -> None:
    """Cordon and say whose cordon it is in the same patch; one that is there already stays its owner's."""

    def keep_off(node: Json) -> Json | None:
        if node.get("spec", {}).get("unschedulable"):
            return None
        return {"metadata": {"annotations": {CORDON_ANNOTATION: context.run8}}, "spec": {"unschedulable": True}}

    await node_object.change(context, keep_off)


async def _evict(context: StepContext, pod: Json) -> str | None:
    """Ask for the eviction; what came back when it was refused, by a budget or by a server that could not decide."""
    metadata = pod["metadata"]
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "deleteOptions": {"preconditions": {"uid": metadata["uid"]}},
    }
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
    try:
        await context.cluster.create(path, body)
    except NotFoundError:
        return None
    except ApiError as error:
        if error.status == _FORBIDDEN and not error.starting:
            raise StepError(f"drain of {context.node.name}: {error.message}", error.fix) from error
        return error.message
    return None


def _name(pod: Json) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
