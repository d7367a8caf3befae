"""What every action did, for replay against the real world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_upgrade.world import FactOutput


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRecord:
    """One action on one node, from its start to its end."""

    node: str
    unit: str
    action: str
    args: tuple[str, ...]
    started: float
    """seconds of virtual time"""
    duration: float
    """seconds"""
    exit_code: int | None
    """None when a reboot interrupted it"""
    output: str
    before: Mapping[str, FactOutput]
    """every fact of the node by name"""
    after: Mapping[str, FactOutput]
