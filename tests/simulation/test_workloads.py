"""Pods: eviction, budgets, rescheduling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.model.errors import ApiError, ConflictError, NotFoundError
from kubectl_upgrade.simulation.faults import UnplannedError
from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.sample import sample

if TYPE_CHECKING:
    from kubectl_upgrade.world import Json
    from tests.simulation.conftest import Operate, Operator

WAIT = 10
BUDGET = "/apis/policy/v1/namespaces/payments/poddisruptionbudgets/ledger"


async def _pods(operator: Operator, app: str) -> list[Json]:
    return await operator.world.cluster.list("/api/v1/pods", labels=f"k8s-app={app}")


def _path(pod: Json) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


async def _evict(operator: Operator, pod: Json, uid: str = "") -> Json:
    body: Json = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod["metadata"]["name"]}}
    if uid:
        body["deleteOptions"] = {"preconditions": {"uid": uid}}
    return await operator.world.cluster.create(f"{_path(pod)}/eviction", body)


def _nodes(pods: list[Json]) -> list[str]:
    return sorted(pod["spec"].get("nodeName", "") for pod in pods)


def _ready(pod: Json) -> bool:
    return any(c == {"type": "Ready", "status": "True"} for c in pod["status"].get("conditions", []))


async def _cordon(operator: Operator, *names: str, off: bool = False) -> None:
    for name in names:
        await operator.world.cluster.patch(f"/api/v1/nodes/{name}", {"spec": {"unschedulable": None if off else True}})


def test_an_evicted_pod_comes_back_elsewhere(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        await _cordon(operator, "w1")
        before = await _pods(operator, "web")
        moved = [pod for pod in before if pod["spec"]["nodeName"] == "w1"]
        assert moved
        for pod in moved:
            await _evict(operator, pod, uid=pod["metadata"]["uid"])
        ending = [pod for pod in await _pods(operator, "web") if "deletionTimestamp" in pod["metadata"]]
        assert len(ending) == len(moved)
        await operator.world.clock.sleep(WAIT)
        after = await _pods(operator, "web")
        assert len(after) == len(before)
        assert set(_nodes(after)) == {"w2", "w3"}
        assert all(map(_ready, after))
        assert {pod["metadata"]["ownerReferences"][0]["kind"] for pod in after} == {"ReplicaSet"}
        with pytest.raises(NotFoundError):
            await _evict(operator, moved[0])

    run(main())


def test_a_budget_says_429_until_the_pod_is_replaced(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        first, second, _ = await _pods(operator, "ledger")
        assert (await operator.get(BUDGET))["status"]["disruptionsAllowed"] == 1
        await _evict(operator, first)
        with pytest.raises(ApiError, match="disruption budget") as refused:
            await _evict(operator, second)
        assert (refused.value.status, refused.value.reason) == (429, "TooManyRequests")
        assert (await operator.get(BUDGET))["status"]["disruptionsAllowed"] == 0
        await operator.world.clock.sleep(WAIT)
        await _evict(operator, second)

    run(main())


def test_a_budget_that_allows_nothing_stays_so(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        await operator.world.cluster.patch(BUDGET, {"spec": {"maxUnavailable": 0}})
        pod = (await _pods(operator, "ledger"))[0]
        for _ in range(3):
            with pytest.raises(ApiError, match="disruption budget"):
                await _evict(operator, pod)
            await operator.world.clock.sleep(60)

    run(main())


def test_an_eviction_of_another_pod_of_that_name(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        pod = (await _pods(operator, "web"))[0]
        with pytest.raises(ConflictError):
            await _evict(operator, pod, uid="another")
        with pytest.raises(UnplannedError, match="without an Eviction"):
            await operator.world.cluster.create(f"{_path(pod)}/eviction", {"kind": "Pod"})

    run(main())


def test_daemon_and_mirror_pods_come_back_on_their_node(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        await _cordon(operator, "w1", "cp1")
        agent = next(pod for pod in await _pods(operator, "log-agent") if pod["spec"]["nodeName"] == "w1")
        mirror = await operator.get("/api/v1/namespaces/kube-system/pods/etcd-cp1")
        for pod in (agent, mirror):
            await _evict(operator, pod)
        await operator.world.clock.sleep(WAIT)
        assert _nodes(await _pods(operator, "log-agent")) == ["cp1", "cp2", "cp3", "w1", "w2", "w3"]
        again = await operator.get("/api/v1/namespaces/kube-system/pods/etcd-cp1")
        assert again["metadata"]["uid"] != mirror["metadata"]["uid"]
        assert operator.model.nodes["cp1"].running("etcd")

    run(main())


def test_pods_wait_for_a_node_that_takes_them(operate: Operate) -> None:
    async def main() -> None:
        operator = operate(sample(1, 1))
        await _cordon(operator, "w1")
        for pod in await _pods(operator, "web"):
            await _evict(operator, pod)
        await operator.world.clock.sleep(WAIT)
        assert _nodes(await _pods(operator, "web")) == ["", ""]
        await _cordon(operator, "w1", off=True)
        await operator.world.clock.sleep(WAIT)
        pods = await _pods(operator, "web")
        assert _nodes(pods) == ["w1", "w1"]
        assert all(map(_ready, pods))

    run(main())


def test_a_deleted_pod_is_gone_or_replaced(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        pod = (await _pods(operator, "web"))[0]
        with pytest.raises(ConflictError):
            await operator.world.cluster.delete(_path(pod), uid="another")
        await operator.world.cluster.delete(_path(pod), uid=pod["metadata"]["uid"])
        await operator.world.clock.sleep(WAIT)
        assert len(await _pods(operator, "web")) == 6
        with pytest.raises(NotFoundError):
            await operator.get(_path(pod))

    run(main())


def test_the_taint_follows_the_cordon(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        await _cordon(operator, "cp1")
        taints = (await operator.get("/api/v1/nodes/cp1"))["spec"]["taints"]
        assert [taint["key"].rpartition("/")[2] for taint in taints] == ["control-plane", "unschedulable"]
        await _cordon(operator, "cp1", off=True)
        spec = (await operator.get("/api/v1/nodes/cp1"))["spec"]
        assert "unschedulable" not in spec
        assert len(spec["taints"]) == 1

    run(main())
