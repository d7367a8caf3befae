"""What is away, and for how long, while kubeadm replaces a control plane."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.model.errors import ApiError
from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.power import reboot
from kubectl_upgrade.simulation.sample import sample

if TYPE_CHECKING:
    from tests.simulation.conftest import Operate, Operator

KUBEADM = ("apt-install-kubeadm", "1.35.4", "v1.35")
APPLY = ("kubeadm-apply", "v1.35.4", "none", "none")


async def _watched_upgrade(operator: Operator) -> list[tuple[bool, str]]:
    """Each second of kubeadm on cp1: did the API answer, and what did cp1's API server say on its node."""
    await operator.hold("cp1")
    await operator.act("cp1", *KUBEADM)
    unit = await operator.start("cp1", *APPLY)
    seen = []
    while (await operator.world.nodes.wait(operator.machine("cp1"), unit, 0)).state == "running":
        try:
            await operator.get("/api/v1/nodes/cp1")
            answered = True
        except ApiError:
            answered = False
        seen.append((answered, (await operator.fact("cp1", "apiserver"))[0].split()[1]))
        await operator.world.clock.sleep(0.3)
    assert (await operator.world.nodes.wait(operator.machine("cp1"), unit, 0)).exit_code == 0
    return seen


def test_three_control_planes_keep_the_api(operate: Operate) -> None:
    seen = run(_watched_upgrade(operate()))
    assert all(answered for answered, _ in seen)
    assert {code for _, code in seen} == {"200", "500", "0"}


def test_one_control_plane_loses_it_for_minutes(operate: Operate) -> None:
    seen = run(_watched_upgrade(operate(sample(1, 1))))
    away = sum(not answered for answered, _ in seen)
    assert 90 < away < 190
    assert seen[0][0]
    assert seen[-1][0]


def test_two_members_of_three_hold_quorum_and_one_does_not(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        nodes = operator.model.nodes
        reboot(operator.model, nodes["cp1"])
        await operator.get("/version")
        status = json.loads((await operator.fact("cp2", "etcd"))[0].removeprefix("status "))[0]["Status"]
        assert f"{status['leader']:x}" in {nodes["cp2"].etcd_member, nodes["cp3"].etcd_member}
        reboot(operator.model, nodes["cp2"])
        with pytest.raises(ApiError):
            await operator.get("/version")
        etcd = (await operator.world.nodes.probe(operator.machine("cp3"), ["etcd"]))["etcd"]
        assert (etcd.exit_code, etcd.text) == (1, "etcdctl member list: context deadline exceeded\n")
        assert (await operator.fact("cp3", "apiserver"))[0].startswith("readyz 500")
        await operator.world.clock.sleep(60)
        assert (await operator.get("/api/v1/nodes/cp1"))["status"]["conditions"][-1]["status"] == "True"

    run(main())


def test_the_raft_index_moves_and_every_member_has_it(operate: Operate) -> None:
    async def main() -> list[int]:
        operator = operate()
        found = []
        for name in ("cp1", "cp2", "cp1"):
            status = json.loads((await operator.fact(name, "etcd"))[0].removeprefix("status "))[0]["Status"]
            assert status["raftIndex"] == status["raftAppliedIndex"]
            found.append(status["raftIndex"])
            await operator.world.clock.sleep(1)
        return found

    first, second, third = run(main())
    assert first < second < third


def test_a_kubelet_without_its_api_server_turns_not_ready_after_a_while(operate: Operate) -> None:
    async def main() -> list[str]:
        operator = operate()
        await operator.hold("cp1")
        await operator.act("cp1", *KUBEADM)
        unit = await operator.start("cp1", *APPLY)
        seen = []
        while (await operator.world.nodes.wait(operator.machine("cp1"), unit, 5)).state == "running":
            seen.append((await operator.get("/api/v1/nodes/cp1"))["status"]["conditions"][-1]["status"])
        return [*seen, (await operator.get("/api/v1/nodes/cp1"))["status"]["conditions"][-1]["status"]]

    seen = run(main())
    assert "Unknown" in seen[8:]
    assert "Unknown" not in seen[:8]
    assert seen[-1] == "True"


def test_kubeadm_waits_for_no_sick_etcd(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        await operator.hold("cp1")
        await operator.act("cp1", *KUBEADM)
        operator.model.nodes["cp3"].static_pods["etcd"].running = False
        operator.model.settle(operator.model.nodes["cp3"])
        status = await operator.act("cp1", *APPLY)
        assert status.exit_code == 1
        assert "etcd cluster is not healthy" in status.output
        assert (await operator.fact("cp1", "manifests"))[0].endswith("etcd:3.6.5-0")

    run(main())


def test_mirror_pods_show_the_swap(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        path = "/api/v1/namespaces/kube-system/pods/kube-scheduler-cp1"
        await operator.hold("cp1")
        await operator.act("cp1", *KUBEADM)
        unit = await operator.start("cp1", *APPLY)
        seen = []
        while (await operator.world.nodes.wait(operator.machine("cp1"), unit, 2)).state == "running":
            pod = await operator.get(path)
            container = pod["status"]["containerStatuses"][0]
            seen.append((container["image"].rpartition(":")[2], container["ready"]))
        assert list(dict.fromkeys(seen)) == [("v1.34.4", True), ("v1.34.4", False), ("v1.35.4", True)]

    run(main())
