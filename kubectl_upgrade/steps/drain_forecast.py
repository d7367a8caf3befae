"""What a drain would meet, looked at right before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.budgets import read_guards
from kubectl_upgrade.facts.drained_pods import moving_pod
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.words import some_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_upgrade.facts.budgets import Guard
    from kubectl_upgrade.model.drains import MovingPod
    from kubectl_upgrade.world import Cluster, Json


async def forecast(cluster: Cluster, pods: Sequence[Json], limit_seconds: int) -> list[str]:
    """What will hold the drain of these pods up, one line for each budget and slow pod."""
    slow = [pod for pod in pods if pod["spec"].get("terminationGracePeriodSeconds", 0) > limit_seconds]
    lines = [
        f"{pod['metadata']['namespace']}/{pod['metadata']['name']} may take "
        f"{pod['spec']['terminationGracePeriodSeconds']} s to end, longer than this drain may ({limit_seconds} s)"
        for pod in slow
    ]
    guards = await read_guards(cluster)
    if isinstance(guards, Unknown):
        return [*lines, f"whether budgets hold it up is not known: {guards.reason}"]
    return [*lines, *_budgets(guarded(pods, guards))]


def guarded(pods: Sequence[Json], guards: Sequence[Guard]) -> dict[Guard, list[MovingPod]]:
    """Each budget with the pods here that it selects."""
    found: dict[Guard, list[MovingPod]] = {}
    by_namespace: dict[str, list[Guard]] = {}
    for guard in guards:
        by_namespace.setdefault(guard.budget.namespace, []).append(guard)
    for pod in pods:
        near = by_namespace.get(pod["metadata"]["namespace"], [])
        moving = moving_pod(pod, near)
        for guard in near:
            if guard.budget.name in moving.budgets:
                found.setdefault(guard, []).append(moving)
    return found


def _budgets(found: Mapping[Guard, Sequence[MovingPod]]) -> Iterator[str]:
    for guard, pods in found.items():
        budget = guard.budget
        twice = [str(pod) for pod in pods if len(pod.budgets) > 1]
        if twice:
            yield f"budgets {' and '.join(pods[0].budgets)} both select {some_of(twice)}: the Eviction API evicts none"
            continue
        held = [str(pod) for pod in pods if budget.holds(pod)]
        if held:
            never = "never allows an eviction" if budget.never else "allows no eviction now"
            yield f"budget {budget} ({budget.rule}) {never}, {budget.lack}: {some_of(held)}"
        elif len(pods) > budget.allowed > 0:
            yield f"budget {budget} ({budget.rule}) allows {budget.allowed} at a time, {len(pods)} of its pods are here"
