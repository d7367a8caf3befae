"""What of a machine an upgrade leans on beside Kubernetes."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Literal

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.node_health import KeptFolder, PackageLock, Room, System

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import FactOutput

NAME = "system"
_KIB_IN_MIB = 1024


def parse(output: FactOutput) -> System | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _system)


def _system(lines: Lines) -> System:
    since = lines.all("kubelet-seconds")
    return System(
        clock=_clock(lines.one("clock")),
        rooms=tuple(map(_room, lines.all("room"))),
        swaps=lines.all("swap"),
        swap_allowed=tuple(map(_place, lines.all("swap-allowed"))),
        kubelet_seconds=int(since[0]) if since else None,
        kubelet_flags=dict(line.partition(" ")[::2] for line in lines.all("flag")),
        dpkg=lines.yes("dpkg"),
        broken=lines.all("broken"),
        locks=tuple(map(_lock, lines.all("lock"))),
        failed_units=lines.all("failed"),
        kept=tuple(map(_kept, lines.all("kept"))),
    )


def _clock(text: str) -> float:
    seconds = float(text)
    if not isfinite(seconds):
        raise ValueError(f"clock {text!r}")
    return seconds


def _room(line: str) -> Room:
    folder, kib, mount = line.split(" ", 2)
    return Room(folder=folder, mount=mount, mib=int(kib) // _KIB_IN_MIB)


def _place(text: str) -> Literal["config", "patch"]:
    if text == "config":
        return "config"
    if text == "patch":
        return "patch"
    raise ValueError(f"swap-allowed {text!r}")


def _lock(line: str) -> PackageLock:
    file, pid, seconds, program = line.split(" ", 3)
    return PackageLock(file=file, pid=int(pid), seconds=int(seconds), program=program)


def _kept(line: str) -> KeptFolder:
    run, _, word = line.partition(" ")
    return KeptFolder(run=run, holds=word == "holds")
