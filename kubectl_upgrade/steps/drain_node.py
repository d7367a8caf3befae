"""Cordon the node and evict its pods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from kubectl_upgrade.facts.drained_pods import controller, keeps_empty_dir, must_move
from kubectl_upgrade.model.errors import NodeSkippedError, StepError
from kubectl_upgrade.model.names import CORDON_ANNOTATION
from kubectl_upgrade.model.types import Seconds
from kubectl_upgrade.model.words import some_of
from kubectl_upgrade.steps import node_object
from kubectl_upgrade.steps.base import Step
from kubectl_upgrade.steps.drain_forecast import forecast
from kubectl_upgrade.steps.evictions import Evictions, PolicyError
from kubectl_upgrade.steps.refusals import pod_name
from kubectl_upgrade.steps.uncordon_node import lift_cordon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainNode(Step):
    """Evict every pod but DaemonSets' and mirror pods, as PodDisruptionBudgets allow; each pod has its own grace.

    When the limit passes, the node is uncordoned again (if the cordon was ours) and the run stops, or goes on with the
    other nodes.
    """

    NAME: ClassVar[str] = "drain-node"
    TITLE: ClassVar[str] = "cordon and drain"
    BEFORE_ACTIONS: ClassVar[bool] = True
    UNDO: ClassVar[str | None] = "uncordon-node"
    CHANGES: ClassVar[frozenset[str]] = frozenset({"cordoned"})

    timeout_seconds: Seconds = 900
    on_timeout: Literal["stop", "skip-node"] = "stop"
    """`skip-node`: leave this worker as it was and go on with the others; the run ends with a list of them"""
    empty_dir: Literal["delete", "stop"] = "delete"
    """pods with emptyDir volumes lose what is in them"""
    unmanaged_pods: Literal["delete", "stop"] = "stop"
    """pods that no controller would start again elsewhere"""

    async def run(self, context: StepContext) -> None:
        name = context.node.name
        try:
            await self._look_ahead(context)
            await cordon(context)
            evictions = Evictions(context, self._refuse)
            await context.until(f"{name} drained", self.timeout_seconds, evictions.round, every_seconds=2.0)
        except PolicyError as error:
            where = await _given_back(context)
            raise StepError(
                f"drain of {name}: {error.message}; {where}", f"{error.fix}, then run apply again"
            ) from error
        except StepError as error:
            kind = NodeSkippedError if self.on_timeout == "skip-node" else StepError
            message = f"drain of {name}: {error.message}; {await _given_back(context)}"
            raise kind(message, fix="make room for the pods named above, then run apply again") from error

    async def _look_ahead(self, context: StepContext) -> None:
        """PolicyError, with nothing evicted yet, for pods that the plan lets nobody evict."""
        found = await context.cluster.list("/api/v1/pods", fields=f"spec.nodeName={context.node.name}")
        pods = [pod for pod in found if must_move(pod) and not pod["metadata"].get("deletionTimestamp")]
        self._refuse(pods)
        for line in await forecast(context.cluster, pods, self.timeout_seconds):
            context.tell(f"its drain will meet this: {line}")

    def _refuse(self, pods: Sequence[Json]) -> None:
        alone = [pod_name(pod) for pod in pods if controller(pod) is None] if self.unmanaged_pods == "stop" else []
        if alone:
            raise PolicyError(
                f"no controller would start {some_of(alone)} again elsewhere",
                fix="delete or move them, or abort and plan anew with `unmanagedPods: delete`",
            )
        keeping = [pod_name(pod) for pod in pods if keeps_empty_dir(pod)] if self.empty_dir == "stop" else []
        if keeping:
            raise PolicyError(
                f"{some_of(keeping)} keep data in an emptyDir",
                fix="move them, or abort and plan anew with `emptyDir: delete`",
            )


async def cordon(context: StepContext) -> None:
    """Cordon and say whose cordon it is in the same patch; one that is there already stays its owner's."""

    def keep_off(node: Json) -> Json | None:
        if node.get("spec", {}).get("unschedulable"):
            return None
        return {"metadata": {"annotations": {CORDON_ANNOTATION: context.run8}}, "spec": {"unschedulable": True}}

    await node_object.change(context, keep_off)


async def _given_back(context: StepContext) -> str:
    """Uncordon what we cordoned; how the node is left, in words."""
    lifted = await lift_cordon(context)
    return f"{'uncordoned again' if lifted else 'no cordon of ours is on it'}, the drain installs nothing"
