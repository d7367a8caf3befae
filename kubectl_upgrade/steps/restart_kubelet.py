"""Restart the kubelet so that the installed one runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.version import Version
from kubectl_upgrade.packages import FAMILIES
from kubectl_upgrade.steps.base import Action, Step

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import ClusterConfiguration
    from kubectl_upgrade.steps.base import NodeTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartKubelet(Step):
    """Restart, then see it active and healthy; containers keep running meanwhile, but those of static pods where the
    minor is another: the new kubelet replaces them.
    """

    NAME: ClassVar[str] = "restart-kubelet"
    TITLE: ClassVar[str] = "restart the kubelet"
    UNDO: ClassVar[str | None] = (
        "a kubelet that does not stay up goes back to the package that ran before, if fetch-packages could keep it"
    )
    CHANGES: ClassVar[frozenset[str]] = frozenset({"kubelet", "held"})

    version: Version

    def action(self, target: NodeTarget, configuration: ClusterConfiguration) -> Action:
        del configuration
        return Action("restart-kubelet", (str(self.version), FAMILIES[target.packages].NAME), 900)

    def by_hand(self, target: NodeTarget) -> str:
        del target
        return "sudo systemctl daemon-reload && sudo systemctl restart kubelet"
