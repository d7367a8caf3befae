"""Things that go wrong in a cluster: a small vocabulary, each undone when its context ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.lab import network, services
from tests.lab.lab import Lab
from tests.lab.until import until

UNIT = "lab-apt-lock"
HOLD = """
cat > /run/lab-apt-lock.py <<'END'
import fcntl, pathlib, signal
names = ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock")
files = [open(name, "w") for name in names]
for file in files:
    fcntl.lockf(file, fcntl.LOCK_EX)
pathlib.Path("/run/lab-apt-lock.held").touch()
signal.pause()
END
"""
FILL = """
set -eu
mkdir -p "$folder"
size=$(( $(du -sk --apparent-size "$folder" | cut -f1) + 256 ))
mount -t tmpfs -o size=${size}k,mode=$(stat -c %a "$folder") full /mnt
cp -a "$folder/." /mnt/
mount --bind /mnt "$folder"
umount /mnt
dd if=/dev/zero of="$folder/.full" bs=4k 2>/dev/null || true
"""
STUCK = "lab-stuck"
LIMIT = 60


@contextmanager
def network_cut(lab: Lab, node: str) -> Iterator[None]:
    """Pull a node's cable."""
    network.cut(lab.spec.node(node).name)
    try:
        yield
    finally:
        network.mend(node)


@contextmanager
def ssh_cut(lab: Lab, node: str) -> Iterator[None]:
    """Let no ssh reach a node from this machine; the node and its cluster notice nothing."""
    address = lab.spec.node(node).address
    network.swallow_ssh(address)
    try:
        yield
    finally:
        network.let_ssh_through(address)


@contextmanager
def powered_off(lab: Lab, node: str) -> Iterator[None]:
    """Cut a node's power; it boots again afterwards."""
    lab.stop(node)
    try:
        yield
    finally:
        lab.start(node)


def reboot(lab: Lab, node: str) -> None:
    """Cut a node's power and boot it again; its boot id changes."""
    with powered_off(lab, node):
        pass


def kill(lab: Lab, node: str, program: str) -> None:
    """Kill every process of a program on a node; the kubelet or systemd starts what it keeps running."""
    lab.run(node, f"pkill -KILL -x {program}")


@contextmanager
def full_disk(lab: Lab, node: str, folder: str) -> Iterator[None]:
    """Make a folder's disk full: a small one with a copy of the folder lies over it, and is lost afterwards."""
    new = lab.run(node, f"test -d {folder}", check=False).code
    lab.run(node, f"folder={folder}\n{FILL}")
    try:
        yield
    finally:
        lab.run(node, f"umount --lazy {folder}; {f'rmdir {folder}' if new else ''}")


@contextmanager
def apt_locked(lab: Lab, node: str) -> Iterator[None]:
    """Hold the locks of apt and dpkg, as an unattended upgrade does."""
    lab.run(node, f"{HOLD}\nsystemd-run --quiet --collect --unit={UNIT} python3 /run/lab-apt-lock.py")
    try:
        until(f"apt's lock on {node}", LIMIT, lambda: lab.run(node, "test -e /run/lab-apt-lock.held").out)
        yield
    finally:
        lab.run(node, f"systemctl stop {UNIT}; rm /run/lab-apt-lock.*")


@contextmanager
def service_stopped(lab: Lab, name: str) -> Iterator[None]:
    """Stop the registry, the package repository or the load balancer (services.REGISTRY and so on)."""
    services.stop(name)
    try:
        yield
    finally:
        services.start(lab.place, lab.spec, name)


@contextmanager
def immovable_workload(lab: Lab, node: str) -> Iterator[None]:
    """Run a pod on a node that its PodDisruptionBudget lets nobody evict."""
    for path, body in _stuck_objects(lab, node).items():
        lab.api.must("POST", path, body)
    try:
        until("the immovable pod", LIMIT, lambda: _not_running(lab))
        yield
    finally:
        for path in _stuck_objects(lab, node):
            lab.api.must("DELETE", f"{path}/{STUCK}")


def _stuck_objects(lab: Lab, node: str) -> dict[str, dict[str, Any]]:
    label = {"app": STUCK}
    pause = lab.run(node, "grep -o 'registry.k8s.io/pause:[0-9.]*' /etc/containerd/config.toml").out.strip()
    pod = {
        "nodeSelector": {"kubernetes.io/hostname": node},
        "tolerations": [{"operator": "Exists", "effect": "NoSchedule", "key": "node-role.kubernetes.io/control-plane"}],
        "containers": [{"name": "pause", "image": pause}],
    }
    template = {"metadata": {"labels": label}, "spec": pod}
    return {
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets": {
            "metadata": {"name": STUCK},
            "spec": {"maxUnavailable": 0, "selector": {"matchLabels": label}},
        },
        "/apis/apps/v1/namespaces/default/deployments": {
            "metadata": {"name": STUCK},
            "spec": {"replicas": 1, "selector": {"matchLabels": label}, "template": template},
        },
    }


def _not_running(lab: Lab) -> str:
    pods = lab.api.get(f"/api/v1/namespaces/default/pods?labelSelector=app%3D{STUCK}")["items"]
    return "" if any(pod["status"]["phase"] == "Running" for pod in pods) else f"{len(pods)} pods, none running"
