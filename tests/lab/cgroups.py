"""The lab's own control groups: what is in them is the lab's, and nothing else is."""

import os
import signal
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.until import until

MOUNTS = Path("/sys/fs/cgroup")
NAME = "upgrade-cp-lab"
KILL_LIMIT = 20
# A new cpuset refuses processes until it says where they may run.
INHERITED = ("cpuset.cpus", "cpuset.mems")


def node(name: str) -> str:
    """Name the group of a node, as runc takes it."""
    return f"/{NAME}/nodes/{name}"


def service(name: str) -> str:
    """Name the group of one of the lab's own services."""
    return f"/{NAME}/services/{name}"


def create(group: str) -> list[Path]:
    """Make a group in every hierarchy; return the folders."""
    folders = []
    for hierarchy in _hierarchies():
        folder = hierarchy
        for part in Path(group.lstrip("/")).parts:
            parent, folder = folder, folder / part
            folder.mkdir(exist_ok=True)
            for file in INHERITED:
                if (folder / file).exists() and not (folder / file).read_text().strip():
                    (folder / file).write_text((parent / file).read_text())
        folders.append(folder)
    return folders


def processes(group: str = f"/{NAME}") -> set[int]:
    """Every process in a group and below it."""
    found: set[int] = set()
    for folder in folders(group):
        for file in folder.rglob("cgroup.procs"):
            try:
                found.update(int(word) for word in file.read_text().split())
            except OSError:  # the group went away between the listing and the reading
                continue
    return found


def folders(group: str = f"/{NAME}") -> list[Path]:
    """List where a group exists."""
    places = (hierarchy / group.lstrip("/") for hierarchy in _hierarchies())
    return [place for place in places if place.is_dir()]


def remove(group: str = f"/{NAME}") -> None:
    """Kill everything in a group, then remove it."""
    until(f"end of every process in {group}", KILL_LIMIT, lambda: _kill(group), every=0.05)
    until(f"removal of {group}", KILL_LIMIT, lambda: _remove(group), every=0.05)


def _hierarchies() -> list[Path]:
    found = [folder for folder in MOUNTS.iterdir() if (folder / "cgroup.procs").exists() and not folder.is_symlink()]
    if not found:
        raise LabError(f"no cgroup v1 hierarchies under {MOUNTS}; the lab knows no other kind")
    return found


def _kill(group: str) -> str:
    """All at one moment, as when the power goes: nobody lives to see another one die."""
    alive = processes(group)
    for what in (signal.SIGSTOP, signal.SIGKILL):
        for pid in alive:
            try:
                os.kill(pid, what)
            except ProcessLookupError:
                continue
    return f"alive: {sorted(alive)}" if alive else ""


def _remove(group: str) -> str:
    for top in folders(group):
        for folder in sorted(top.rglob("*/"), key=lambda path: len(path.parts), reverse=True):
            folder.rmdir()
        top.rmdir()
    return ""
