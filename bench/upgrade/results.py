"""What was measured, kept in a file: a bench that breaks off goes on where it was."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tests.lab.probe import Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Key = tuple[int, str]
"""How many workers, and which way"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a way tells of itself, in seconds."""

    seconds: float
    """from its first command to the end of its last"""
    kubeadm: Mapping[str, float]
    """inside `kubeadm upgrade`, by node"""
    rest: Mapping[str, float] = field(default_factory=dict)
    """outside kubeadm, drains and named waits, by node; known of ours only"""
    steps: Mapping[str, float] = field(default_factory=dict)
    """the sum over all nodes, by step; known of ours only"""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One upgrade of one cluster that ended with every node upgraded."""

    workers: int
    way: str
    control_planes: tuple[str, ...]
    measured: Measured
    reads: Report
    writes: Report
    at: str
    revision: str
    """of this repository"""

    @property
    def key(self) -> Key:
        return self.workers, self.way

    @property
    def kubeadm(self) -> float:
        """Seconds inside `kubeadm upgrade` on all control planes together."""
        return sum(self.measured.kubeadm[name] for name in self.control_planes)


class Results:
    """All results of a folder, each on disk when `keep` returns."""

    def __init__(self, file: Path) -> None:
        self._file = file
        texts = json.loads(file.read_text()) if file.exists() else []
        self._kept = {result.key: result for result in map(_result, texts)}

    def __contains__(self, key: Key) -> bool:
        return key in self._kept

    def of(self, sizes: Iterable[int], ways: Iterable[str]) -> list[Result]:
        """What is known of these, in this order."""
        wanted = tuple(ways)
        return [self._kept[size, way] for size in sizes for way in wanted if (size, way) in self._kept]

    def keep(self, result: Result) -> None:
        """In place of an older one of the same size and way."""
        self._kept[result.key] = result
        self._write()

    def forget(self, key: Key) -> None:
        """A result that is to be measured again: should that fail, no old figure stands in for it."""
        if self._kept.pop(key, None):
            self._write()

    def _write(self) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps([asdict(kept) for kept in self._kept.values()], indent=1) + "\n")
        new.replace(self._file)


def _result(text: Mapping[str, Any]) -> Result:
    return Result(
        **{
            **text,
            "control_planes": tuple(text["control_planes"]),
            "measured": Measured(**text["measured"]),
            "reads": _report(text["reads"]),
            "writes": _report(text["writes"]),
        }
    )


def _report(text: Mapping[str, Any]) -> Report:
    lists = {name: tuple(text.get(name, ())) for name in ("first_failures", "failed_at")}
    return Report(**{**text, **lists})
