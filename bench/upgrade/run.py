"""What every way is given."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.lab.lab import Lab


@dataclass(frozen=True)
class Run:
    """One upgrade of the lab's cluster in one way."""

    lab: Lab
    folder: Path
    """for logs, inventories, plans; empty at the beginning"""
    at_once: int
    """workers at a time, in the ways that do more than one"""

    @property
    def names(self) -> list[str]:
        """Every node, control planes first."""
        return [node.name for node in self.lab.nodes]

    @property
    def control_planes(self) -> list[str]:
        return [node.name for node in self.lab.spec.control_plane_nodes]

    @property
    def workers(self) -> list[str]:
        return [node.name for node in self.lab.spec.worker_nodes]

    @property
    def environment(self) -> Mapping[str, str]:
        """The lab's own kubectl first on the PATH, and its cluster."""
        place = self.lab.place
        return {"PATH": f"{place.kubectl.parent}:{os.environ['PATH']}", "KUBECONFIG": str(place.kubeconfig)}
