"""The lab's network: one bridge, one network namespace and one pair of ends for each node."""

import json
from pathlib import Path

from tests.lab.disk import mounts
from tests.lab.host import run
from tests.lab.spec import GATEWAY, Node, Spec

PREFIX = "ucp-"
BRIDGE = f"{PREFIX}lab"
NAMESPACES = Path("/run/netns")
# of the routing rules that swallow ssh; nothing else on the machine uses it
PREFERENCE = "10990"


def namespace(node: str) -> str:
    """Name a node's network namespace."""
    return f"{PREFIX}{node}"


def outer_end(node: str) -> str:
    """Name the end of a node's cable that is on the bridge."""
    return f"{PREFIX}{node}"


def make_bridge() -> None:
    """Make the bridge, with the address of the lab's services."""
    _ip(f"link add {BRIDGE} type bridge\naddr add {GATEWAY}/24 dev {BRIDGE}\nlink set {BRIDGE} up")


def plug(spec: Spec, node: Node) -> None:
    """Give a node its namespace, its cable and the routes to the other nodes' pods."""
    name, outer = namespace(node.name), outer_end(node.name)
    run(["ip", "netns", "add", name])
    cable = f"link add {outer} type veth peer name eth0 address {node.hardware_address} netns {name}"
    _ip(f"{cable}\nlink set {outer} master {BRIDGE} up")
    lines = ["link set lo up", f"addr add {node.address}/24 dev eth0", "link set eth0 up"]
    lines.append(f"route add default via {GATEWAY}")
    lines += [f"route add {other.pods} via {other.address}" for other in spec.nodes if other != node]
    _ip("\n".join(lines), "-n", name)


def unplug(node: str) -> None:
    """Take a node's namespace away, and its cable with it."""
    if outer_end(node) in links():
        run(["ip", "link", "del", outer_end(node)])
    if namespace(node) in namespaces():
        run(["ip", "netns", "del", namespace(node)])


def remove() -> None:
    """Remove every link, namespace and routing rule of the lab."""
    for _ in rules():
        run(["ip", "rule", "del", "pref", PREFERENCE])
    for link in links():
        run(["ip", "link", "del", link])
    for name in namespaces():
        run(["ip", "netns", "del", name])
    # ip binds the folder to itself at the first namespace; only the mount table shows such a mount
    if NAMESPACES in mounts(NAMESPACES.parent) and not any(NAMESPACES.iterdir()):
        run(["umount", NAMESPACES])
        NAMESPACES.rmdir()


def cut(node: str) -> None:
    """Pull a node's cable."""
    run(["ip", "link", "set", outer_end(node), "down"])


def mend(node: str) -> None:
    """Put a node's cable back."""
    run(["ip", "link", "set", outer_end(node), "up"])


def swallow_ssh(address: str) -> None:
    """Lose whatever this machine sends to a node's ssh, and what is connected; the cluster's own traffic goes on."""
    run(["ip", "rule", "add", "pref", PREFERENCE, "to", address, "ipproto", "tcp", "dport", "22", "blackhole"])
    # a connection that is only silent may outlive the rule: ssh is patient for a minute after each answer
    run(["ss", "--kill", "dst", address, "dport", "=", "22"])


def let_ssh_through(address: str) -> None:
    """Take that rule away."""
    run(["ip", "rule", "del", "pref", PREFERENCE, "to", address, "ipproto", "tcp", "dport", "22"])


def rules() -> list[str]:
    """The lab's routing rules on this machine."""
    return [line for line in run(["ip", "rule", "show"]).out.splitlines() if line.startswith(f"{PREFERENCE}:")]


def links() -> list[str]:
    """Name the lab's links on this machine."""
    names = (str(link["ifname"]) for link in json.loads(run(["ip", "-json", "link", "show"]).out))
    return [name for name in names if name.startswith(PREFIX)]


def namespaces() -> list[str]:
    """Name the lab's network namespaces."""
    return sorted(path.name for path in NAMESPACES.glob(f"{PREFIX}*"))


def _ip(batch: str, *options: str) -> None:
    run(["ip", *options, "-batch", "-"], stdin=batch + "\n")
