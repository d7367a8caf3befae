"""What of a modelled machine an upgrade leans on beside Kubernetes, as node/facts/system.sh prints it."""

from __future__ import annotations

from dataclasses import dataclass, field

_FOLDERS = ("/var/lib/upgrade-cp", "/usr", "/var/lib/containerd", "/etc/kubernetes", "/var/backups")
# one disk, as most nodes have
_MOUNT = "/"
_DAY = 24 * 60 * 60


@dataclass(slots=True, kw_only=True)
class Health:
    """Healthy as it comes; a test makes it sick."""

    clock_ahead: float = 0
    """seconds"""
    free_mib: int = 40_000
    swaps: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """packages and states: `kubelet half-configured`"""
    locks: list[str] = field(default_factory=list)
    """FILE PID SECONDS PROGRAM"""
    failed_units: list[str] = field(default_factory=list)

    def said(self, now: float, *, kubelet_active: bool) -> list[str]:
        """The script's lines at this time, in seconds since 1970."""
        return [
            f"clock {now + self.clock_ahead:.9f}",
            *(f"room {folder} {self.free_mib * 1024} {_MOUNT}" for folder in _FOLDERS),
            *(f"swap {device}" for device in self.swaps),
            *(f"failed {unit}" for unit in self.failed_units),
            *([f"kubelet-seconds {_DAY}"] if kubelet_active else []),
            *(f"lock {lock}" for lock in self.locks),
            "dpkg yes",
            *(f"broken {package}" for package in self.broken),
        ]
