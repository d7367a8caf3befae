"""What the scripts of node/facts would print on a modelled node."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kubectl_upgrade.simulation import etcd_images, flags, objects, offers, rendered
from kubectl_upgrade.simulation.certificate import SIGNED, certificate
from kubectl_upgrade.simulation.faults import UnplannedError
from kubectl_upgrade.simulation.not_observed import NotObservedError
from kubectl_upgrade.simulation.releases import COMPONENTS, DEB_REVISION, etcd_version
from kubectl_upgrade.world import FactOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.node import Node, Unit
    from kubectl_upgrade.world import Json

_ALARMS = {"NOSPACE": 1, "CORRUPT": 2}
_YEAR = 365 * 24 * 3600


def observe(cluster: ModelCluster, node: Node, facts: Sequence[str]) -> dict[str, FactOutput]:
    """The output of facts by name; UnplannedError for one that is not modelled."""
    asked = [fact.split(" ") for fact in facts]
    return {name: _one(cluster, node, name, arguments) for name, *arguments in asked}


def _one(cluster: ModelCluster, node: Node, fact: str, arguments: Sequence[str]) -> FactOutput:
    if fact not in FACTS or bool(arguments) != (fact in _WITH_ARGUMENTS):
        raise UnplannedError(f"no such fact is modelled: {' '.join((fact, *arguments))}")
    try:
        return FactOutput(0, "".join(f"{line}\n" for line in FACTS[fact](cluster, node, *arguments)))
    except NotObservedError as error:
        return FactOutput(1, f"{error}\n")


def _host(_: ModelCluster, node: Node) -> list[str]:
    return [
        f"hostname {node.name}",
        f"boot-id {node.boot_id}",
        f"os-id {node.os_id}",
        f"os-version {node.os_version}",
        f"cgroup {node.cgroup}",
        f"host-key {node.host_key}",
    ]


def _packages(_: ModelCluster, node: Node) -> list[str]:
    return [
        "family apt",
        f"repository {node.repository}",
        *(f"held {package}" for package in sorted(node.held)),
        *(f"installed {package} {version.bare}-{DEB_REVISION}" for package, version in sorted(node.packages.items())),
    ]


def _kubeadm(_: ModelCluster, node: Node) -> list[str]:
    return [
        "initialised yes",
        f"control-plane {_yes(node.control_plane)}",
        f"kubeadm {node.packages['kubeadm']}",
        f"kubelet {node.packages['kubelet']}",
        f"patches {node.patches}",
        f"admin-conf {_yes(node.admin_conf)}",
    ]


def _manifests(_: ModelCluster, node: Node) -> list[str]:
    pods = {component: node.static_pods[component] for component in COMPONENTS if component in node.static_pods}
    patches = [f"patches {node.patches_hash}"] if node.patches == "standard" else []
    return [
        *patches,
        *(f"manifest {component} {pod.manifest_hash} {pod.manifest_image}" for component, pod in pods.items()),
        *(f"other {pod or '-'} {file}" for file, pod in sorted(node.other_manifests.items())),
    ]


def _etcd(cluster: ModelCluster, node: Node) -> list[str]:
    url = f"https://{node.address}:2379"
    if "etcd" not in node.static_pods:
        raise NotObservedError("no /etc/kubernetes/manifests/etcd.yaml on this node")
    if not node.running("etcd"):
        raise NotObservedError(f"etcd is not running: no process advertises {url}")
    if not cluster.leader:
        raise NotObservedError("etcdctl member list: context deadline exceeded")
    members = [other for other in cluster.control_planes if other.etcd_member]
    header = {"cluster_id": 1, "member_id": _id(node), "revision": cluster.store.revision, "raft_term": 2}
    index = cluster.raft_index()
    status: Json = {
        "header": header,
        "version": ".".join(map(str, etcd_version(node.static_pods["etcd"].image))),
        "dbSize": node.etcd_database,
        "leader": _id(cluster.nodes[cluster.leader]),
        "raftIndex": index,
        "raftTerm": 2,
        "raftAppliedIndex": index,
        "dbSizeInUse": node.etcd_database // 2,
    }
    alarms = [{"memberID": _id(other), "alarm": _ALARMS[alarm]} for other in members for alarm in other.etcd_alarms]
    listed = [
        {
            "ID": _id(other),
            "name": other.name,
            "peerURLs": [f"https://{other.address}:2380"],
            "clientURLs": [f"https://{other.address}:2379"],
        }
        for other in members
    ]
    return [
        f"status {_line([{'Endpoint': url, 'Status': status}])}",
        f"members {_line({'header': header, 'members': listed})}",
        f"alarms {_line({'header': header, **({'alarms': alarms} if alarms else {})})}",
    ]


def _apiserver(cluster: ModelCluster, node: Node) -> list[str]:
    if not node.control_plane:
        raise NotObservedError("no /etc/kubernetes/manifests/kube-apiserver.yaml on this node")
    if not node.running("kube-apiserver"):
        return [f"readyz 0 curl: (7) Failed to connect to {node.address} port 6443: Connection refused"]
    version = f"version {node.static_pods['kube-apiserver'].image.rpartition(':')[2]}"
    if node not in cluster.serving():
        return ["readyz 500 [-]etcd failed: reason withheld", version]
    return ["readyz 200 ok", version]


def _deprecated_apis(_: ModelCluster, node: Node) -> list[str]:
    if not node.control_plane:
        raise NotObservedError("no /etc/kubernetes/manifests/kube-apiserver.yaml on this node")
    if not node.running("kube-apiserver"):
        raise NotObservedError(f"https://{node.address}:6443/metrics answered 000")
    return [*(f"api {labels}" for labels in node.deprecated_apis), "code 200"]


def _components(_: ModelCluster, node: Node) -> list[str]:
    """The pods of the kubelet that runs: mirrors follow at once here."""
    refused = "curl: (7) Failed to connect to 127.0.0.1: Connection refused"
    health = [f"health {name} {'ok' if node.running(name) else refused}" for name in COMPONENTS[2:]]
    if not node.kubelet.active:
        return [*health, f"kubelet 000 {refused}"]
    pods = [objects.mirror_pod(node, component) for component in COMPONENTS if component in node.static_pods]
    return [*health, *(f"static-pod {_line(pod)}" for pod in pods), "kubelet answers"]


def _kubelet(_: ModelCluster, node: Node) -> list[str]:
    kubelet = node.kubelet
    return [
        f"active {_yes(kubelet.active)}",
        f"restarts {kubelet.restarts}",
        "healthz ok" if kubelet.active else "healthz curl: (7) Failed to connect to 127.0.0.1 port 10248",
        *(f"log {line}" for line in kubelet.log),
    ]


def _endpoint(cluster: ModelCluster, node: Node) -> list[str]:
    if not node.control_plane:
        raise NotObservedError("no /etc/kubernetes/admin.conf with one server in it on this node")
    endpoint = cluster.configuration.endpoint
    refused = f"curl: (7) Failed to connect to {endpoint}: Connection refused"
    return [
        f"kubelet {endpoint if node.kubelet.conf_via_endpoint else f'{node.address}:6443'}",
        f"endpoint {endpoint}",
        f"own {_yes(endpoint.rpartition(':')[0] == node.address)}",
        f"readyz {'ok' if cluster.serving() else refused}",
    ]


def _certificates(cluster: ModelCluster, node: Node) -> list[str]:
    """A year after they were made; the authorities ten years after the cluster was."""
    start = int(cluster.epoch.timestamp())
    made = start + int(node.certificates_made)
    lines = [f"now {start + int(cluster.now)}"]
    if node.control_plane:
        stacked = "etcd" in node.static_pods
        authorities = [name for name in ("ca", "front-proxy-ca", "etcd/ca") if stacked or name != "etcd/ca"]
        lines += [f"authority {name} yes {certificate(start, start + 10 * _YEAR)}" for name in authorities]
        lines += [
            f"certificate {name} {authority} {certificate(made, made + _YEAR)}"
            for name, authority in SIGNED.items()
            if authority in authorities
        ]
    return [*lines, f"certificate kubelet - {certificate(start, start + _YEAR)}"]


def _run(_: ModelCluster, node: Node) -> list[str]:
    fence = [f"fence {node.fence.run} {node.fence.epoch} {node.fence.owner}"] if node.fence else []
    manifests = [f"manifest {component} {found}" for component, found in node.kept_manifests.items()]
    back = ["stepped-back kubelet"] if node.stepped_back else []
    return [*fence, *manifests, *back, *(f"unit {_unit(unit)}" for _, unit in sorted(node.units.items()))]


def _unit(unit: Unit) -> str:
    code = "-" if unit.exit_code is None else unit.exit_code
    return f"{unit.name} {unit.state} {code} {unit.started} {' '.join((unit.action, *unit.args))}"


def _last_output(_: ModelCluster, node: Node) -> list[str]:
    if not node.units:
        return []
    newest = max(node.units.values(), key=lambda unit: unit.started)
    return [f"unit {newest.name}", *(f"line {line}" for line in newest.output.decode().splitlines()[-20:])]


def _evidence(_: ModelCluster, node: Node) -> list[str]:
    outputs = [f"## unit {_unit(unit)}\n{unit.output.decode()}" for unit in node.units.values()]
    return [*outputs, "## kubelet", *node.kubelet.log]


def _external_etcd(cluster: ModelCluster, node: Node) -> list[str]:
    """The API server is told to use the member beside it, or one outside the cluster."""
    if not node.control_plane:
        raise NotObservedError("no /etc/kubernetes/manifests/kube-apiserver.yaml on this node")
    stacked = node.static_pods.get("etcd")
    up = node.name in cluster.etcd_members_up() if stacked else cluster.external_etcd_up
    address = "127.0.0.1" if stacked else "10.99.0.5"
    refused = f"curl: (7) Failed to connect to {address} port 2379: Connection refused"
    version = str(etcd_version(stacked.image)) if stacked else "3.6.5"
    return [
        f"endpoint https://{address}:2379",
        f"health {_line({'health': 'true', 'reason': ''}) if up else refused}",
        f"version {_line({'etcdserver': version, 'etcdcluster': version}) if up else refused}",
    ]


def _kubelet_config_access(cluster: ModelCluster, node: Node) -> list[str]:
    serving = cluster.serving()
    alone = node.control_plane and not node.kubelet.conf_via_endpoint
    heard = node in serving if alone else bool(serving)
    if not heard:
        raise NotObservedError("curl: (7) Failed to connect to the API server: Connection refused")
    return ["code 200"]


def _etcd_images(cluster: ModelCluster, node: Node, *arguments: str) -> list[str]:
    return etcd_images.observe(cluster, node, arguments)


def _system(cluster: ModelCluster, node: Node) -> list[str]:
    return node.health.said(cluster.epoch.timestamp() + cluster.now, kubelet_active=node.kubelet.active)


# name of the script → its model
FACTS: dict[str, Callable[..., list[str]]] = {
    "host": _host,
    "packages": _packages,
    "kubeadm": _kubeadm,
    "manifests": _manifests,
    "etcd": _etcd,
    "apiserver": _apiserver,
    "deprecated-apis": _deprecated_apis,
    "components": _components,
    "kubelet": _kubelet,
    "endpoint": _endpoint,
    "certificates": _certificates,
    "flags": flags.observe,
    "run": _run,
    "kubelet-config-access": _kubelet_config_access,
    "external-etcd": _external_etcd,
    "last-output": _last_output,
    "evidence": _evidence,
    "system": _system,
    "offers": offers.observe,
    "rendered": rendered.observe,
    "etcd-images": _etcd_images,
}
_WITH_ARGUMENTS = frozenset({"etcd-images"})
# what traces of actions do not hold: what is for people only, asked by one wait or check alone, or of another etcd
_NOT_RECORDED = frozenset(
    {
        "flags",
        "components",
        "certificates",
        "deprecated-apis",
        "external-etcd",
        "last-output",
        "evidence",
        "system",
        "offers",
        "rendered",
        "etcd-images",
    }
)
RECORDED = tuple(name for name in FACTS if name not in _NOT_RECORDED)


def _yes(true: bool) -> str:  # noqa: FBT001 - it is what is written
    return "yes" if true else "no"


def _id(node: Node) -> int:
    return int(node.etcd_member, 16)


def _line(data: object) -> str:
    return json.dumps(data, separators=(",", ":"))
