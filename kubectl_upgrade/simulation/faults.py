"""What can go wrong in the simulation, and when: faults strike at calls of the World and at phases of actions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Moment: TypeAlias = Literal["before", "after"]
Kind: TypeAlias = Literal[
    "ssh-cut",  # every ssh connection to the node is lost; with seconds, none gets through for that long
    "api-unreachable",  # the call is lost; with seconds, the API does not answer the client for that long
    "node-reboot",
    "client-kill",  # every client of the cluster ends at once, without a last word
    "client-freeze",  # the client that calls stands still for so many seconds, and notices nothing
    "kubeadm-killed",  # the action's process is killed in that phase: exit code 137
    "action-fails",  # the action ends in that phase with `exit_code` and `text`
]

_AT_PHASES_ONLY = frozenset({"kubeadm-killed", "action-fails"})


class UnplannedError(AssertionError):
    """Something was asked of the simulation that the real world would never have been asked, or that it lacks."""


class ClientKilled(BaseException):
    """kill -9 of the client, raised out of every World call from then on; nothing that handles errors may handle it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A boundary that a run crosses: a call at the seam, or a phase of an action on a node."""

    call: str = ""
    """`nodes.start`, `cluster.patch`, `clock.sleep`, `journal.append`, …; empty in an action"""
    node: str = ""
    path: str = ""
    """of the API; of the journal, the entry's event and subject"""
    action: str = ""
    phase: str = ""
    moment: Moment = "before"

    def __str__(self) -> str:
        words = (self.moment, self.call or self.action, self.phase, self.path, self.node and f"on {self.node}")
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, and the points where it does; an empty field matches every point."""

    kind: Kind
    call: str = ""
    node: str = ""
    path: str = ""
    action: str = ""
    phase: str = ""
    moment: Moment | Literal[""] = "before"
    nth: int = 1
    """strikes at the nth matching point"""
    probability: float | None = None
    """instead of nth: strikes at each matching point with this probability, drawn from the cluster's seed"""
    times: int = 1
    """how often in all; with nth, at that many matching points in a row"""
    seconds: float = 0
    """how long the cut lasts"""
    exit_code: int = 1
    text: str = ""

    def matches(self, point: Point) -> bool:
        if self.kind in _AT_PHASES_ONLY and point.call:
            return False
        if self.kind == "client-freeze" and not point.call:
            return False
        if self.kind == "ssh-cut" and point.call and not point.call.startswith("nodes."):
            return False
        if self.kind == "api-unreachable" and not point.call.startswith("cluster."):
            return False
        wanted = ("call", "node", "path", "action", "phase", "moment")
        return all(getattr(self, name) in {"", getattr(point, name)} for name in wanted)


class Faults:
    """The faults of one cluster; counts the points crossed, so that a dry run tells how many there are to strike at."""

    def __init__(self, seed: int) -> None:
        self.struck: list[tuple[Fault, Point]] = []
        self.points = 0
        self.crossed: list[Point] | None = None
        """every point that was crossed, for whoever sets a list here"""
        self.acts: dict[int, Callable[[], None]] = {}
        """what happens besides, by the number of the point that is crossed then, beginning at 1"""
        self._planned: list[_Planned] = []
        self._draw = Random(f"{seed}/faults")  # noqa: S311 - reproducible, no secret

    def add(self, *faults: Fault) -> None:
        self._planned.extend(_Planned(fault) for fault in faults)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._planned.clear()
        self.acts.clear()

    def due(self, point: Point, moment: Moment) -> list[Fault]:
        """The faults that strike now, at this moment of the point."""
        self.points += 1
        if not self._planned and not self.acts and self.crossed is None:
            return []  # of most runs, every time
        here = replace(point, moment=moment)
        if self.crossed is not None:
            self.crossed.append(here)
        act = self.acts.get(self.points)
        if act is not None:
            act()
        due = [planned.fault for planned in self._planned if planned.strikes(here, self._draw)]
        self.struck.extend((fault, here) for fault in due)
        return due


@dataclass(slots=True)
class _Planned:
    fault: Fault
    matched: int = 0
    struck: int = 0

    def strikes(self, point: Point, draw: Random) -> bool:
        fault = self.fault
        if self.struck >= fault.times or not fault.matches(point):
            return False
        self.matched += 1
        hit = self.matched >= fault.nth if fault.probability is None else draw.random() < fault.probability
        self.struck += hit
        return hit
