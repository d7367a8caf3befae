"""PodDisruptionBudgets let the drains of this upgrade end."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.words import some_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.drains import Budget, MovingPod
    from kubectl_upgrade.model.facts import Facts


class DisruptionBudgets:
    """A budget that never allows an eviction, or two of them over one pod, stops a drain at its limit when half of the
    cluster is upgraded (https://github.com/kubernetes-sigs/kubespray/issues/8093,
    https://github.com/kubernetes/kops/issues/10400). The Eviction API's rules: https://kubernetes.io/docs/tasks/run-application/configure-pdb/
    and pkg/registry/core/pod/storage/eviction.go.
    """

    NAME: ClassVar[str] = "disruption-budgets"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        order = {node.name: place for place, node in enumerate(aim.drained(facts.nodes))}
        if not order:
            return
        if isinstance(facts.budgets, Unknown):
            message = f"whether PodDisruptionBudgets let {len(order)} drain(s) end is not known: {facts.budgets.reason}"
            yield Finding(Level.WARN, message, fix="grant what docs/rbac.yaml lists, then plan again")
            return
        if isinstance(facts.pods, Unknown):
            return  # unmanaged-pods says so
        guarded = [pod for pod in facts.pods if pod.budgets and not pod.pending and pod.node in order]
        guarded.sort(key=lambda pod: (order[pod.node], pod.namespace, pod.name))
        yield from _guarded_twice(guarded)
        for budget in facts.budgets:
            if budget.rule == "" and budget.trouble:
                yield Finding(Level.WARN, f"budget {budget}: {budget.trouble}", fix=_look(budget))
        yield from _held(guarded, {(budget.namespace, budget.name): budget for budget in facts.budgets})


def _guarded_twice(guarded: Sequence[MovingPod]) -> Iterator[Finding]:
    pods: dict[tuple[str, tuple[str, ...]], list[MovingPod]] = {}
    for pod in guarded:
        if len(pod.budgets) > 1:
            pods.setdefault((pod.namespace, pod.budgets), []).append(pod)
    for (namespace, names), both in pods.items():
        message = (
            f"budgets {' and '.join(names)} in {namespace} select the same pods, which the Eviction API evicts never: "
            + _stopped(both)
        )
        yield Finding(Level.BLOCKER, message, fix="let only one budget select each pod, or delete one of them")


def _held(guarded: Sequence[MovingPod], budgets: dict[tuple[str, str], Budget]) -> Iterator[Finding]:
    held: dict[tuple[str, str], list[MovingPod]] = {}
    for pod in guarded:
        key = pod.namespace, pod.budgets[0]
        if len(pod.budgets) == 1 and budgets[key].holds(pod):
            held.setdefault(key, []).append(pod)
    for key, pods in held.items():
        yield _finding(budgets[key], pods)


def _finding(budget: Budget, pods: Sequence[MovingPod]) -> Finding:
    """The worst of what can be said of a budget that allows nothing."""
    where = _stopped(pods)
    if budget.trouble:
        return Finding(Level.BLOCKER, f"budget {budget} allows nothing, {budget.lack}: {where}", fix=_look(budget))
    if budget.never:
        fix = f"let it allow one until the upgrade is done: kubectl -n {budget.namespace} edit pdb {budget.name}"
        if budget.rule.startswith("minAvailable") and not budget.rule.endswith("%"):
            fix += ", or run one pod more"
        return Finding(Level.BLOCKER, f"budget {budget} ({budget.rule}) never allows an eviction: {where}", fix=fix)
    message = f"budget {budget} ({budget.rule}) allows no eviction now, {budget.lack}: {where}"
    return Finding(Level.WARN, message, fix=f"see why: kubectl -n {budget.namespace} get pods")


def _stopped(pods: Sequence[MovingPod]) -> str:
    """In the order of the drains."""
    nodes = list(dict.fromkeys(pod.node for pod in pods))
    return f"the drain of {some_of(nodes)} waits for {some_of([str(pod) for pod in pods])}"


def _look(budget: Budget) -> str:
    return f"mend it: kubectl -n {budget.namespace} describe pdb {budget.name}"
