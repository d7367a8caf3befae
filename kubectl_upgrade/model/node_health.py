"""What of a machine an upgrade leans on beside Kubernetes (system.sh)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

# whose file system is asked for room, and what the upgrade puts there; images are where the container runtime has them
PACKAGES_FOLDER = "/var/lib/upgrade-cp"
PROGRAMS_FOLDER = "/usr"
KUBEADM_FOLDER = "/etc/kubernetes"
BACKUPS_FOLDER = "/var/backups"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Free space for a folder."""

    folder: str
    mount: str
    """where its file system is mounted"""
    mib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageLock:
    """A process that holds a lock of the package manager."""

    file: str
    pid: int
    seconds: int
    """since that process began"""
    program: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFolder:
    """A run's folder on a node, which goes when the run ends."""

    run: str
    holds: bool
    """packages that were on hold before it are on record there: they were not put on hold again"""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A machine as it says itself."""

    clock: float
    """seconds since 1970, by its own clock"""
    rooms: tuple[Room, ...] = ()
    swaps: tuple[str, ...] = ()
    """devices and files in use"""
    swap_allowed: tuple[Literal["config", "patch"], ...] = ()
    """which of the node's files say failSwapOn: false: the kubelet's configuration, or kubeadm's patches for it; known
    where there is swap"""
    kubelet_seconds: int | None = None
    """since the kubelet began to run; None while it does not"""
    kubelet_flags: Mapping[str, str] = field(default_factory=dict)
    """of the kubelet that runs: hostname-override, fail-swap-on, where they are set"""
    dpkg: bool = True
    broken: tuple[str, ...] = ()
    """packages and the states that dpkg left them in: `kubelet half-configured`"""
    locks: tuple[PackageLock, ...] = ()
    failed_units: tuple[str, ...] = ()
    """of the kubelet's, container runtimes' and package tools' units"""
    kept: tuple[KeptFolder, ...] = ()
