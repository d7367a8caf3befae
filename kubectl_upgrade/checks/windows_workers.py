"""Windows nodes are named, and left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.words import some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class WindowsWorkers:
    """Nobody thinks of the two Windows nodes until their kubelets are four minors behind and the next upgrade is
    refused. They are upgraded by PowerShell and services, not by packages and systemd
    (https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/upgrading-windows-nodes/), so a plan has none of them.
    """

    NAME: ClassVar[str] = "windows-workers"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        names = [f"{node.name} ({node.kubelet})" for node in facts.nodes if node.windows]
        if names:
            yield Finding(
                Level.INFO,
                f"left alone, for they run Windows: {some_of(names)}",
                fix=f"upgrade them to {aim.target} by hand afterwards: "
                "https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/upgrading-windows-nodes/",
            )
