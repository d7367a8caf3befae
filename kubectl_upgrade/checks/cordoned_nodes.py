"""Nodes that somebody has cordoned stay so."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.names import CORDON_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts, NodeObject

# more names than this make no line
_NAMED = 10


class CordonedNodes:
    """A node that is cordoned for a repair looks afterwards as if the upgrade had forgotten it, and a script that
    uncordons whatever it upgraded puts pods on it. With no worker that takes pods, what is drained has nowhere to go.

    A cordon on control planes does not hinder kubeadm: since 1.31 it skips its health check's Job when no node takes
    pods (https://github.com/kubernetes/kubernetes/pull/124503).
    """

    NAME: ClassVar[str] = "cordoned-nodes"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        cordoned = [node for node in facts.linux if _by_others(node, aim.run8)]
        if not cordoned:
            return
        names = [node.name for node in cordoned[:_NAMED]]
        more = f" and {len(cordoned) - _NAMED} more" if len(cordoned) > _NAMED else ""
        message = f"cordoned by somebody, and left so by this upgrade: {', '.join(names)}{more}"
        workers = facts.workers
        if workers and all(worker in cordoned for worker in workers):
            fix = "uncordon those that may take pods: what is drained has nowhere to go"
            yield Finding(Level.WARN, message, fix=fix)
        else:
            yield Finding(Level.INFO, message)


def _by_others(node: NodeObject, run8: str) -> bool:
    return node.cordoned and not (run8 and node.annotations.get(CORDON_ANNOTATION) == run8)
