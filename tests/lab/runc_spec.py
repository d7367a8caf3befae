"""What runc is told about a node: a whole systemd machine in its own namespaces; pure."""

from pathlib import Path

BOOT_ID = "/var/lib/lab/boot-id"
# The kernel has one boot id for all containers; a node must be seen to have rebooted, so each start brings its own.
BOOT = f"mount --bind {BOOT_ID} /proc/sys/kernel/random/boot_id && exec /lib/systemd/systemd"
# All but CAP_SYS_RESOURCE, which the lab's machine may itself not have.
CAPABILITIES = [
    "CAP_AUDIT_CONTROL",
    "CAP_AUDIT_READ",
    "CAP_AUDIT_WRITE",
    "CAP_BLOCK_SUSPEND",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_KILL",
    "CAP_LEASE",
    "CAP_LINUX_IMMUTABLE",
    "CAP_MAC_ADMIN",
    "CAP_MAC_OVERRIDE",
    "CAP_MKNOD",
    "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_RAW",
    "CAP_PERFMON",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYSLOG",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_CHROOT",
    "CAP_SYS_MODULE",
    "CAP_SYS_NICE",
    "CAP_SYS_PACCT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_WAKE_ALARM",
]


def spec(name: str, root: Path, binds: dict[str, Path], network: Path, group: str) -> dict[str, object]:
    """Describe a node: no resource limits, no seccomp, no masked paths, as on a machine of its own."""
    kinds: list[dict[str, str]] = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "cgroup")]
    return {
        "ociVersion": "1.0.2",
        "hostname": name,
        "root": {"path": str(root), "readonly": False},
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "cwd": "/",
            "args": ["/bin/sh", "-c", BOOT],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "container=docker"],
            "noNewPrivileges": False,
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES),
        },
        "mounts": _mounts(binds),
        "linux": {
            "namespaces": [*kinds, {"type": "network", "path": str(network)}],
            "resources": {"devices": [{"allow": True, "access": "rwm"}]},
            "cgroupsPath": group,
            "rootfsPropagation": "shared",
        },
    }


def _mounts(binds: dict[str, Path]) -> list[dict[str, object]]:
    terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    mounts = [
        _mount("/proc", "proc", []),
        _mount("/dev", "tmpfs", ["nosuid", "mode=755"]),
        _mount("/dev/pts", "devpts", terminals),
        _mount("/dev/shm", "tmpfs", []),  # noqa: S108 - a mount point inside the node
        _mount("/sys", "sysfs", ["rw"]),
        _mount("/sys/fs/cgroup", "cgroup", ["rw"]),
        _mount("/run", "tmpfs", ["mode=755"]),
        _mount("/tmp", "tmpfs", ["mode=1777"]),  # noqa: S108 - a mount point inside the node
    ]
    for inside, outside in {**binds, "/dev/kmsg": Path("/dev/kmsg")}.items():
        mounts.append({"destination": inside, "type": "bind", "source": str(outside), "options": ["rbind", "rw"]})
    return mounts


def _mount(where: str, kind: str, options: list[str]) -> dict[str, object]:
    return {"destination": where, "type": kind, "source": kind, "options": options}
