"""Start and stop a node's machine: overlay, network, runc. A start is a boot, a stop is a power cut."""

import json
import shutil
import socket
import uuid
from pathlib import Path

from tests.lab import cgroups, disk, network, runc_spec
from tests.lab.host import run
from tests.lab.place import Place
from tests.lab.spec import Node, Spec
from tests.lab.until import until

BOOT_LIMIT = 60
SSH_PORT = 22
# Kept off the overlay: an overlay cannot be the upper side of the overlays that containerd makes.
OFF_OVERLAY = {"/var/lib/containerd": "containerd", "/var/lib/kubelet": "kubelet"}
FOLDERS = ("upper", "work", "root", *OFF_OVERLAY.values())


def make_folders(place: Place, node: Node) -> None:
    """Make a new node's folders."""
    for name in FOLDERS:
        (folder(place, node) / name).mkdir(parents=True)


def folder(place: Place, node: Node) -> Path:
    """Say where a node's things are."""
    return place.nodes / node.name


def root(place: Place, node: Node) -> Path:
    """Say where a node's root file system is mounted, as the node sees it."""
    return folder(place, node) / "root"


def mount(place: Place, node: Node) -> None:
    """Mount a node's root file system."""
    own = folder(place, node)
    layers = f"lowerdir={place.rootfs.resolve()},upperdir={own / 'upper'},workdir={own / 'work'}"
    run(["mount", "-t", "overlay", "overlay", "-o", layers, own / "root"])


def start(place: Place, spec: Spec, node: Node) -> str:
    """Boot a node whose root is mounted; return its new boot id."""
    boot_id = str(uuid.uuid4())
    (root(place, node) / runc_spec.BOOT_ID.lstrip("/")).write_text(boot_id + "\n")
    network.plug(spec, node)
    own = folder(place, node)
    binds = {inside: own / name for inside, name in OFF_OVERLAY.items()}
    namespace = network.NAMESPACES / network.namespace(node.name)
    description = runc_spec.spec(node.name, root(place, node), binds, namespace, cgroups.node(node.name))
    bundle = place.run / node.name
    bundle.mkdir(exist_ok=True)
    (bundle / "config.json").write_text(json.dumps(description, indent=1))
    # runc's child keeps the output open, so it goes to a file and not to a pipe that would never end
    command = 'exec runc --root "$1" run --detach --bundle "$2" "$3" > "$2/console.log" 2>&1 < /dev/null'
    run(["/bin/sh", "-c", command, "sh", place.run / "runc", bundle, node.name])
    return boot_id


def wait_ssh(node: Node) -> None:
    """Wait until a node answers on its ssh port."""
    until(f"ssh on {node.name}", BOOT_LIMIT, lambda: _silent(node))


def stop(place: Place, node: Node) -> None:
    """Cut a node's power; its root stays mounted."""
    cgroups.remove(cgroups.node(node.name))
    shutil.rmtree(place.run / "runc" / node.name, ignore_errors=True)
    network.unplug(node.name)


def unmount(place: Place, node: Node) -> None:
    """Unmount a node's root file system."""
    disk.unmount_all(folder(place, node))


def boot_id(place: Place, node: Node) -> str:
    """Say which boot id a node was last started with."""
    return (root(place, node) / runc_spec.BOOT_ID.lstrip("/")).read_text().strip()


def _silent(node: Node) -> str:
    with socket.create_connection((node.address, SSH_PORT), timeout=1) as connection:
        return "" if connection.recv(4) == b"SSH-" else "no ssh greeting"
