"""The rounds of a drain: evict what stays, wait for what ends, and say who holds it up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.drained_pods import must_move
from kubectl_upgrade.model.errors import ApiError, NotFoundError
from kubectl_upgrade.model.words import some_of
from kubectl_upgrade.steps import node_object
from kubectl_upgrade.steps.refusals import Refusals, pod_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json

_FORBIDDEN = 403
_SHOWN = 5
# kubectl drain asks again after 5 s each time; a budget that opens is noticed sooner, one that stays shut asked less
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 15.0
# the kubelet's default
_GRACE = 30
# a pod is told of when it may take longer than this to end
_LONG_GRACE = 60
# clocks differ, and a kubelet needs a moment after it has killed
_STUCK_SECONDS = 15


class PolicyError(Exception):
    """A pod that the plan's policy, or a missing right, keeps from being evicted: `message` and `fix`."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


@dataclass(slots=True)
class Evictions:
    """What one drain has asked for so far; every pod at its own pace."""

    context: StepContext
    refuse: Callable[[Sequence[Json]], None]
    """PolicyError for pods that the plan lets nobody evict"""
    _refusals: Refusals = field(init=False)
    _next: dict[str, float] = field(default_factory=dict)
    """uid → when it may be asked for again"""
    _pauses: dict[str, float] = field(default_factory=dict)
    _holding: dict[str, str] = field(default_factory=dict)
    """uid → what held it when it was asked for last"""
    _told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._refusals = Refusals(self.context)

    async def round(self) -> str | None:
        """None when nothing is left to move, else who is left and why."""
        pods = await self._pods()
        if not pods:
            return None
        staying = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        self.refuse(staying)
        for pod in staying:
            if self.context.clock.monotonic() >= self._next.get(pod["metadata"]["uid"], 0.0):
                await self._ask(pod)
        held = {uid: self._holding[uid] for uid in (p["metadata"]["uid"] for p in staying) if uid in self._holding}
        words = self._held_words([pod for pod in staying if pod["metadata"]["uid"] in held])
        words += await self._ending_words([pod for pod in pods if pod["metadata"].get("deletionTimestamp")])
        left = "1 pod" if len(pods) == 1 else f"{len(pods)} pods"
        return f"{left} left ({'; '.join(words[:_SHOWN]) or 'evicted just now'})"

    async def _pods(self) -> list[Json]:
        found = await self.context.cluster.list("/api/v1/pods", fields=f"spec.nodeName={self.context.node.name}")
        return [pod for pod in found if must_move(pod)]

    async def _ask(self, pod: Json) -> None:
        uid = pod["metadata"]["uid"]
        try:
            await self._evict(pod)
        except NotFoundError:
            return
        except ApiError as error:
            # a namespace that is being deleted takes no evictions: its pods end without one (kubectl drain waits, too)
            ending = "is being terminated" in error.message
            if error.status == _FORBIDDEN and not error.starting and not ending:
                raise PolicyError(error.message, error.fix) from error
            self._pauses[uid] = min(2 * self._pauses.get(uid, _FIRST_PAUSE / 2), _LONGEST_PAUSE)
            self._next[uid] = self.context.clock.monotonic() + max(self._pauses[uid], error.retry_after)
            self._holding[uid] = await self._refusals.why(pod, error)
            self._tell(f"waits for {pod_name(pod)}: {self._holding[uid]}", once=self._holding[uid])
        else:
            self._holding.pop(uid, None)
            grace = pod["spec"].get("terminationGracePeriodSeconds", _GRACE)
            if grace > _LONG_GRACE:
                self._tell(f"{pod_name(pod)} may take {grace} s to end, its own grace period")

    async def _evict(self, pod: Json) -> None:
        metadata = pod["metadata"]
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
            # no gracePeriodSeconds: the pod's own counts
            "deleteOptions": {"preconditions": {"uid": metadata["uid"]}},
        }
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
        await self.context.cluster.create(path, body)

    def _tell(self, line: str, *, once: str = "") -> None:
        """The same thing, or what `once` says of many, only once."""
        if (once or line) not in self._told:
            self._told.add(once or line)
            self.context.tell(line)

    def _held_words(self, pods: Sequence[Json]) -> list[str]:
        """Pods that the same thing holds, together."""
        by_reason: dict[str, list[str]] = {}
        for pod in pods:
            by_reason.setdefault(self._holding[pod["metadata"]["uid"]], []).append(pod_name(pod))
        return [f"{some_of(names)}: {reason}" for reason, names in by_reason.items()]

    async def _ending_words(self, pods: Sequence[Json]) -> list[str]:
        """A pod whose time is over hangs on a finalizer, or on a kubelet that does not answer."""
        late = {pod["metadata"]["uid"]: seconds for pod in pods if (seconds := self._late(pod)) > _STUCK_SECONDS}
        silent = bool(late) and not _is_ready(await node_object.read(self.context))
        words = []
        for pod in sorted(pods, key=lambda pod: -late.get(pod["metadata"]["uid"], 0)):
            uid = pod["metadata"]["uid"]
            if uid not in late:
                words.append(f"{pod_name(pod)} is ending")
                continue
            seconds = late[uid]
            finalizers = pod["metadata"].get("finalizers") or []
            causes = [f"finalizers {', '.join(finalizers)}"] if finalizers else []
            causes += [f"the kubelet of {self.context.node.name} does not answer"] if silent else []
            why = f": {'; '.join(causes)}" if causes else ""
            self._tell(f"{pod_name(pod)} is stuck ending{why}")
            words.append(f"{pod_name(pod)} should have ended {seconds:.0f} s ago{why}")
        return words

    def _late(self, pod: Json) -> float:
        """Seconds since it should have been gone: deletionTimestamp is when its grace ends."""
        end = datetime.fromisoformat(pod["metadata"]["deletionTimestamp"])
        return (self.context.clock.now() - end).total_seconds()


def _is_ready(node: Json) -> bool:
    conditions = node.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
