"""Controllers that replace machines, Cluster API's and machine-controller's, as far as MachineDeployments show them."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import TYPE_CHECKING

from kubectl_upgrade.model.machines import MACHINE_CONTROLLER, MachineDeployment
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation import identity, machine_objects
from kubectl_upgrade.simulation.new_node import new_node
from kubectl_upgrade.simulation.paths import DAEMON_SETS, NAMESPACES, NODES, Location
from kubectl_upgrade.simulation.power import leave

if TYPE_CHECKING:
    from kubectl_upgrade.model.machines import ClusterTopology
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.world import Json

# seconds
OBSERVED_AFTER = 1.0
# Cluster API 1.14.2 has seen a specification well before it counts old Machines as such (tests/machines)
COUNTED_AFTER = 20.0
BOOTS_AFTER = 60.0
GOES_AFTER = 20.0
_LOOKS_AGAIN = 5.0
# RFC 2544: nobody's nodes live there
_ADDRESSES = ip_address("198.18.0.1")


class Machines:
    """One Machine more, then one old one less: maxSurge 1, maxUnavailable 0."""

    def __init__(self, cluster: ModelCluster) -> None:
        self._cluster = cluster
        self._apis: dict[str, None] = {}
        self._made = 0
        self._counted: dict[str, float] = {}
        """until when the old count of a MachineDeployment is shown, by its uid"""
        self.stuck = ""
        """why no new Machine gets ready; empty when all is well"""
        self.stuck_going = ""
        """why no old Machine goes"""
        self.image: Version | None = None
        """the provider's image has this kubelet, whatever version a Machine names"""

    def api_groups(self) -> Json:
        """As /apis lists them."""
        groups = []
        for api in self._apis:
            group, _, version = api.partition("/")
            groups.append({"name": group, "versions": [{"groupVersion": api, "version": version}]})
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    # what there is

    def add_topology(self, entry: ClusterTopology) -> None:
        """A Cluster with a topology."""
        self._serve(entry.api, entry.namespace)
        self._cluster.store.add(f"/apis/{entry.api}/clusters", machine_objects.cluster(entry))

    def add_deployment(self, entry: MachineDeployment, *, nodes: bool = True) -> Json:
        """A MachineDeployment at rest; without `nodes` its Machines' Nodes are another cluster's."""
        self._serve(entry.api, entry.namespace)
        obj = self._cluster.store.add(self._path(entry.api, "machinedeployments"), machine_objects.deployment(entry))
        for _ in range(entry.replicas):
            machine = self._new_machine(obj)
            machine["status"]["nodeRef"] = {"name": f"other-{self._made}", "uid": "of another cluster"}
            if nodes:
                self._join(obj, machine)
        return obj

    def of(self, deployment: Json) -> list[Json]:
        """Its Machines."""
        machines = self._cluster.store.within(
            self._path(deployment["apiVersion"], "machines"), deployment["metadata"]["namespace"]
        )
        name = deployment["metadata"]["name"]
        return [machine for machine in machines if machine["metadata"]["labels"]["set"] == name]

    def status(self, deployment: Json) -> Json:
        """Counted from its Machines."""
        staying = [m for m in self.of(deployment) if "deletionTimestamp" not in m["metadata"]]
        wanted = machine_objects.version(deployment["apiVersion"], deployment["spec"]["template"]["spec"])
        updated = [m for m in staying if machine_objects.version(m["apiVersion"], m["spec"]) == wanted]
        if self._cluster.now < self._counted.get(deployment["metadata"]["uid"], 0):
            updated = staying
        ready = sum(machine_objects.is_ready(machine) for machine in staying)
        count = "updatedReplicas" if deployment["apiVersion"] == MACHINE_CONTROLLER else "upToDateReplicas"
        return {
            "observedGeneration": deployment["status"]["observedGeneration"],
            "replicas": len(staying),
            count: len(updated),
            "readyReplicas": ready,
            "availableReplicas": ready,
        }

    # what happens

    def patched(self, collection: str, obj: Json) -> None:
        """A client has patched something: its controller looks."""
        if collection.endswith("/machinedeployments"):
            self._cluster.spawn(self._roll_out(obj))
        elif collection.endswith("/clusters"):
            self._cluster.spawn(self._pass_on(obj))

    async def _pass_on(self, cluster: Json) -> None:
        """The topology's controller: one MachineDeployment after the other."""
        api, metadata = cluster["apiVersion"], cluster["metadata"]
        version = cluster["spec"]["topology"]["version"]
        for obj in list(self._cluster.store.within(self._path(api, "machinedeployments"), metadata["namespace"])):
            spec = obj["spec"]["template"]["spec"]
            if obj["spec"].get("clusterName") != metadata["name"] or spec["version"] == version:
                continue
            await asyncio.sleep(OBSERVED_AFTER)
            spec["version"] = version
            obj["metadata"]["generation"] += 1
            self._cluster.store.touch(obj)
            await self._roll_out(obj)

    async def _roll_out(self, obj: Json) -> None:
        await asyncio.sleep(OBSERVED_AFTER)
        mine = obj["status"]["observedGeneration"] = obj["metadata"]["generation"]
        self._counted[obj["metadata"]["uid"]] = self._cluster.now + COUNTED_AFTER
        self._cluster.store.touch(obj)
        if obj["spec"].get("paused") or machine_objects.strategy(obj) == "OnDelete":
            return
        wanted = machine_objects.version(obj["apiVersion"], obj["spec"]["template"]["spec"])
        for old in self.of(obj):
            if machine_objects.version(old["apiVersion"], old["spec"]) == wanted:
                continue
            machine = self._new_machine(obj)
            await self._boot(machine)
            if obj["metadata"]["generation"] != mine:
                return  # a newer specification has its own controller's turn
            self._join(obj, machine)
            await self._end(old)

    async def _boot(self, machine: Json) -> None:
        await asyncio.sleep(BOOTS_AFTER)
        while self.stuck:
            machine_objects.say(machine, "InfrastructureReady", "False", "CreateFailed", self.stuck)
            await asyncio.sleep(_LOOKS_AGAIN)

    async def _end(self, machine: Json) -> None:
        machine["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        self._cluster.store.touch(machine)
        await asyncio.sleep(GOES_AFTER)
        while self.stuck_going:
            machine_objects.say(machine, "Deleting", "True", "DrainingNode", self.stuck_going)
            await asyncio.sleep(_LOOKS_AGAIN)
        metadata = machine["metadata"]
        node = self._cluster.nodes.get(machine["status"]["nodeRef"]["name"])
        if node is not None:
            leave(self._cluster, node)
        at = Location(self._path(machine["apiVersion"], "machines"), metadata["namespace"], metadata["name"])
        self._cluster.store.delete(at, metadata["uid"])

    # parts

    def _new_machine(self, deployment: Json) -> Json:
        self._made += 1
        machine_set = self._machine_set(deployment)
        name = f"{machine_set['metadata']['name']}-{identity.digest('machine', self._made)[:5]}"
        obj = machine_objects.machine(deployment, machine_set, name)
        return self._cluster.store.add(self._path(deployment["apiVersion"], "machines"), obj)

    def _machine_set(self, deployment: Json) -> Json:
        obj = machine_objects.machine_set(deployment)
        collection = self._path(deployment["apiVersion"], "machinesets")
        found = self._cluster.store.find(collection, obj["metadata"]["name"], obj["metadata"]["namespace"])
        return found or self._cluster.store.add(collection, obj)

    def _join(self, deployment: Json, machine: Json) -> None:
        """The machine's kubelet joins; DaemonSets start their pods there."""
        cluster, name = self._cluster, machine["metadata"]["name"]
        version = Version.parse(machine_objects.version(machine["apiVersion"], machine["spec"]))
        kubelet = self.image or version
        node = new_node(cluster, name, str(_ADDRESSES + self._made), kubelet, kubelet)
        cluster.add_node(node, identity.uid(cluster.seed, "node", name))
        obj = cluster.node_object(node)
        obj["spec"]["providerID"] = f"modelled://{name}"
        machine_objects.mark_node(obj, machine)
        machine_objects.set_node(machine, obj)
        for daemon_set in list(cluster.store.within(DAEMON_SETS)):
            cluster.workloads.start(daemon_set, name, anywhere=True, at_once=cluster.now == 0)
        cluster.store.touch(cluster.store.get(Location(NODES, "", name)))
        cluster.store.touch(deployment)

    def _serve(self, api: str, namespace: str) -> None:
        self._apis[api] = None
        if self._cluster.store.find(NAMESPACES, namespace) is None:
            self._cluster.store.add(
                NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            )

    @staticmethod
    def _path(api: str, resource: str) -> str:
        return f"/apis/{api}/{resource}"
