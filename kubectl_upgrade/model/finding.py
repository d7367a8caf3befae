"""A check's judgement."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How much a finding matters; only a blocker stops."""

    INFO = "info"
    WARN = "warn"
    BLOCKER = "blocker"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line for a person: what is wrong, on which node, and what to do about it."""

    level: Level
    message: str
    node: str | None = None
    fix: str = ""
    waivable: bool = True
    """of a check that may be waived: this one finding may not"""
