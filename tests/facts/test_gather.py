"""Looking at a whole cluster, through a fake API and fake nodes."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import pytest

from kubectl_upgrade.facts import FACTS, ON_DEMAND, cluster_ca
from kubectl_upgrade.facts.gather import ProbeWorkers, gather, probe_hosts
from kubectl_upgrade.model.add_ons import AddOns, Broken, Corefile, CorefilePlugin
from kubectl_upgrade.model.errors import ApiError, NodeUnreachableError, NotFoundError, PreflightError
from kubectl_upgrade.model.facts import Facts, Host, HostFacts, Unknown
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.world import Clock, Cluster, FactOutput, Json, Machine, Nodes, State, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DATA = Path(__file__).parents[1] / "data" / "facts"
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
PODS, BUDGETS = "/api/v1/pods", "/apis/policy/v1/poddisruptionbudgets"
REGISTERED = "/apis/admissionregistration.k8s.io/v1"
WEBHOOKS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
BINDINGS = ("validatingadmissionpolicybindings", "mutatingadmissionpolicybindings")
ADMISSION = [
    *(f"{REGISTERED}/{resource}" for resource in (*WEBHOOKS, *BINDINGS)),
    f"{REGISTERED}beta1/mutatingadmissionpolicybindings",
    f"{KUBE_SYSTEM}/resourcequotas",
]
NODES = "/api/v1/nodes"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
FIELDS = {
    PODS: "status.phase!=Succeeded,status.phase!=Failed",
    REQUESTS: "spec.signerName=kubernetes.io/kubelet-serving",
}
T = TypeVar("T")
DER = b"not really a certificate, and longer than one line of PEM has room for: it is only hashed"
PEM = f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(DER).decode()}-----END CERTIFICATE-----\n"
CLUSTER_CONFIGURATION = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: lab
controlPlaneEndpoint: 10.99.0.1:6443
etcd:
  local:
    dataDir: /var/lib/etcd
imageRepository: registry.k8s.io
kubernetesVersion: v1.34.4
"""


def node(name: str, address: str, *, control_plane: bool = False, version: str = "v1.34.4") -> Json:
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "labels": {"node-role.kubernetes.io/control-plane": ""} if control_plane else {},
        },
        "spec": {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}] if address else [],
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": version, "bootID": f"boot-{name}"},
        },
    }


