"""Is the cluster really upgraded? Judged from the API's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.upgrade import workload
from tests.lab import minors, readiness
from tests.lab.until import until
from tests.lab.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.lab.lab import Lab

LIMIT = 300
NODES = "/api/v1/nodes"
SYSTEM_PODS = "/api/v1/namespaces/kube-system/pods"
PROXY = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"
OF_THE_VERSION = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


def wait(lab: Lab, to: str) -> None:
    """Until it is: a kubelet reports its version some seconds after its restart, which is no fault."""
    etcd = minors.source_version(Version.parse(to).minor_name, "etcd", "go.etcd.io/etcd/server/v3").removeprefix("v")
    expected = {**dict.fromkeys(OF_THE_VERSION, to), "etcd": f"{etcd}-0"}
    control_planes = [node.name for node in lab.spec.control_plane_nodes]

    def missing() -> str:
        pods = lab.api.get(SYSTEM_PODS)
        wrong = [
            *wrong_nodes(lab.api.get(NODES), [node.name for node in lab.nodes], to),
            *wrong_static_pods(pods, control_planes, expected),
            readiness.pods(pods),
            *wrong_proxy(lab.api.get(PROXY), to),
        ]
        return "; ".join(filter(None, wrong))

    until(f"the cluster at {to}", LIMIT, missing)
    workload.wait(lab)


def wrong_nodes(answer: Mapping[str, Any], names: Iterable[str], to: str) -> Iterator[str]:
    """Every node is there, Ready, schedulable, and its kubelet is the new one."""
    found = {node["metadata"]["name"]: node for node in answer["items"]}
    for name in names:
        if name not in found:
            yield f"{name}: no such node"
            continue
        node = found[name]
        kubelet = node["status"]["nodeInfo"]["kubeletVersion"]
        if kubelet != to:
            yield f"{name}: kubelet {kubelet}"
        if {"type": "Ready", "status": "True"} not in [
            {"type": part["type"], "status": part["status"]} for part in node["status"]["conditions"]
        ]:
            yield f"{name}: not Ready"
        if node["spec"].get("unschedulable"):
            yield f"{name}: cordoned"


def wrong_static_pods(
    answer: Mapping[str, Any], control_planes: Iterable[str], expected: Mapping[str, str]
) -> Iterator[str]:
    """On each control plane each component runs the image of the target."""
    found = {pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"] for pod in answer["items"]}
    for node in control_planes:
        for component, tag in expected.items():
            image = found.get(f"{component}-{node}", "nothing")
            if not image.endswith(f":{tag}"):
                yield f"{component} on {node}: {image}, not {tag}"


def wrong_proxy(daemon_set: Mapping[str, Any], to: str) -> Iterator[str]:
    """kube-proxy is the last thing that the last `kubeadm upgrade` on a control plane changes."""
    image = daemon_set["spec"]["template"]["spec"]["containers"][0]["image"]
    status = daemon_set["status"]
    if not image.endswith(f":{to}"):
        yield f"kube-proxy: {image}"
    elif status.get("updatedNumberScheduled", 0) != status["desiredNumberScheduled"]:
        yield "kube-proxy: not rolled out yet"
