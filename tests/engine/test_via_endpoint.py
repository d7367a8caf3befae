"""Kubelets that talk to the cluster's endpoint while kubeadm runs, and what brings them back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.abort import abort
from kubectl_upgrade.engine.apply import Applying
from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.lock import holder
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.planner.make_plan import Options
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.power import cut
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.world import simulated_world
from tests.engine.conftest import Operator
from tests.engine.test_apply import traces, upgraded

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.simulation.cluster import ModelCluster

AWAY, BACK = "kubelet-via-endpoint", "kubelet-via-own-apiserver"
WITHOUT = Options(waivers={}, waive_until="", kubelet_via_endpoint=False)
KUBEADM_FAILS = Fault(kind="action-fails", node="cp2", action="kubeadm-node", phase="kube-apiserver")


async def _unready(model: ModelCluster) -> set[str]:
    """Every control plane that is NotReady at some time; runs until it is cancelled."""
    seen: set[str] = set()
    try:
        while True:
            seen |= {node.name for node in model.control_planes if not model.ready(node)}
            await asyncio.sleep(1)
    except asyncio.CancelledError:
        return seen


async def _watched(operator: Operator, plan: Plan) -> tuple[set[str], list[float]]:
    """Control planes that turned NotReady, and the seconds of kubeadm on each."""
    watch = asyncio.create_task(_unready(operator.model))
    await operator.apply(plan)
    watch.cancel()
    kubeadm = [r for r in operator.model.trace if r.action.startswith("kubeadm") and r.node.startswith("cp")]
    return await watch, [record.duration for record in kubeadm]


def test_kubeadm_takes_half_the_time_and_no_control_plane_turns_not_ready(operator: Operator) -> None:
    async def story() -> tuple[set[str], list[float]]:
        found = await _watched(operator, await operator.plan())
        assert await traces(operator.model) == []
        return found

    unready, seconds = loop.run(story())
    upgraded(operator.model)
    assert unready == set()
    assert len(seconds) == 3
    assert all(25 < each < 55 for each in seconds)


def test_without_it_as_before(operator: Operator) -> None:
    async def story() -> tuple[set[str], list[float]]:
        plan = await operator.plan(options=WITHOUT)
        assert AWAY not in str(plan)
        return await _watched(operator, plan)

    unready, seconds = loop.run(story())
    assert unready == {"cp1", "cp2", "cp3"}
    assert all(each > 95 for each in seconds)


def test_kubeadm_that_fails_runs_again_through_the_endpoint(operator: Operator) -> None:
    operator.model.faults.add(KUBEADM_FAILS)

    async def story() -> None:
        plan = await operator.plan()
        with pytest.raises(StepError):
            await operator.apply(plan)
        assert operator.model.nodes["cp2"].kubelet.via_endpoint
        await operator.apply(plan)
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)
    runs = [(record.node, record.action) for record in operator.model.trace]
    assert runs.count(("cp2", "kubeadm-node")) == 2
    assert runs.count(("cp2", AWAY)) == 1


async def _abort(operator: Operator, *without: str) -> list[str]:
    notes: list[str] = []
    applying = Applying(
        who="ops@test", watch=lambda e: notes.append(e.line) if isinstance(e, Note) else None, stop=Stop()
    )
    await abort(simulated_world(operator.model, operator.folder), applying, frozenset(without))
    return notes


def test_an_abort_after_it_puts_the_kubelet_back(operator: Operator) -> None:
    operator.model.faults.add(KUBEADM_FAILS)

    async def story() -> None:
        with pytest.raises(StepError):
            await operator.apply(await operator.plan())
        notes = await _abort(operator)
        assert "cp2: let the kubelet talk to its own API server again: done" in notes
        assert not any(note.startswith(("cp1: let", "cp3: let")) for note in notes)
        assert await traces(operator.model) == []
        await operator.apply(await operator.plan())
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)


def test_an_abort_where_the_kubelet_stays_down_can_be_run_again(operator: Operator) -> None:
    operator.model.faults.add(KUBEADM_FAILS, Fault(kind="action-fails", node="cp2", action=BACK, phase="restart"))

    async def story() -> None:
        with pytest.raises(StepError):
            await operator.apply(await operator.plan())
        with pytest.raises(StepError, match=BACK) as failed:
            await _abort(operator)
        assert "abort --without cp2 and then on cp2: sudo sh -c 'server=" in failed.value.fix
        await _abort(operator)
        assert await traces(operator.model) == []

    loop.run(story())


def test_an_abort_cut_short_after_it_restarts_no_kubelet_again(operator: Operator) -> None:
    operator.model.faults.add(KUBEADM_FAILS)

    async def story() -> None:
        with pytest.raises(StepError):
            await operator.apply(await operator.plan())
        operator.model.faults.add(Fault(kind="client-kill", call="cluster.patch", path="/api/v1/nodes/cp2"))
        with pytest.raises(ClientKilled):
            await _abort(operator)
        await _abort(operator)
        assert await traces(operator.model) == []

    loop.run(story())
    restarts = [record for record in operator.model.trace if (record.node, record.action) == ("cp2", BACK)]
    assert [record.exit_code for record in restarts] == [0]


def test_an_abort_without_the_node_says_what_stays_there(operator: Operator) -> None:
    operator.model.faults.add(KUBEADM_FAILS)

    async def story() -> list[str]:
        with pytest.raises(StepError):
            await operator.apply(await operator.plan())
        cut(operator.model, operator.model.nodes["cp2"], 10_000)
        return await _abort(operator, "cp2")

    notes = loop.run(story())
    (note,) = [note for note in notes if "may still talk" in note]
    assert note.startswith("cp2: its kubelet may still talk to the cluster's endpoint; on cp2: sudo sh -c 'server=")
    assert "/var/lib/upgrade-cp/keep-*/kubelet-server" in note
    assert operator.model.nodes["cp2"].kubelet.via_endpoint


@pytest.mark.parametrize(
    "kill",
    [
        Fault(kind="client-kill", node="cp2", action=AWAY, phase="restart"),
        Fault(kind="client-kill", node="cp2", action="kubeadm-node", phase="etcd"),
        Fault(kind="client-kill", node="cp2", action=BACK, phase="restart", moment="after"),
    ],
    ids=["on the way", "in kubeadm", "on the way back"],
)
@pytest.mark.parametrize("how", ["take-over", "abort", "abort elsewhere"])
def test_killed_in_between(operator: Operator, kill: Fault, how: str) -> None:
    operator.model.faults.add(kill)
    heir = Operator(operator.model, Folder(7, "heir"))

    async def story() -> None:
        plan = await operator.plan()
        with pytest.raises(ClientKilled):
            await operator.apply(plan)
        held = await holder(simulated_world(operator.model).cluster)
        assert held is not None
        await asyncio.sleep(300)
        if how == "take-over":
            await heir.apply(plan, held.run)
        elif how == "abort":
            await _abort(operator)
        else:
            world = simulated_world(heir.model, heir.folder)
            await abort(world, Applying(who="b", watch=lambda _: None, stop=Stop()), run=held.run, plan=plan)
        assert await traces(operator.model) == []

    loop.run(story())
    if how == "take-over":
        upgraded(operator.model)


def test_a_reboot_in_kubeadm_changes_nothing_of_it(operator: Operator) -> None:
    operator.model.faults.add(Fault(kind="node-reboot", node="cp2", action="kubeadm-node", phase="kube-apiserver"))

    async def story() -> None:
        await operator.apply(await operator.plan())
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)
