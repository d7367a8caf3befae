"""No drain meets a pod that nothing would start again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.words import some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class UnmanagedPods:
    """A pod without a controller is gone when its node is drained, so that a drain stops there, as kubectl's does
    without --force (https://kubernetes.io/docs/reference/kubectl/generated/kubectl_drain/): with the control plane
    upgraded and the workers not.
    """

    NAME: ClassVar[str] = "unmanaged-pods"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        order = {node.name: place for place, node in enumerate(aim.drained(facts.nodes))}
        if not order:
            return
        if isinstance(facts.pods, Unknown):
            message = f"which pods {len(order)} drain(s) will meet is not known: {facts.pods.reason}"
            yield Finding(Level.WARN, message, fix="grant what docs/rbac.yaml lists, then plan again")
            return
        alone = [pod for pod in facts.pods if not pod.managed and pod.node in order]
        if not alone:
            return
        alone.sort(key=lambda pod: (order[pod.node], pod.namespace, pod.name))
        nodes = list(dict.fromkeys(pod.node for pod in alone))
        gone = f"no controller would start {some_of([str(pod) for pod in alone])} again elsewhere"
        if not aim.keeps_unmanaged:
            yield Finding(Level.WARN, f"{gone}, and the plan deletes them (unmanagedPods: delete) on {some_of(nodes)}")
            return
        message = f"{gone}: the drain of {some_of(nodes)} stops there"
        fix = "delete or move them; or waive this, and the plan deletes them (unmanagedPods: delete)"
        yield Finding(Level.BLOCKER, message, fix=fix)
