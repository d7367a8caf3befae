"""Why the Eviction API refused a pod, for the person who has to mend it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.budgets import read_guards
from kubectl_upgrade.facts.drained_pods import is_ready
from kubectl_upgrade.facts.forbidden import unless_forbidden
from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.words import some_of

if TYPE_CHECKING:
    from kubectl_upgrade.facts.budgets import Guard
    from kubectl_upgrade.model.errors import ApiError
    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json

# budgets and their pods are looked at again after so many seconds, however many pods wait for them
_FRESH_SECONDS = 10.0


@dataclass(slots=True)
class Refusals:
    """Of one drain."""

    context: StepContext
    _known: dict[str, tuple[float, str]] = field(default_factory=dict)
    """what was said of a pod's budget, and until when that counts"""

    async def why(self, pod: Json, error: ApiError) -> str:
        """What holds the pod: its budget, what that lacks, and who keeps it low.

        StepError when the Eviction API will never evict it: two budgets select it (https://kubernetes.io/docs/tasks/run-application/configure-pdb/).
        """
        metadata = pod["metadata"]
        key = f"{metadata['namespace']} {sorted((metadata.get('labels') or {}).items())}"
        now = self.context.clock.monotonic()
        until, said = self._known.get(key, (0.0, ""))
        if now >= until:
            said = await self._look(pod, error)
            self._known[key] = now + _FRESH_SECONDS, said
        return said

    async def _look(self, pod: Json, error: ApiError) -> str:
        namespace = pod["metadata"]["namespace"]
        guards = await read_guards(self.context.cluster, namespace)
        if isinstance(guards, Unknown):
            return f"{error.message} (its budget is not known: {guards.reason})"
        labels = pod["metadata"].get("labels") or {}
        holding = [guard for guard in guards if guard.selects(labels)]
        if len(holding) > 1:
            names = " and ".join(guard.budget.name for guard in holding)
            raise StepError(
                f"budgets {names} both select {pod_name(pod)}, which the Eviction API evicts never",
                fix=f"let only one budget select each pod, or delete one: kubectl -n {namespace} get pdb",
            )
        if not holding:
            return error.message
        budget = holding[0].budget
        low = await self._low(namespace, holding[0])
        allowed = f"allows {budget.allowed} evictions now, {budget.lack}"
        return f"budget {budget} ({budget.rule}) {allowed}{f'; not Ready: {some_of(low)}' if low else ''}"

    async def _low(self, namespace: str, guard: Guard) -> list[str]:
        """Pods of the budget that are not Ready, and why."""

        def ailing(pod: Json) -> str | None:
            mine = guard.selects(pod["metadata"].get("labels") or {})
            return f"{pod_name(pod)} ({_state(pod)})" if mine and not is_ready(pod) else None

        path = f"/api/v1/namespaces/{namespace}/pods"
        found = await unless_forbidden(self.context.cluster.reduced(path, ailing), f"list pods in {namespace}")
        return [] if isinstance(found, Unknown) else sorted(found)


def pod_name(pod: Json) -> str:
    """`namespace/name`."""
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _state(pod: Json) -> str:
    """Why it is not Ready, in the API's own words."""
    status = pod.get("status", {})
    where = f" on {pod['spec']['nodeName']}" if pod["spec"].get("nodeName") else ""
    if pod["metadata"].get("deletionTimestamp"):
        return f"ending{where}"
    for container in status.get("containerStatuses") or []:
        reason = container.get("state", {}).get("waiting", {}).get("reason")
        if reason:
            return f"{reason}{where}"
    unplaced = (c for c in status.get("conditions") or [] if c["type"] == "PodScheduled" and c["status"] == "False")
    reason = next((c.get("reason", "") for c in unplaced), "")
    return f"{reason or status.get('phase', 'no phase')}{where}"