def api_server(name: str) -> Json:
    return {
        "metadata": {
            "labels": {"component": "kube-apiserver", "tier": "control-plane"},
            "annotations": {"kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint": "10.99.0.11:7443"},
        },
        "spec": {
            "nodeName": name,
            "containers": [{"name": "kube-apiserver", "image": "registry.k8s.io/kube-apiserver:v1.34.4"}],
        },
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


def kubeadm_config(text: str) -> Json:
    return {"data": {"ClusterConfiguration": text}}


_KUBELET_CONFIG = "failCgroupV1: false\nfailSwapOn: false\n"


@dataclass
class FakeCluster:
    """Serves what it holds, and nothing else."""

    nodes: list[Json] = field(default_factory=list)
    objects: dict[str, Json] = field(default_factory=dict)
    requests: list[Json] = field(default_factory=list)
    forbidden: frozenset[str] = frozenset()
    collections: dict[str, list[Json]] = field(default_factory=dict)
    """each is asked for once"""

    def __post_init__(self) -> None:
        self.collections = {path: [] for path in (PODS, BUDGETS, *ADMISSION)} | self.collections
        proxy = {"name": "kube-proxy", "image": "registry.k8s.io/kube-proxy:v1.34.3@sha256:00"}
        self.objects = {
            KUBE_SYSTEM: {"metadata": {"uid": "6f1c", "name": "kube-system"}},
            f"{KUBE_SYSTEM}/configmaps/kube-root-ca.crt": {"data": {"ca.crt": PEM + PEM}},
            f"{KUBE_SYSTEM}/configmaps/kubeadm-config": kubeadm_config(CLUSTER_CONFIGURATION),
            f"{KUBE_SYSTEM}/configmaps/kubelet-config": {"data": {"kubelet": _KUBELET_CONFIG}},
            f"{KUBE_SYSTEM}/configmaps/kube-proxy": {"data": {"config.conf": "mode: nftables\n"}},
            f"{KUBE_SYSTEM}/configmaps/coredns": {"data": {"Corefile": ".:53 {\n    errors\n}\n"}},
            "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy": {
                "spec": {"template": {"spec": {"containers": [{"name": "sidecar", "image": "a:b"}, proxy]}}}
            },
        } | self.objects

    async def get(self, path: str) -> Json:
        if path in self.forbidden:
            raise ApiError(f"may not {path}", status=403)
        if path not in self.objects:
            raise NotFoundError(f"no {path}", status=404)
        return self.objects[path]

    async def list(self, path: str, *, labels: str = "", fields: str = "") -> list[Json]:
        if path in self.forbidden:
            raise ApiError(f"may not {path}", status=403)
        assert fields == ""
        if path == "/apis/apps/v1/namespaces/kube-system/deployments":
            assert labels == "k8s-app=kube-dns"
            container = {"name": "coredns", "image": "registry.k8s.io/coredns/coredns:v1.12.1"}
            return [{"spec": {"template": {"spec": {"containers": [container]}}}}]
        assert path == f"{KUBE_SYSTEM}/pods"
        assert labels in {"tier=control-plane", "component=kube-apiserver"}
        return [api_server("cp1")]

    async def reduced(
        self, path: str, keep: Callable[[Json], T | None], *, labels: str = "", fields: str = ""
    ) -> tuple[T, ...]:
        assert labels == ""
        assert fields == FIELDS.get(path, "")
        if path in self.forbidden:
            raise ApiError(f"GET {path}: 403 Forbidden", status=403)
        # those of a check are asked once
        found = {NODES: self.nodes, REQUESTS: self.requests}.get(path)
        made = (keep(raw) for raw in (self.collections.pop(path) if found is None else found))
        return tuple(one for one in made if one is not None)


# the lab's own etcd is stacked: this one's answer is written by hand
_FILE = {"external-etcd": "healthy-and-dead.txt"}


@dataclass
class FakeNodes:
    """Answers with recorded outputs; `down` do not answer."""

    down: frozenset[str] = frozenset()
    asked: dict[str, tuple[str, ...]] = field(default_factory=dict)
    now: int = 0
    most: int = 0

    async def probe(self, machine: Machine, facts: Sequence[str]) -> Mapping[str, FactOutput]:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        assert machine.name not in self.asked, "one round trip per node"
        self.asked[machine.name] = tuple(facts)
        if machine.name in self.down:
            raise NodeUnreachableError(f"ssh to {machine.address}: Connection refused", "look at its sshd")
        texts = {name: DATA / name / _FILE.get(name, "control-plane.txt") for name in facts if name != "run"}
        return {name: FactOutput(0, text.read_text()) for name, text in texts.items()}


def look(
    cluster: FakeCluster, nodes: FakeNodes, probe_workers: ProbeWorkers = "auto", target: Version | None = None
) -> Facts:
    world = World(
        nodes=cast("Nodes", nodes),
        cluster=cast("Cluster", cluster),
        clock=cast("Clock", None),
        state=cast("State", None),
    )
    return asyncio.run(gather(world, probe_workers=probe_workers, target=target))


def lab() -> list[Json]:
    return [
        node("w1", "10.99.0.21"),
        *(node(f"cp{i}", f"10.99.0.1{i}", control_plane=True) for i in (1, 2, 3)),
        node("w2", ""),
    ]


def test_a_cluster() -> None:
    nodes = FakeNodes(down=frozenset({"cp2"}))
    facts = look(FakeCluster(lab()), nodes)
    assert facts.uid == "6f1c"
    assert facts.ca_hash == f"sha256:{sha256(DER).hexdigest()}"
    assert (facts.fail_cgroup_v1, facts.fail_swap_on) == (False, False)
    assert facts.kube_proxy == Version(1, 34, 3)
    assert [n.name for n in facts.control_planes] == ["cp1", "cp2", "cp3"]
    assert facts.kubeadm_config.control_plane_endpoint == "10.99.0.1:6443"
    assert (facts.kubeadm_config.etcd, facts.kubeadm_config.etcd_image_tag) == ("stacked", "none")
    assert facts.static_pods[0].component == "kube-apiserver"
    assert nodes.asked["cp1"] == tuple(name for name in FACTS if name not in ON_DEMAND)
    assert set(FACTS) - ON_DEMAND - set(nodes.asked["w1"]) == {
        "manifests",
        "etcd",
        "apiserver",
        "deprecated-apis",
        "endpoint",
    }


def test_a_node_that_does_not_answer_stops_nobody() -> None:
    hosts = look(FakeCluster(lab()), FakeNodes(down=frozenset({"cp2"}))).hosts
    assert hosts["cp2"] == Unknown("ssh to 10.99.0.12: Connection refused")
    assert hosts["w2"] == Unknown("the Node has no InternalIP")
    cp1 = hosts["cp1"]
    assert isinstance(cp1, HostFacts)
    assert isinstance(cp1.host, Host)
    assert cp1.kubelet_config_access is True
    assert cp1.run == Unknown("no answer")
    w1 = hosts["w1"]
    assert isinstance(w1, HostFacts)
    assert w1.etcd == Unknown("not asked")


@pytest.mark.parametrize(
    ("how", "workers", "asked"),
    [("auto", 200, 200), ("auto", 201, 11), ("sample", 20, 11), ("sample", 3, 3), ("all", 201, 201), ("none", 5, 0)],
)
def test_many_workers_are_sampled_by_kubelet_version(how: ProbeWorkers, workers: int, asked: int) -> None:
    # the last one is behind
    versions = ["v1.34.4"] * (workers - 1) + ["v1.33.9"]
    objects = [node(f"w{i:04}", "10.0.0.1", version=version) for i, version in enumerate(versions)]
    nodes = FakeNodes()
    hosts = look(FakeCluster(objects), nodes, how).hosts
    assert set(hosts) == set(nodes.asked)
    assert len(hosts) == asked
    assert how == "none" or f"w{workers - 1:04}" in hosts
    assert nodes.most <= 32


def test_without_an_endpoint_the_advertised_address_counts() -> None:
    cluster = FakeCluster(lab())
    text = CLUSTER_CONFIGURATION.replace("controlPlaneEndpoint: 10.99.0.1:6443\n", "")
    cluster.objects[f"{KUBE_SYSTEM}/configmaps/kubeadm-config"] = kubeadm_config(text)
    assert look(cluster, FakeNodes()).kubeadm_config.control_plane_endpoint == "10.99.0.11:7443"


def test_what_is_left_out_is_kubeadms_default() -> None:
    cluster = FakeCluster(lab())
    text = "kubernetesVersion: v1.34.4\netcd: {external: {endpoints: [https://e:2379]}}\n"
    cluster.objects[f"{KUBE_SYSTEM}/configmaps/kubeadm-config"] = kubeadm_config(text)
    cluster.objects[f"{KUBE_SYSTEM}/configmaps/kubelet-config"] = {"data": {"kubelet": "{}"}}
    facts = look(cluster, FakeNodes())
    assert facts.kubeadm_config.cluster_name == "kubernetes"
    assert facts.kubeadm_config.image_repository == "registry.k8s.io"
    assert facts.kubeadm_config.etcd == "external"
    assert facts.fail_cgroup_v1 is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "just text",
        "kubernetesVersion: 1.34",
        "kubernetesVersion: latest",
        "kubernetesVersion: v1.34.4\nclusterName: {a: b}",
        "kubernetesVersion: v1.34.4\netcd: [local]",
        "a: [",
        "kubernetesVersion: !!python/object/apply:os.system [id]",
    ],
)
def test_a_configuration_that_kubeadm_did_not_write_is_refused(text: str) -> None:
    cluster = FakeCluster(lab())
    cluster.objects[f"{KUBE_SYSTEM}/configmaps/kubeadm-config"] = kubeadm_config(text)
    with pytest.raises(PreflightError, match="kubeadm-config"):
        look(cluster, FakeNodes())


