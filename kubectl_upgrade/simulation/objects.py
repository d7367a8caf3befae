"""API objects of a kubeadm cluster, as far as anything reads them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_upgrade.simulation.node import Node
    from kubectl_upgrade.world import Json

KUBE_SYSTEM = "kube-system"
CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"
UNSCHEDULABLE_TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}

KUBE_PROXY = """\
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clusterCIDR: 10.244.0.0/16
mode: ""
"""
# kubeadm's default
COREFILE = """\
.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
"""


def namespace(name: str) -> Json:
    """A Namespace in use."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "status": {"phase": "Active"}}


def node_object(node: Node, uid: str, *, cordoned: bool) -> Json:
    """Metadata and spec; the status is derived from the machine when it is read."""
    labels = {"kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    spec: Json = {}
    if node.control_plane:
        labels[CONTROL_PLANE_LABEL] = ""
        spec["taints"] = [{"key": CONTROL_PLANE_LABEL, "effect": "NoSchedule"}]
    if cordoned:
        spec["unschedulable"] = True
        spec["taints"] = [*spec.get("taints", []), UNSCHEDULABLE_TAINT]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "uid": uid, "labels": labels, "annotations": {}},
        "spec": spec,
    }


def pod(  # noqa: PLR0913 - a pod is all of these
    name: str,
    space: str,
    image: str,
    *,
    labels: Mapping[str, str],
    owner: Json | None = None,
    node: str = "",
    anywhere: bool = False,
) -> Json:
    """A pod of one container, not running yet; `anywhere` tolerates the control plane's taint."""
    metadata: Json = {"name": name, "namespace": space, "labels": dict(labels)}
    if owner is not None:
        metadata["ownerReferences"] = [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"].get("uid", ""),
                "controller": True,
            }
        ]
    # as kubeadm and most people do: the container is called like its image
    spec: Json = {"containers": [{"name": image.rpartition("/")[2].partition(":")[0], "image": image}]}
    if anywhere:
        spec["tolerations"] = [{"key": CONTROL_PLANE_LABEL, "effect": "NoSchedule"}]
    if node:
        spec["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}


def set_running(obj: Json, *, running: bool) -> None:
    """A pod's status with its container running or not."""
    container = obj["spec"]["containers"][0]
    obj["status"] = _pod_status(container["name"], container["image"], running)


def set_crash_looping(obj: Json) -> None:
    """A pod whose container was started some times and ended each time."""
    set_running(obj, running=False)
    container = {**obj["status"]["containerStatuses"][0], "restartCount": 4}
    container["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    obj["status"] = {**obj["status"], "phase": "Running", "containerStatuses": [container]}


@cache
def _pod_status(name: str, image: str, running: bool) -> Json:  # noqa: FBT001 - a cache's key
    """One for all pods alike: 50,000 of them are too much work for the garbage collector; nothing changes it."""
    state: Json = {"running": {}} if running else {"waiting": {"reason": "ContainerCreating"}}
    return {
        "phase": "Running" if running else "Pending",
        "conditions": [{"type": "Ready", "status": "True" if running else "False"}],
        "containerStatuses": [{"name": name, "image": image, "ready": running, "state": state}],
    }


def is_ready(obj: Json) -> bool:
    """A pod that counts as available: Ready and not on its way out."""
    conditions = obj["status"].get("conditions", [])
    ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return ready and "deletionTimestamp" not in obj["metadata"]


def mirror_pod(node: Node, component: str) -> Json:
    """What the kubelet shows in the API of a static pod."""
    static = node.static_pods[component]
    labels = {"component": component, "tier": "control-plane"}
    obj = pod(f"{component}-{node.name}", KUBE_SYSTEM, static.image, labels=labels, node=node.name)
    obj["metadata"]["annotations"] = {
        "kubernetes.io/config.mirror": static.manifest_hash.removeprefix("sha256:")[:32],
        "kubernetes.io/config.source": "file",
    }
    set_running(obj, running=static.running)
    return obj


def config_map(name: str, data: Mapping[str, str]) -> Json:
    """A ConfigMap in kube-system."""
    metadata = {"name": name, "namespace": KUBE_SYSTEM}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def workload(  # noqa: PLR0913 - a workload is all of these
    kind: str, name: str, space: str, image: str, *, labels: Mapping[str, str], replicas: int | None = None
) -> Json:
    """A DaemonSet, Deployment or ReplicaSet; its status is derived from its pods when it is read."""
    spec: Json = {
        "selector": {"matchLabels": dict(labels)},
        "template": {"metadata": {"labels": dict(labels)}, "spec": {"containers": [{"name": name, "image": image}]}},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": space, "labels": dict(labels), "generation": 1},
        "spec": spec,
        "status": {"observedGeneration": 1},
    }


def budget(name: str, space: str, *, labels: Mapping[str, str], max_unavailable: int) -> Json:
    """A PodDisruptionBudget."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": space},
        "spec": {"maxUnavailable": max_unavailable, "selector": {"matchLabels": dict(labels)}},
    }


def lease(name: str, holder: str) -> Json:
    """A Lease in kube-system."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": KUBE_SYSTEM},
        "spec": {"holderIdentity": holder},
    }


def kubelet_configuration(*, fail_cgroup_v1: bool, gates: Sequence[str] = ()) -> str:
    """KubeletConfiguration, YAML, as in the ConfigMap kubelet-config."""
    lines = ["apiVersion: kubelet.config.k8s.io/v1beta1", "clusterDomain: cluster.local"]
    lines += [] if fail_cgroup_v1 else ["failCgroupV1: false"]
    return "\n".join([*lines, *_gates(gates), "kind: KubeletConfiguration", "rotateCertificates: true"]) + "\n"


def kube_proxy_configuration(gates: Sequence[str]) -> str:
    """KubeProxyConfiguration, YAML, as in the ConfigMap kube-proxy."""
    head = ["apiVersion: kubeproxy.config.k8s.io/v1alpha1", "clusterCIDR: 10.244.0.0/16"]
    return "\n".join([*head, *_gates(gates), "kind: KubeProxyConfiguration", 'mode: ""']) + "\n"


def _gates(gates: Sequence[str]) -> list[str]:
    return ["featureGates:", *(f"  {gate}: true" for gate in gates)] if gates else []
