"""What runs of this tool left on a node."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRecord:
    """A detached action on a node."""

    unit: str
    state: Literal["running", "exited", "interrupted"]
    exit_code: int | None
    started: int
    """seconds since 1970, by the node's clock; for people only"""
    action: tuple[str, ...]
    """its name and arguments"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What this tool left on a node (run.sh)."""

    run: str
    """run id in the fence, empty when there is none"""
    epoch: int
    owner: str
    """16 hexadecimal digits of the hash of the holder's nonce"""
    units: tuple[UnitRecord, ...]
    manifests: Mapping[str, str] = field(default_factory=dict)
    """component → sha256:… as this run's kubeadm left its manifest"""
    stepped_back: tuple[str, ...] = ()
    """packages that an action of this run has put back to what they were"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastOutput:
    """The end of what the newest action on a node printed (last-output.sh)."""

    unit: str
    """empty when there is none"""
    lines: tuple[str, ...]
