"""Pods that come and go: eviction, rescheduling, and rollouts of add-ons."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import ApiError, ConflictError
from kubectl_upgrade.simulation import identity, objects
from kubectl_upgrade.simulation.faults import UnplannedError
from kubectl_upgrade.simulation.paths import BUDGETS, DAEMON_SETS, DEPLOYMENTS, PODS, REPLICA_SETS, Location
from kubectl_upgrade.simulation.selectors import matches_labels
from kubectl_upgrade.simulation.status import disruptions_allowed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.world import Json

# seconds; the lab drained a node in 0 to 12
ENDS_AFTER = 2.0
READY_AFTER = 4.0
OBSERVED_AFTER = 1.0
# Kubernetes' own, which most pods do not use up
DEFAULT_GRACE = 30


class Workloads:
    """The controllers of a cluster: ReplicaSets, DaemonSets, the scheduler, the eviction API."""

    def __init__(self, cluster: ModelCluster) -> None:
        self._cluster = cluster
        self.crashing: dict[str, Version] = {}
        """label `k8s-app` → the kubelet's version from which on its pods do not stay up"""
        self._pending: dict[str, Json] = {}
        self._made = 0
        self._names: list[str] = []
        self._turn = 0

    def start(self, owner: Json, node: str = "", *, anywhere: bool = False, at_once: bool = False) -> Json:
        """A pod from a workload's template; the scheduler gives it a node unless one is named."""
        self._made += 1
        suffix = identity.digest(self._cluster.seed, "pod", self._made)[:5]
        template, metadata = owner["spec"]["template"], owner["metadata"]
        obj = objects.pod(
            f"{metadata['name']}-{suffix}{self._made:x}",
            metadata["namespace"],
            template["spec"]["containers"][0]["image"],
            labels=template["metadata"]["labels"],
            owner=owner,
            node=node,
            anywhere=anywhere,
        )
        self._cluster.store.add(PODS, obj)
        if not node:
            self._schedule(obj, at_once=at_once)
        elif at_once:
            objects.set_running(obj, running=True)
        else:
            self._cluster.later(READY_AFTER, lambda: self._run(obj))
        return obj

    def evict(self, at: Location, body: Json) -> Json:
        """POST …/pods/NAME/eviction: ApiError 429 when a budget allows no disruption."""
        store = self._cluster.store
        obj = store.get(Location(at.collection, at.namespace, at.name))
        if body.get("kind") != "Eviction" or body.get("apiVersion") != "policy/v1":
            raise UnplannedError(f"an eviction of {at} without an Eviction for a body: {body}")
        wanted = body.get("deleteOptions", {}).get("preconditions", {}).get("uid", obj["metadata"]["uid"])
        if wanted != obj["metadata"]["uid"]:
            raise ConflictError(f"{at}: its uid is no longer {wanted}", status=409, reason="Conflict")
        if "deletionTimestamp" not in obj["metadata"]:
            self._ask_budgets(obj)
            self.end(obj)
        return {"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success"}

    def end(self, obj: Json) -> None:
        """A pod gets its grace, and takes all of one that is its own; its controller starts another one now."""
        if "deletionTimestamp" in obj["metadata"]:
            return
        store = self._cluster.store
        own = obj["spec"].get("terminationGracePeriodSeconds")
        end = self._cluster.epoch + timedelta(seconds=self._cluster.now + (own or DEFAULT_GRACE))
        obj["metadata"]["deletionTimestamp"] = f"{end:%Y-%m-%dT%H:%M:%SZ}"
        store.touch(obj)
        self._pending.pop(obj["metadata"]["uid"], None)
        self._cluster.later(own or ENDS_AFTER, lambda: self._remove(obj))
        owner = self._controller(obj)
        if owner is not None and owner["kind"] == "ReplicaSet":
            self.start(owner, anywhere="tolerations" in obj["spec"])

    def forget(self, obj: Json) -> None:
        """A pod whose machine is gone: no grace; its ReplicaSet starts another one."""
        store, metadata = self._cluster.store, obj["metadata"]
        store.delete(Location(PODS, metadata["namespace"], metadata["name"]), metadata["uid"])
        owner = self._controller(obj)
        if owner is not None and owner["kind"] == "ReplicaSet" and "deletionTimestamp" not in metadata:
            self.start(owner, anywhere="tolerations" in obj["spec"])

    def _ask_budgets(self, obj: Json) -> None:
        budgets = [
            budget
            for budget in self._cluster.store.within(BUDGETS, obj["metadata"]["namespace"])
            if matches_labels(obj, budget["spec"]["selector"]["matchLabels"])
        ]
        if len(budgets) > 1:
            raise ApiError(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
                status=500,
                reason="InternalError",
            )
        for budget in budgets:
            if disruptions_allowed(self._cluster, budget) < 1:
                raise ApiError(
                    "Cannot evict pod as it would violate the pod's disruption budget.",
                    status=429,
                    reason="TooManyRequests",
                )

    def _remove(self, obj: Json) -> None:
        metadata = obj["metadata"]
        if not self._cluster.store.holds(PODS, obj):
            return
        if metadata.get("finalizers") or not self._heeded(obj):
            self._cluster.later(ENDS_AFTER, lambda: self._remove(obj))
            return
        self._cluster.store.delete(Location(PODS, metadata["namespace"], metadata["name"]), metadata["uid"])
        owner = self._controller(obj)
        if owner is not None and owner["kind"] == "DaemonSet":
            self.start(owner, obj["spec"]["nodeName"])
        elif "kubernetes.io/config.mirror" in metadata.get("annotations", {}):
            node = self._cluster.nodes[obj["spec"]["nodeName"]]
            self._cluster.show_static_pod(node, metadata["labels"]["component"])

    def _heeded(self, obj: Json) -> bool:
        """Only a pod's kubelet can tell that it has ended; a mirror in the API is not the pod."""
        node = self._cluster.nodes.get(obj["spec"].get("nodeName", ""))
        mirror = "kubernetes.io/config.mirror" in obj["metadata"].get("annotations", {})
        return node is None or mirror or (node.up and node.kubelet.active)

    def _controller(self, obj: Json) -> Json | None:
        for reference in obj["metadata"].get("ownerReferences", []):
            collection = {"ReplicaSet": REPLICA_SETS, "DaemonSet": DAEMON_SETS}[reference["kind"]]
            return self._cluster.store.find(collection, reference["name"], obj["metadata"]["namespace"])
        return None

    # the scheduler

    def cordon_changed(self, node: str) -> None:
        """The node controller's taint follows a cordon; pods that wait for a place look again."""
        obj = self._cluster.node_object(self._cluster.nodes[node])
        spec = obj["spec"]
        taints = [taint for taint in spec.get("taints", []) if taint["key"] != objects.UNSCHEDULABLE_TAINT["key"]]
        spec["taints"] = [*taints, dict(objects.UNSCHEDULABLE_TAINT)] if spec.get("unschedulable") else taints
        self._cluster.store.touch(obj)
        waiting, self._pending = self._pending, {}
        for pod in waiting.values():
            self._schedule(pod)

    def _schedule(self, obj: Json, *, at_once: bool = False) -> None:
        node = self._place("tolerations" in obj["spec"])
        if not node:
            self._pending[obj["metadata"]["uid"]] = obj
            return
        self._cluster.store.bind(obj, node)
        if at_once:
            objects.set_running(obj, running=True)
        else:
            self._cluster.later(READY_AFTER, lambda: self._run(obj))

    def _place(self, anywhere: bool) -> str:  # noqa: FBT001 - a pod either may go to a control plane or not
        """The next node, in turn, that takes pods; empty when none does."""
        nodes = self._cluster.nodes
        # a node that joined is the last one
        if len(self._names) != len(nodes) or self._names[-1] != next(reversed(nodes)):
            self._names = list(nodes)
        for _ in nodes:
            self._turn = (self._turn + 1) % len(nodes)
            name = self._names[self._turn]
            node = nodes[name]
            spec = self._cluster.node_object(node)["spec"]
            if not spec.get("unschedulable") and self._cluster.ready(node) and (anywhere or not node.control_plane):
                return name
        return ""

    def _run(self, obj: Json) -> None:
        if self._cluster.store.holds(PODS, obj) and "deletionTimestamp" not in obj["metadata"]:
            node = self._cluster.nodes[obj["spec"]["nodeName"]]
            since = self.crashing.get(obj["metadata"]["labels"].get("k8s-app", ""))
            if since is not None and node.kubelet.version >= since:
                objects.set_crash_looping(obj)
            else:
                objects.set_running(obj, running=True)
            self._cluster.store.touch(obj)

    # rollouts

    def roll_out_daemon_set(self, name: str, image: str) -> None:
        """A new image for a DaemonSet in kube-system, one node at a time (maxUnavailable: 1, the default)."""
        obj = self._cluster.store.find(DAEMON_SETS, name, objects.KUBE_SYSTEM)
        if obj is not None and self._new_template(obj, image):
            self._cluster.spawn(self._replace_daemon_pods(obj))

    def roll_out_deployment(self, name: str, image: str) -> None:
        """A new image for a Deployment in kube-system: a new ReplicaSet, whose pods replace the old one's in turn."""
        obj = self._cluster.store.find(DEPLOYMENTS, name, objects.KUBE_SYSTEM)
        if obj is not None and self._new_template(obj, image):
            self._cluster.spawn(self._replace_replicas(obj))

    def replica_set(self, deployment: Json) -> Json:
        """The ReplicaSet of a Deployment's present template, made when there is none."""
        metadata, spec = deployment["metadata"], deployment["spec"]
        image = spec["template"]["spec"]["containers"][0]["image"]
        name = f"{metadata['name']}-{identity.digest(image)[:9]}"
        found = self._cluster.store.find(REPLICA_SETS, name, metadata["namespace"])
        labels: Mapping[str, str] = spec["template"]["metadata"]["labels"]
        return found or self._cluster.store.add(
            REPLICA_SETS,
            objects.workload(
                "ReplicaSet", name, metadata["namespace"], image, labels=labels, replicas=spec["replicas"]
            ),
        )

    def _new_template(self, obj: Json, image: str) -> bool:
        if _image(obj["spec"]["template"]) == image:
            return False
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = image
        obj["metadata"]["generation"] += 1
        self._cluster.store.touch(obj)
        return True

    async def _replace_daemon_pods(self, obj: Json) -> None:
        await self._observe(obj)
        for node in list(self._cluster.nodes):
            for pod in self._cluster.store.pods_on(node):
                if self._controller(pod) is obj and _image(pod) != _image(obj["spec"]["template"]):
                    self.end(pod)
                    await asyncio.sleep(ENDS_AFTER + READY_AFTER)

    async def _replace_replicas(self, obj: Json) -> None:
        await self._observe(obj)
        chosen = obj["spec"]["selector"]["matchLabels"]
        for pod in list(self._cluster.store.within(PODS, obj["metadata"]["namespace"])):
            if matches_labels(pod, chosen) and _image(pod) != _image(obj["spec"]["template"]):
                self.start(self.replica_set(obj), anywhere="tolerations" in pod["spec"])
                await asyncio.sleep(READY_AFTER)
                self._retire(pod)

    def _retire(self, pod: Json) -> None:
        """Remove a pod that its Deployment no longer wants: nothing takes its place."""
        if self._cluster.store.holds(PODS, pod):
            pod["metadata"].pop("ownerReferences", None)
            self.end(pod)

    async def _observe(self, obj: Json) -> None:
        await asyncio.sleep(OBSERVED_AFTER)
        obj["status"]["observedGeneration"] = obj["metadata"]["generation"]


def _image(spec_holder: Json) -> str:
    """Of a pod, or of a workload's template."""
    return str(spec_holder["spec"]["containers"][0]["image"])