@pytest.mark.parametrize("name", ["kubeadm-config", "kubelet-config"])
def test_a_cluster_that_is_not_kubeadms_is_refused(name: str) -> None:
    cluster = FakeCluster(lab())
    del cluster.objects[f"{KUBE_SYSTEM}/configmaps/{name}"]
    with pytest.raises(PreflightError, match=f"no {name} in kube-system"):
        look(cluster, FakeNodes())


def test_a_cluster_without_kube_proxy() -> None:
    cluster = FakeCluster(lab())
    del cluster.objects["/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"]
    assert look(cluster, FakeNodes()).kube_proxy == Unknown("no DaemonSet kube-system/kube-proxy")


def test_add_ons() -> None:
    add_ons = look(FakeCluster(lab()), FakeNodes()).add_ons
    assert add_ons == AddOns(
        kube_proxy="mode: nftables\n",
        corefile=Corefile(plugins=(CorefilePlugin(name="errors", options=()),), closed=True),
        dns_images=("registry.k8s.io/coredns/coredns:v1.12.1",),
    )


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("kube-proxy", None, None),
        ("kube-proxy", {}, Broken(why="it has no key config.conf")),
        ("kube-proxy", {"config.conf": ""}, Broken(why="its config.conf is empty")),
        ("coredns", None, None),
        ("coredns", {"corefile": ""}, Broken(why="it has no key Corefile")),
        ("coredns", {"Corefile": "."}, Corefile(plugins=(), closed=True)),
    ],
)
def test_config_maps_of_add_ons(name: str, data: Json | None, found: object) -> None:
    cluster = FakeCluster(lab())
    cluster.objects[f"{KUBE_SYSTEM}/configmaps/{name}"] = {"data": data}
    if data is None:
        del cluster.objects[f"{KUBE_SYSTEM}/configmaps/{name}"]
    add_ons = look(cluster, FakeNodes()).add_ons
    assert isinstance(add_ons, AddOns)
    assert (add_ons.kube_proxy if name == "kube-proxy" else add_ons.corefile) == found


