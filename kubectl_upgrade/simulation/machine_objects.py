"""API objects of MachineDeployments and what they make, in both APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.machines import MACHINE_CONTROLLER
from kubectl_upgrade.simulation import identity
from kubectl_upgrade.simulation.store import copied

if TYPE_CHECKING:
    from kubectl_upgrade.model.machines import ClusterTopology, MachineDeployment
    from kubectl_upgrade.world import Json


def cluster(entry: ClusterTopology) -> Json:
    """A Cluster with a topology."""
    return {
        "apiVersion": entry.api,
        "kind": "Cluster",
        "metadata": {"name": entry.name, "namespace": entry.namespace, "uid": entry.uid, "generation": 1},
        "spec": {"topology": {"classRef": {"name": "small"}, "version": str(entry.version)}},
        "status": {"observedGeneration": 1},
    }


def deployment(entry: MachineDeployment) -> Json:
    """Versions as their owners write them: machine-controller's without a `v`."""
    rolling = {"maxSurge": _number(entry.max_surge), "maxUnavailable": _number(entry.max_unavailable)}
    strategy = {"type": entry.strategy, "rollingUpdate": rolling}
    of_machine_controller = entry.api == MACHINE_CONTROLLER
    name = entry.owner.partition("/")[2]
    spec: Json = {
        "replicas": entry.replicas,
        "selector": {"matchLabels": {"set": entry.name}},
        **(
            {"strategy": strategy}
            if of_machine_controller
            else {"rollout": {"strategy": strategy}, "clusterName": name}
        ),
        "template": {
            "metadata": {"labels": {"set": entry.name}},
            "spec": {"versions": {"kubelet": entry.version.bare}}
            if of_machine_controller
            else {"version": str(entry.version), "clusterName": name},
        },
    }
    owners = [_reference("Cluster", name, "", controller=False)] if name else []
    labels = {"topology.cluster.x-k8s.io/owned": ""} if entry.topology else {}
    return {
        "apiVersion": entry.api,
        "kind": "MachineDeployment",
        "metadata": {
            "name": entry.name,
            "namespace": entry.namespace,
            "uid": entry.uid,
            "generation": 1,
            "labels": labels,
            "annotations": {},
            "ownerReferences": owners,
        },
        "spec": spec,
        "status": {"observedGeneration": 1},
    }


def machine_set(of: Json) -> Json:
    """The MachineSet of a MachineDeployment's present template."""
    name, at = of["metadata"]["name"], version(of["apiVersion"], of["spec"]["template"]["spec"])
    return _made(of, "MachineSet", f"{name}-{identity.digest(name, at)[:8]}", copied(of["spec"]["template"]), of)


def machine(of: Json, owner: Json, name: str) -> Json:
    """A Machine that nobody has booted yet."""
    made = _made(of, "Machine", name, copied(of["spec"]["template"]["spec"]), owner)
    made["status"] = {"conditions": []}
    return made


def version(api: str, spec: Json) -> str:
    """As it stands in the specification of a Machine."""
    return str(spec["versions"]["kubelet"] if api == MACHINE_CONTROLLER else spec["version"])


def strategy(of: Json) -> str:
    """OnDelete, or RollingUpdate."""
    return str((of["spec"].get("rollout") or of["spec"])["strategy"]["type"])


def is_ready(obj: Json) -> bool:
    """It has a Node that is Ready."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in obj["status"]["conditions"])


def say(obj: Json, kind: str, status: str, reason: str, message: str) -> None:
    """One condition, in the place of what it said before."""
    others = [one for one in obj["status"]["conditions"] if one["type"] != kind]
    obj["status"]["conditions"] = [*others, {"type": kind, "status": status, "reason": reason, "message": message}]


def set_node(obj: Json, node: Json) -> None:
    """A Machine's Node has joined. v1beta2 names it alone."""
    uid = {"uid": node["metadata"]["uid"]} if obj["apiVersion"] == MACHINE_CONTROLLER else {}
    obj["status"]["nodeRef"] = {"name": node["metadata"]["name"], **uid}
    obj["spec"]["providerID"] = node["spec"]["providerID"]
    obj["status"]["conditions"] = []
    say(obj, "Ready", "True", "Ready", "")


def mark_node(node: Json, owner: Json) -> None:
    """What each of the two controllers writes on a Node of its Machine."""
    metadata = owner["metadata"]
    if owner["apiVersion"] == MACHINE_CONTROLLER:
        node["metadata"]["labels"]["machine-controller/owned-by"] = metadata["uid"]
        return
    node["metadata"]["annotations"] |= {
        "cluster.x-k8s.io/machine": metadata["name"],
        "cluster.x-k8s.io/cluster-namespace": metadata["namespace"],
        "cluster.x-k8s.io/owner-kind": "MachineSet",
        "cluster.x-k8s.io/owner-name": metadata["ownerReferences"][0]["name"],
    }


def _made(of: Json, kind: str, name: str, spec: Json, owner: Json) -> Json:
    metadata = owner["metadata"]
    return {
        "apiVersion": of["apiVersion"],
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": of["metadata"]["namespace"],
            "labels": dict(of["spec"]["template"]["metadata"]["labels"]),
            "ownerReferences": [_reference(owner["kind"], metadata["name"], metadata["uid"], controller=True)],
        },
        "spec": spec,
    }


def _reference(kind: str, name: str, uid: str, *, controller: bool) -> Json:
    return {"kind": kind, "name": name, "uid": uid, "controller": controller}


def _number(text: str) -> int | str:
    return int(text) if text.isdigit() else text
