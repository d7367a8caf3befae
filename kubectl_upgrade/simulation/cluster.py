"""The modelled cluster: its machines, the API's objects, and what holds them together."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import yaml

from kubectl_upgrade.model.errors import NodeUnreachableError
from kubectl_upgrade.simulation import identity, objects
from kubectl_upgrade.simulation.admission import Admission
from kubectl_upgrade.simulation.faults import Faults, UnplannedError
from kubectl_upgrade.simulation.machines import Machines
from kubectl_upgrade.simulation.paths import CONFIG_MAPS, NODES, PODS
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.store import Store
from kubectl_upgrade.simulation.workloads import Workloads

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.simulation.client import Client, Landed
    from kubectl_upgrade.simulation.configuration import Configuration
    from kubectl_upgrade.simulation.node import Node, StaticPod
    from kubectl_upgrade.simulation.trace import ActionRecord
    from kubectl_upgrade.world import Json

# the lab saw a Node stay Ready for about 40 s after its kubelet had died
NOT_READY_AFTER = 40.0


class ModelCluster:
    """A kubeadm cluster as plain data, and the rules by which its parts act on each other.

    It lives on one event loop: what was begun in a run ends in it.
    """

    def __init__(self, configuration: Configuration, *, seed: int = 0) -> None:
        self.configuration = configuration
        self.seed = seed
        self.epoch = datetime(2026, 1, 1, tzinfo=UTC)
        """what the wall clock shows at virtual time 0; may be set before the run"""
        self.nodes: dict[str, Node] = {}
        self.control_planes: list[Node] = []
        self.store = Store(seed)
        self.admission = Admission(self.store)
        self.workloads = Workloads(self)
        self.machines = Machines(self)
        self.faults = Faults(seed)
        self.folder = Folder(seed)
        """the operator's state folder"""
        self.trace: list[ActionRecord] = []
        self.clients: list[Client] = []
        self.landed: list[Landed] = []
        """every change by a client, in the order of their effects"""
        self.stopped_together: list[str] = []
        """etcd members that were replaced while another one was, which costs three of them their quorum"""
        self.api_cut_until = 0.0
        self.external_etcd_up = True
        """of an etcd that is not kubeadm's"""
        self.withdrawn: set[str] = set()
        """versions that the package repository does not offer; `all` while it does not answer"""
        self.registry_up = True
        self.leader = ""
        """name of the node whose etcd member leads, empty without quorum"""
        self.ca, self.ca_hash = identity.certificate(seed, configuration.name)
        self._by_address: dict[str, Node] = {}
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._bug: BaseException | None = None
        self._asked = 0

    # time and tasks

    @property
    def now(self) -> float:
        """Seconds of virtual time; 0 before the loop runs."""
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return 0.0

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let something go on by itself; a bug in it is raised at the next call of the World."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._ended)
        return task

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        def call() -> None:
            try:
                function()
            except Exception as bug:  # noqa: BLE001 - kept for whoever calls next: a timer has no caller
                self._bug = bug

        asyncio.get_running_loop().call_later(seconds, call)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        del self._tasks[task]
        if not task.cancelled() and task.exception() is not None:
            self._bug = task.exception()

    def raise_bug(self) -> None:
        if self._bug is not None:
            raise self._bug

    # nodes

    def add_node(self, node: Node, uid: str, *, cordoned: bool = False) -> None:
        if node.name in self.nodes or node.address in self._by_address:
            raise UnplannedError(f"two nodes are called {node.name} or live at {node.address}")
        self.nodes[node.name] = node
        if node.control_plane:
            self.control_planes.append(node)
        self._by_address[node.address] = node
        self.store.add(NODES, objects.node_object(node, uid, cordoned=cordoned))
        for component in node.static_pods:
            self.store.add(PODS, objects.mirror_pod(node, component))

    def reach(self, address: str) -> Node:
        """The machine that answers ssh there."""
        node = self._by_address.get(address)
        if node is None or not node.up or self.now < node.cut_until:
            raise NodeUnreachableError(
                f"ssh to {address}: connect to host {address} port 22: No route to host",
                fix="see whether the machine is up, then run apply again",
            )
        return node

    def ready(self, node: Node) -> bool:
        """The Node's condition Ready: the node controller notices a silent kubelet only after a while."""
        return node.heartbeat_lost is None or self.now - node.heartbeat_lost < NOT_READY_AFTER

    def settle(self, node: Node) -> None:
        """Something on this node started or stopped: leadership and heartbeats follow."""
        if self.leader not in self.etcd_members_up():
            self.leader = next(iter(self.etcd_members_up()), "")
        serving = {other.name for other in self.serving()}
        for other in {n.name: n for n in (*self.control_planes, node)}.values():
            # since 1.33 a control plane's kubelet talks to its own API server only, unless it is sent to the endpoint;
            # with no API server at all nobody sees who is silent
            alone = other.control_plane and not other.kubelet.via_endpoint
            heard = not serving or other.name in serving or not alone
            if other.up and other.kubelet.active and heard:
                other.heartbeat_lost = None
            elif other.heartbeat_lost is None:
                other.heartbeat_lost = self.now
        if node.name in self.nodes:
            self.store.touch(self.node_object(node))

    def node_object(self, node: Node) -> Json:
        found = self.store.find(NODES, node.name)
        if found is None:
            raise UnplannedError(f"{node.name} has no Node object")
        return found

    # etcd and the API

    def etcd_members_up(self) -> list[str]:
        """Nodes whose member runs; none when they are too few for quorum."""
        members = [node for node in self.control_planes if node.etcd_member]
        running = [node.name for node in members if node.up and node.running("etcd")]
        return running if len(running) > len(members) // 2 else []

    def serving(self) -> list[Node]:
        """Nodes whose API server is ready."""
        running = [node for node in self.control_planes if node.up and node.running("kube-apiserver")]
        if self.configuration.etcd == "external":
            return running
        members = self.etcd_members_up()
        return [node for node in running if node.name in members]

    def api_server(self) -> Node | None:
        """One that the load balancer would pick, in turn; None when the API is down."""
        serving = self.serving()
        self._asked += 1
        return serving[self._asked % len(serving)] if serving else None

    def raft_index(self) -> int:
        """How far etcd got: it is written to all the time: leases, events, and what the API's clients do."""
        return 100_000 + int(self.now * 12) + self.store.revision

    # static pods

    def show_static_pod(self, node: Node, component: str) -> None:
        """Its mirror in the API follows: a new pod under the same name."""
        obj = objects.mirror_pod(node, component)
        self.store.add(PODS, obj)
        self.settle(node)

    def manifest(self, node: Node, component: str, version: Version) -> tuple[str, str]:
        """Image and hash of the manifest that kubeadm of this version writes."""
        image = self.configuration.component_image(component, version)
        return image, f"sha256:{identity.digest('manifest', node.name, component, image, node.patches)}"

    async def replace_static_pod(self, node: Node, component: str, *, down: float) -> None:
        """What the kubelet does when a manifest changed, or its own minor: the old pod ends, the new one starts."""
        static = node.static_pods[component]
        static.replaced = True
        try:
            await asyncio.sleep(1)
            if component == "etcd":
                self._note_others_replaced(node)
            self._run(node, component, static, running=False)
            await asyncio.sleep(down)
            static.image = static.manifest_image
            self._run(node, component, static, running=True)
        finally:
            static.replaced = False

    def _note_others_replaced(self, node: Node) -> None:
        for other in self.control_planes:
            if other is not node and "etcd" in other.static_pods and other.static_pods["etcd"].replaced:
                self.stopped_together.append(f"etcd was replaced on {node.name} and {other.name} at once")

    def _run(self, node: Node, component: str, static: StaticPod, *, running: bool) -> None:
        static.running = running
        self.show_static_pod(node, component)

    # configuration

    def read_configuration(self) -> None:
        """Somebody has changed kubeadm-config: kubeadm takes etcd's tag from there."""
        there = self.store.find(CONFIG_MAPS, "kubeadm-config", objects.KUBE_SYSTEM)
        if there is not None:
            etcd = yaml.safe_load(there["data"]["ClusterConfiguration"])["etcd"]
            self.configuration.etcd_tag = etcd.get("local", {}).get("imageTag", "none")

    def publish_configuration(self) -> None:
        """kubeadm-config, kubelet-config and kube-proxy's as ConfigMaps."""
        configuration = self.configuration
        data = {
            "kubeadm-config": {"ClusterConfiguration": configuration.text()},
            "kubelet-config": {
                "kubelet": objects.kubelet_configuration(
                    fail_cgroup_v1=configuration.fail_cgroup_v1, gates=configuration.kubelet_gates
                )
            },
            "kube-proxy": {"config.conf": objects.kube_proxy_configuration(configuration.proxy_gates)},
        }
        for name, values in data.items():
            there = self.store.find(CONFIG_MAPS, name, objects.KUBE_SYSTEM)
            if there is None:
                self.store.add(CONFIG_MAPS, objects.config_map(name, values))
            elif there["data"] != values:
                there["data"] = dict(values)
                self.store.touch(there)
