"""Every node is Ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class NodesReady:
    """A node that is down already takes the place that the upgrade needs for the next one."""

    NAME: ClassVar[str] = "nodes-ready"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = False

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        for node in facts.linux:
            if not node.ready:
                yield Finding(
                    Level.BLOCKER,
                    "is not Ready",
                    node=node.name,
                    fix=f"`kubectl describe node {node.name}` says why; repair it, or delete the Node if it is gone",
                )