def test_a_kube_proxy_configuration_that_is_no_yaml() -> None:
    cluster = FakeCluster(lab())
    cluster.objects[f"{KUBE_SYSTEM}/configmaps/kube-proxy"] = {"data": {"config.conf": "a: [\n"}}
    add_ons = look(cluster, FakeNodes()).add_ons
    assert isinstance(add_ons, AddOns)
    assert isinstance(add_ons.kube_proxy, Broken)
    assert add_ons.kube_proxy.why.startswith("its config.conf is no YAML: ")


def request(node: str, second: int, *, approved: bool = False, signer: str = "kubelet-serving") -> Json:
    return {
        "metadata": {"name": f"csr-{node}-{second}", "creationTimestamp": f"2026-01-01T00:00:0{second}Z"},
        "spec": {"signerName": f"kubernetes.io/{signer}", "username": f"system:node:{node}"},
        "status": {"conditions": [{"type": "Approved", "status": "True"}]} if approved else {},
    }


def test_the_newest_request_of_each_kubelet_counts() -> None:
    requests = [request("w1", 2, approved=True), request("w1", 1), request("w2", 1, approved=True), request("w2", 2)]
    requests += [request("w3", 1, signer="kube-apiserver-client-kubelet")]
    cluster = FakeCluster(lab(), requests=requests)
    assert look(cluster, FakeNodes()).unsigned_kubelets == ()  # nobody asks for serving certificates here
    cluster = FakeCluster(lab(), requests=requests)
    cluster.objects[f"{KUBE_SYSTEM}/configmaps/kubelet-config"] = {"data": {"kubelet": "serverTLSBootstrap: true\n"}}
    assert look(cluster, FakeNodes()).unsigned_kubelets == ("w2",)


def test_what_may_not_be_asked_is_unknown_and_stops_nobody() -> None:
    deployments = "/apis/apps/v1/namespaces/kube-system/deployments"
    maps = {f"{KUBE_SYSTEM}/configmaps/{name}" for name in ("kube-proxy", "coredns")}
    cluster = FakeCluster(lab(), forbidden=frozenset({REQUESTS, deployments, *maps}))
    cluster.objects[f"{KUBE_SYSTEM}/configmaps/kubelet-config"] = {"data": {"kubelet": "serverTLSBootstrap: true\n"}}
    facts = look(cluster, FakeNodes())
    lacks = "docs/rbac.yaml has the right that lacks"
    assert facts.unsigned_kubelets == Unknown(f"this identity may not list certificatesigningrequests; {lacks}")
    assert facts.add_ons == AddOns(
        kube_proxy=Unknown(f"this identity may not get the ConfigMap kube-proxy; {lacks}"),
        corefile=Unknown(f"this identity may not get the ConfigMap coredns; {lacks}"),
        dns_images=Unknown(f"this identity may not list Deployments in kube-system; {lacks}"),
    )


def test_a_node_without_a_version_is_refused() -> None:
    with pytest.raises(PreflightError, match="reading the Nodes"):
        look(FakeCluster([node("w1", "10.0.0.1", version="")]), FakeNodes())


def test_an_api_that_does_not_answer_is_said() -> None:
    class Down(FakeCluster):
        async def get(self, path: str) -> Json:
            raise ApiError(f"GET {path}: no answer")

    with pytest.raises(ApiError, match="no answer"):
        look(Down(lab()), FakeNodes())


@pytest.mark.parametrize("pem", ["", "-----BEGIN CERTIFICATE-----", PEM.replace("BEGIN", "START")])
def test_a_ca_that_is_no_certificate_is_refused(pem: str) -> None:
    with pytest.raises(PreflightError, match="kube-root-ca"):
        cluster_ca.ca_hash({"data": {"ca.crt": pem}})


def test_probe_hosts_keeps_the_order_of_machines() -> None:
    machines = [Machine(name, "10.0.0.1") for name in ("b", "a", "c")]
    found = asyncio.run(probe_hosts(cast("Nodes", FakeNodes(down=frozenset({"a"}))), machines, ("host",)))
    assert list(found) == ["b", "a", "c"]
    assert found["a"] == Unknown("ssh to 10.0.0.1: Connection refused")
