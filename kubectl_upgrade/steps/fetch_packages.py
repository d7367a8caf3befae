"""Fetch the packages of one exact version to the node."""

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
class FetchPackages(Step):
    """Fetch what will be installed, and the kubelet that runs now, for going back. The node's sources, packages and
    holds stay as they are.
    """

    NAME: ClassVar[str] = "fetch-packages"
    TITLE: ClassVar[str] = "fetch packages"
    UNDO: ClassVar[str | None] = "what was fetched goes with the run"
    HARMLESS: ClassVar[bool] = True

    version: Version

    def action(self, target: NodeTarget, configuration: ClusterConfiguration) -> Action:
        del configuration
        return Action(FAMILIES[target.packages].FETCH_PACKAGES, (self.version.bare, self.version.line), 1800)
