"""A hardened cluster is a healthy one: nothing false is found, and its upgrade leaves every trait as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.e2e.findings import TRUE_OF_THE_LAB, findings, young_kubelets
from tests.e2e.operator import FROM, TO, WAIVER, Operator
from tests.lab import hardened, services
from tests.lab.lab import Lab
from tests.lab.spec import API_PORT, Node, Role, Spec
from tests.lab.until import until
from tests.lab.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.full

CONTROL_PLANE_PODS = "/api/v1/namespaces/kube-system/pods?labelSelector=tier%3Dcontrol-plane"
CORE_DNS = "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns"
CODE = "curl --silent --output /dev/null --write-out '%{http_code}'"


class Upgraded(NamedTuple):
    """The cluster after its upgrade, and what the webhook was asked meanwhile."""

    lab: Lab
    asked: list[dict[str, Any]]
    told: str


@pytest.fixture(scope="module")
def strict() -> Iterator[Lab]:
    also = (Version.parse(TO),)
    lab = Lab(Spec(control_planes=3, workers=2, version=Version.parse(FROM), also=also, hardened=True))
    with lab.hold("the hardened cluster's tests"):
        lab.up()
        yield lab
        lab.down()


@pytest.fixture(scope="module")
def upgraded(strict: Lab, tmp_path_factory: pytest.TempPathFactory) -> Upgraded:
    """By the plan as it is written, nothing edited."""
    folder = tmp_path_factory.mktemp("hardened")
    operator = Operator(strict, folder / "state")
    plan = operator.plan(folder / "p.yaml", *WAIVER)
    before = len(_asked(strict))
    told = operator.run("apply", str(plan), "--yes").stderr
    strict.wait_settled()
    return Upgraded(strict, _asked(strict)[before:], told)


def _asked(lab: Lab) -> list[dict[str, Any]]:
    lines = services.log(lab.place, services.GUARD).read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def _anonymous(lab: Lab, node: Node) -> str:
    return lab.run(node.name, f"{CODE} --insecure https://{node.address}:{API_PORT}/readyz").out


def _static_pods(lab: Lab, component: str) -> dict[str, Any]:
    """By node."""
    pods = lab.api.get(CONTROL_PLANE_PODS)["items"]
    return {p["spec"]["nodeName"]: p for p in pods if p["metadata"]["labels"]["component"] == component}


def test_nothing_false_is_found(strict: Lab, tmp_path: Path) -> None:
    assert {_anonymous(strict, node) for node in strict.spec.control_plane_nodes} == {"401"}
    until("kubelets have run for a minute", 90, lambda: young_kubelets(strict))
    before = len(_asked(strict))
    found, texts = findings(strict, tmp_path, code=0)
    assert {result for _, result, _ in found} <= {"info"}, texts
    assert {check for check, _, _ in found} == TRUE_OF_THE_LAB, texts
    rehearsed = {(one["operation"], one["resource"]) for one in _asked(strict)[before:] if one["dryRun"]}
    assert {("CREATE", "jobs"), ("CREATE", "pods"), ("UPDATE", "configmaps"), ("UPDATE", "deployments")} <= rehearsed


def test_every_node_is_upgraded(upgraded: Upgraded) -> None:
    nodes = upgraded.lab.api.get("/api/v1/nodes")["items"]
    kubelets = {n["metadata"]["name"]: n["status"]["nodeInfo"]["kubeletVersion"] for n in nodes}
    assert kubelets == dict.fromkeys((node.name for node in upgraded.lab.nodes), TO)
    assert not [n["metadata"]["name"] for n in nodes if n["spec"].get("unschedulable")]
    assert f"is at {TO}" in upgraded.told


def test_nobody_is_anonymous(upgraded: Upgraded) -> None:
    lab = upgraded.lab
    assert {_anonymous(lab, node) for node in lab.spec.control_plane_nodes} == {"401"}
    for pod in _static_pods(lab, "kube-apiserver").values():
        assert "--anonymous-auth=false" in pod["spec"]["containers"][0]["command"]


def test_the_patches_are_in_force(upgraded: Upgraded) -> None:
    lab = upgraded.lab
    control_planes = {node.name for node in lab.spec.control_plane_nodes}
    servers, members = _static_pods(lab, "kube-apiserver"), _static_pods(lab, "etcd")
    assert set(servers) == set(members) == control_planes
    for pod in servers.values():
        (container,) = pod["spec"]["containers"]
        assert container["image"] == f"{hardened.REGISTRY}/{hardened.REPOSITORY}/kube-apiserver:{TO}"
        assert container["resources"]["requests"]["cpu"] == hardened.REQUEST
        assert "httpGet" not in container["livenessProbe"]
    assert {pod["metadata"]["annotations"][hardened.ANNOTATION] for pod in members.values()} == {"yes"}
    nodes = lab.api.get("/api/v1/nodes")["items"]
    patched = {n["metadata"]["name"] for n in nodes if n["status"]["capacity"]["pods"] == str(hardened.PODS_AT_MOST)}
    assert patched == control_planes


def test_the_endpoint_is_a_name(upgraded: Upgraded) -> None:
    lab = upgraded.lab
    config = lab.api.get("/api/v1/namespaces/kube-system/configmaps/kubeadm-config")["data"]["ClusterConfiguration"]
    assert f"controlPlaneEndpoint: {lab.spec.endpoint}\n" in config
    files = {Role.CONTROL_PLANE: "admin.conf", Role.WORKER: "kubelet.conf"}
    for node in lab.nodes:
        lab.run(node.name, f"grep -q 'server: https://{lab.spec.endpoint}$' /etc/kubernetes/{files[node.role]}")


def test_the_webhook_was_asked_by_kubeadm_and_by_us(upgraded: Upgraded) -> None:
    done = {(one["operation"], one["resource"], one["name"]) for one in upgraded.asked if not one["dryRun"]}
    checked = [name for operation, resource, name in done if (operation, resource) == ("CREATE", "jobs")]
    assert checked, "kubeadm's health check"
    assert all(name.startswith("upgrade-health-check") and "rehearsal" not in name for name in checked)
    assert ("UPDATE", "configmaps", "kubeadm-config") in done
    assert {("CREATE", "leases", "upgrade-cp"), ("DELETE", "leases", "upgrade-cp")} <= done


def test_workers_are_kept_for_applications_and_dns_for_itself(upgraded: Upgraded) -> None:
    lab = upgraded.lab
    nodes = {n["metadata"]["name"]: n["spec"].get("taints", []) for n in lab.api.get("/api/v1/nodes")["items"]}
    assert [nodes[node.name] for node in lab.spec.worker_nodes] == [[hardened.TAINT]] * 2
    places = {pod["spec"]["nodeName"] for pod in lab.api.get(CORE_DNS)["items"]}
    assert places <= {node.name for node in lab.spec.control_plane_nodes}
    budget = lab.api.get(f"{hardened.BUDGET}/coredns")
    assert (budget["spec"]["minAvailable"], budget["status"]["currentHealthy"]) == (1, 2)


def test_kubelets_show_certificates_of_the_cluster(upgraded: Upgraded) -> None:
    lab = upgraded.lab
    for node in lab.nodes:
        url = f"https://{node.address}:10250/healthz"
        assert lab.run(node.name, f"{CODE} --cacert /etc/kubernetes/pki/ca.crt {url}").out == "401", node.name
