"""What a lab consists of: its nodes, their addresses and its version; pure."""

import json
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from tests.lab.versions import Version

DEFAULT_VERSION = Version(1, 34, 4)
GATEWAY = "10.99.0.1"
# a hardened cluster's name for its endpoint; only the nodes know it
NAMED_ENDPOINT = "api.lab.example"
API_PORT = 6443
POD_SUBNET = "10.100.0.0/16"
SERVICE_SUBNET = "10.101.0.0/16"
FIRST_CONTROL_PLANE = 11
FIRST_WORKER = 21
MOST_CONTROL_PLANES = FIRST_WORKER - FIRST_CONTROL_PLANE
MOST_WORKERS = 200


class Role(Enum):
    """What a node does in its cluster."""

    CONTROL_PLANE = "control-plane"
    WORKER = "worker"


@dataclass(frozen=True)
class Node:
    """One machine; the last part of its address also numbers its pods' network."""

    name: str
    number: int
    role: Role

    @property
    def address(self) -> str:
        """The machine's own address."""
        return f"10.99.0.{self.number}"

    @property
    def hardware_address(self) -> str:
        """The same at every boot, as a card's is: the others remember it for a while."""
        return f"02:00:0a:63:00:{self.number:02x}"

    @property
    def pods(self) -> str:
        """The network of the pods on this machine."""
        return f"10.100.{self.number}.0/24"


@dataclass(frozen=True)
class Spec:
    """A cluster to bring up; `also` are further versions to offer to it."""

    control_planes: int = 3
    workers: int = 2
    version: Version = DEFAULT_VERSION
    also: tuple[Version, ...] = ()
    load_balancer: bool = True
    hardened: bool = False
    """as tests/lab/hardened.py says"""

    def __post_init__(self) -> None:
        """Refuse what cannot be brought up."""
        if not 1 <= self.control_planes <= MOST_CONTROL_PLANES or not 0 <= self.workers <= MOST_WORKERS:
            raise ValueError(f"{self.control_planes} control planes and {self.workers} workers: too few or too many")
        if self.control_planes > 1 and not self.load_balancer:
            raise ValueError("more than one control plane needs the load balancer")
        if self.hardened and not self.load_balancer:
            raise ValueError("a hardened cluster needs the load balancer: its endpoint is a name of it")

    @property
    def control_plane_nodes(self) -> tuple[Node, ...]:
        """The control planes, the first one first."""
        return tuple(
            Node(f"cp{i + 1}", FIRST_CONTROL_PLANE + i, Role.CONTROL_PLANE) for i in range(self.control_planes)
        )

    @property
    def worker_nodes(self) -> tuple[Node, ...]:
        """The workers."""
        return tuple(Node(f"w{i + 1}", FIRST_WORKER + i, Role.WORKER) for i in range(self.workers))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every machine."""
        return self.control_plane_nodes + self.worker_nodes

    @property
    def endpoint(self) -> str:
        """The control plane's endpoint, as kubeadm names it."""
        if self.hardened:
            return f"{NAMED_ENDPOINT}:{API_PORT}"
        return self.reachable_endpoint

    @property
    def reachable_endpoint(self) -> str:
        """The same endpoint, for a machine that does not know its name."""
        host = GATEWAY if self.load_balancer else self.control_plane_nodes[0].address
        return f"{host}:{API_PORT}"

    @property
    def versions(self) -> tuple[Version, ...]:
        """Every version that the lab offers, without repeats."""
        return tuple(dict.fromkeys((self.version, *self.also)))

    def node(self, name: str) -> Node:
        """Find a machine by its name."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise ValueError(f"no node {name}; there are {', '.join(node.name for node in self.nodes)}")

    def to_json(self) -> str:
        """Write the spec down."""
        fields = {**asdict(self), "version": str(self.version), "also": [str(version) for version in self.also]}
        return json.dumps(fields, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Spec":
        """Read what `to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        version, also = Version.parse(fields.pop("version")), fields.pop("also")
        return cls(version=version, also=tuple(Version.parse(other) for other in also), **fields)
