"""Workers that the plan leaves as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.skew import KUBELET_MAY_LAG, lag_problem
from kubectl_upgrade.model.words import some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class LeftOutWorkers:
    """A worker that was left out for a night is easily forgotten, and one upgrade later its kubelet is too old for
    every API server (https://kubernetes.io/releases/version-skew-policy/#kubelet).
    """

    NAME: ClassVar[str] = "left-out-workers"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        left = [node for node in facts.workers if node.name in aim.left_out and node.kubelet < aim.target]
        for node in left:
            problem = lag_problem("kubelet", node.kubelet, aim.target, KUBELET_MAY_LAG)
            if problem:
                yield Finding(Level.BLOCKER, problem, node=node.name, fix=f"do not leave {node.name} out")
        if left:
            names = some_of([f"{node.name} ({node.kubelet})" for node in left])
            message = f"{len(left)} worker(s) are not in the plan and stay as they are: {names}"
            yield Finding(Level.INFO, message, fix="plan again without --select and --exclude when their time comes")
