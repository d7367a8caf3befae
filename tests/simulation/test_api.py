"""The API as the seam promises it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.model.errors import ApiError, ConflictError, NotFoundError
from kubectl_upgrade.simulation.faults import UnplannedError
from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.paths import locate

if TYPE_CHECKING:
    from kubectl_upgrade.world import Json
    from tests.simulation.conftest import Operate

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"


def lease(name: str = "upgrade-cp") -> Json:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name},
        "spec": {"holderIdentity": "me"},
    }


def test_a_lease_is_created_once_and_deleted_with_its_uid(operate: Operate) -> None:
    async def main() -> None:
        api = operate().world.cluster
        body = lease()
        body["metadata"]["namespace"] = "kube-system"
        made = await api.create(LEASES, body)
        with pytest.raises(ConflictError) as conflict:
            await api.create(LEASES, body)
        assert conflict.value.status == 409
        path = f"{LEASES}/upgrade-cp"
        assert await api.get(path) == made
        with pytest.raises(ConflictError):
            await api.delete(path, uid="00000000-0000-4000-8000-000000000000")
        await api.delete(path, uid=made["metadata"]["uid"])
        with pytest.raises(NotFoundError) as missing:
            await api.get(path)
        assert missing.value.status == 404
        again = await api.create(LEASES, body)
        assert again["metadata"]["uid"] != made["metadata"]["uid"]

    run(main())


def test_merge_patch_and_its_preconditions(operate: Operate) -> None:
    async def main() -> None:
        api = operate().world.cluster
        path = "/api/v1/nodes/w1"
        seen = (await api.get(path))["metadata"]
        pinned = {"uid": seen["uid"], "resourceVersion": seen["resourceVersion"]}
        patched = await api.patch(path, {"metadata": {**pinned, "labels": {"run": "1"}}})
        assert patched["metadata"]["labels"]["run"] == "1"
        assert patched["metadata"]["labels"]["kubernetes.io/hostname"] == "w1"
        with pytest.raises(ConflictError, match="resourceVersion"):
            await api.patch(path, {"metadata": {**pinned, "labels": {"run": "2"}}})
        with pytest.raises(ConflictError, match="uid"):
            await api.patch(path, {"metadata": {"uid": "another", "labels": {"run": "2"}}})
        unlabelled = await api.patch(path, {"metadata": {"labels": {"run": None}}})
        assert "run" not in unlabelled["metadata"]["labels"]
        same = await api.patch(path, {"metadata": {"labels": {"run": None}, "annotations": {"none": None}}})
        assert same["metadata"] == unlabelled["metadata"]

    run(main())


def test_what_a_client_does_to_an_answer_stays_with_it(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        (await operator.get("/api/v1/nodes/w1"))["metadata"]["labels"]["stray"] = "1"
        (await operator.world.cluster.list("/api/v1/pods"))[0]["spec"]["nodeName"] = "elsewhere"
        assert "stray" not in (await operator.get("/api/v1/nodes/w1"))["metadata"]["labels"]
        assert not await operator.world.cluster.list("/api/v1/pods", fields="spec.nodeName=elsewhere")

    run(main())


@pytest.mark.parametrize(
    ("labels", "fields", "expected"),
    [
        ("tier=control-plane", "spec.nodeName=cp2", 4),
        ("tier=control-plane,component!=etcd", "", 9),
        ("component in (etcd,kube-scheduler)", "", 6),
        ("component notin (etcd)", "spec.nodeName=cp1,status.phase=Running", 4),
        ("component,!k8s-app", "", 12),
        ("", "metadata.name=etcd-cp3", 1),
        ("tier=none", "", 0),
    ],
)
def test_selectors(operate: Operate, labels: str, fields: str, expected: int) -> None:
    async def main() -> int:
        path = "/api/v1/namespaces/kube-system/pods"
        return len(await operate().world.cluster.list(path, labels=labels, fields=fields))

    assert run(main()) == expected


def test_lists_are_ordered_and_cover_all_namespaces(operate: Operate) -> None:
    async def main() -> None:
        api = operate().world.cluster
        pods = [(pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in await api.list("/api/v1/pods")]
        assert pods == sorted(pods)
        assert {space for space, _ in pods} == {"kube-system", "monitoring", "payments", "shop"}
        assert [node["metadata"]["name"] for node in await api.list("/api/v1/nodes")] == [
            *("cp1", "cp2", "cp3"),
            *("w1", "w2", "w3"),
        ]

    run(main())


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/secrets",
        "/api/v1/nodes/cp1/proxy",
        "/api/v1/namespaces/kube-system/nodes",
        "/api/v1/namespaces/kube-system/pods/a/b/c",
        "/apis/apps/v1/daemonsets/kube-proxy",
        "/api/v1/nodes/",
        "/healthz",
        "",
    ],
)
def test_unplanned_paths(path: str) -> None:
    with pytest.raises(UnplannedError):
        locate(path)


def test_unplanned_requests(operate: Operate) -> None:
    async def main() -> None:
        api = operate().world.cluster
        with pytest.raises(UnplannedError, match="is no object"):
            await api.get("/api/v1/nodes")
        with pytest.raises(UnplannedError, match="is no collection"):
            await api.list("/api/v1/nodes/cp1")
        with pytest.raises(UnplannedError, match="label selector"):
            await api.list("/api/v1/nodes", labels="a b")
        with pytest.raises(UnplannedError, match="cannot select"):
            await api.list("/api/v1/nodes", fields="status.capacity=1")
        with pytest.raises(ApiError) as refused:
            await api.create(LEASES, {**lease(), "kind": "Pod"})
        assert refused.value.status == 400
        with pytest.raises(NotFoundError, match="namespaces"):
            await api.create(LEASES.replace("kube-system", "nowhere"), lease())
        with pytest.raises(TypeError):
            await api.patch("/api/v1/nodes/cp1", {"metadata": {"labels": {"a": object()}}})

    run(main())


def test_configuration_is_where_kubeadm_keeps_it(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        space = "/api/v1/namespaces/kube-system/configmaps"
        config = (await operator.get(f"{space}/kubeadm-config"))["data"]["ClusterConfiguration"]
        assert "kubernetesVersion: v1.34.4\n" in config
        assert "kind: KubeletConfiguration" in (await operator.get(f"{space}/kubelet-config"))["data"]["kubelet"]
        ca = (await operator.get(f"{space}/kube-root-ca.crt"))["data"]["ca.crt"]
        assert ca.startswith("-----BEGIN CERTIFICATE-----\n")
        assert (await operator.get("/version"))["gitVersion"] == "v1.34.4"
        assert (await operator.get("/api/v1/namespaces/kube-system"))["metadata"]["uid"]

    run(main())
