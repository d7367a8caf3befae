"""Faults strike where they are told to, once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.model.errors import ApiError, NodeUnreachableError, UpgradeError
from kubectl_upgrade.simulation.faults import ClientKilled, Fault, UnplannedError
from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.faults import Moment
    from kubectl_upgrade.world import UnitStatus
    from tests.simulation.conftest import Operate, Operator

KUBEADM = ("apt-install-kubeadm", "1.35.4", "v1.35")
APPLY = ("kubeadm-apply", "v1.35.4", "none", "none")
LABEL = {"metadata": {"labels": {"touched": "yes"}}}
W1 = "/api/v1/nodes/w1"
# of a call that changes something → has it changed?
MOMENTS: dict[Moment, bool] = {"before": False, "after": True}


async def _labelled(operator: Operator) -> bool:
    return "touched" in (await simulated_world(operator.model).cluster.get(W1))["metadata"]["labels"]


def test_the_api_does_not_answer_before_or_after_the_effect(operate: Operate) -> None:
    async def main() -> None:
        for moment, landed in MOMENTS.items():
            operator = operate()
            operator.model.faults.add(Fault(kind="api-unreachable", call="cluster.patch", path=W1, moment=moment))
            with pytest.raises(ApiError) as lost:
                await operator.world.cluster.patch(W1, LABEL)
            assert lost.value.status == 0
            assert await _labelled(operator) is landed
            await operator.world.cluster.patch(W1, LABEL)
            assert [fault.kind for fault, _ in operator.model.faults.struck] == ["api-unreachable"]

    run(main())


def test_the_api_stays_away_for_its_seconds(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        operator.model.faults.add(Fault(kind="api-unreachable", seconds=30))
        for _ in range(2):
            with pytest.raises(ApiError):
                await operator.get(W1)
        await operator.world.clock.sleep(30)
        await operator.get(W1)

    run(main())


def test_ssh_is_cut_on_one_node_and_the_action_goes_on(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        await operator.hold("w1", "w2")
        operator.model.faults.add(Fault(kind="ssh-cut", call="nodes.start", node="w1", moment="after", seconds=20))
        unit = "upgrade-cp-01234567-00000000abcd-1"
        with pytest.raises(NodeUnreachableError):
            await operator.start("w1", *KUBEADM, unit=unit)
        with pytest.raises(NodeUnreachableError):
            await operator.fact("w1", "host")
        await operator.fact("w2", "host")
        await operator.world.clock.sleep(20)
        assert (await operator.ended("w1", unit)).exit_code == 0

    run(main())


def test_ssh_is_cut_in_the_middle_of_kubeadm(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        await operator.hold("cp1")
        await operator.act("cp1", *KUBEADM)
        operator.model.faults.add(Fault(kind="ssh-cut", action="kubeadm-apply", phase="kube-apiserver", seconds=5))
        unit = await operator.start("cp1", *APPLY)
        with pytest.raises(NodeUnreachableError):
            await operator.ended("cp1", unit)
        await operator.world.clock.sleep(300)
        assert (await operator.ended("cp1", unit)).exit_code == 0

    run(main())


@pytest.mark.parametrize(
    ("fault", "exit_code", "last"),
    [
        (Fault(kind="kubeadm-killed", phase="kube-apiserver", moment="after"), 137, "Killed"),
        (Fault(kind="action-fails", phase="upload-config", exit_code=1, text="etcdserver: timed out"), 1, "timed out"),
    ],
)
def test_an_action_that_ended_badly_is_finished_by_the_next(
    operate: Operate, fault: Fault, exit_code: int, last: str
) -> None:
    async def main() -> tuple[UnitStatus, UnitStatus]:
        operator = operate()
        await operator.hold("cp1")
        await operator.act("cp1", *KUBEADM)
        operator.model.faults.add(fault)
        first = await operator.act("cp1", *APPLY)
        return first, await operator.act("cp1", *APPLY)

    first, second = run(main())
    assert first.exit_code == exit_code
    assert first.output.rstrip().endswith(last)
    assert second.exit_code == 0
    assert second.output.count("skipping upgrade") == (2 if exit_code == 137 else 4)


def test_a_reboot_in_a_phase_interrupts_the_action(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        await operator.hold("cp1")
        await operator.act("cp1", *KUBEADM)
        operator.model.faults.add(Fault(kind="node-reboot", action="kubeadm-apply", phase="kube-scheduler"))
        unit = await operator.start("cp1", *APPLY)
        await operator.world.clock.sleep(400)
        assert (await operator.ended("cp1", unit)).state == "interrupted"
        assert (await operator.fact("cp1", "apiserver")) == ["readyz 200 ok", "version v1.35.4"]
        assert (await operator.fact("cp1", "manifests"))[3].endswith("kube-scheduler:v1.34.4")
        assert (await operator.act("cp1", *APPLY)).exit_code == 0

    run(main())


def test_a_killed_client_can_do_nothing_more(operate: Operate) -> None:
    async def main() -> None:
        for moment, landed in MOMENTS.items():
            operator = operate()
            operator.model.faults.add(Fault(kind="client-kill", call="cluster.patch", moment=moment))
            with pytest.raises(ClientKilled):
                await operator.world.cluster.patch(W1, LABEL)
            for dead in (operator.get(W1), operator.fact("w1", "host"), operator.world.clock.sleep(1)):
                with pytest.raises(ClientKilled):
                    await dead
            assert await _labelled(operator) is landed

    run(main())


def test_a_kill_ends_all_calls_at_once(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        await operator.hold("w1")
        clock = operator.world.clock
        operator.model.faults.add(Fault(kind="client-kill", action="apt-install-kubeadm", phase="install"))
        waiting = [asyncio.create_task(clock.sleep(3600)) for _ in range(3)]
        unit = await operator.start("w1", *KUBEADM)
        with pytest.raises(ClientKilled):
            await operator.ended("w1", unit)
        for task in waiting:
            with pytest.raises(ClientKilled):
                await task
        assert clock.monotonic() < 10
        second = simulated_world(operator.model)
        assert (await second.nodes.wait(operator.machine("w1"), unit, 30)).exit_code == 0
        async with asyncio.timeout(60):
            await second.clock.sleep(1)

    run(main())


def test_a_kill_is_handled_by_nobody() -> None:
    assert not issubclass(ClientKilled, Exception)
    assert not issubclass(UnplannedError, UpgradeError)


def test_the_nth_point_and_the_count_of_points(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()
        operator.model.faults.add(Fault(kind="api-unreachable", call="cluster.get", nth=3, times=2))
        outcomes = []
        for _ in range(6):
            try:
                await operator.get(W1)
                outcomes.append(True)
            except ApiError:
                outcomes.append(False)
        assert outcomes == [True, True, False, False, True, True]
        assert operator.model.faults.points == 6 + 4

    run(main())


def test_every_point_of_a_story_can_be_struck(operate: Operate) -> None:
    async def story(operator: Operator) -> None:
        await operator.hold("w1")
        await operator.act("w1", *KUBEADM)
        await operator.world.cluster.patch(W1, LABEL)

    async def struck(nth: int) -> bool:
        operator = operate()
        operator.model.faults.add(Fault(kind="client-kill", moment="", nth=nth))
        try:
            await story(operator)
        except ClientKilled:
            return True
        return False

    dry = operate()
    run(story(dry))
    points = dry.model.faults.points
    assert points > 10
    assert [run(struck(nth)) for nth in range(1, points + 2)] == [True] * points + [False]


def test_a_bug_in_the_model_is_not_swallowed(operate: Operate) -> None:
    async def main() -> None:
        operator = operate()

        def broken() -> None:
            raise ZeroDivisionError

        operator.model.later(1, broken)
        await operator.world.clock.sleep(2)
        with pytest.raises(ZeroDivisionError):
            await operator.get(W1)

    run(main())
