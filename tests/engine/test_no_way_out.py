"""A run can always be brought to an end, whatever happened to its nodes, its lock or its plan file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.abort import abort
from kubectl_upgrade.engine.apply import Applying, execute, look
from kubectl_upgrade.engine.events import Note, StageBegins, StepBegins
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.model.errors import AccessError, PlanError, StepError, StoppedError, UsageError
from kubectl_upgrade.model.names import LOCK_PATH
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.power import leave
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from tests.engine.conftest import once_begun, taken_apart
from tests.engine.test_apply import traces, upgraded

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.model.plan import Plan
    from tests.engine.conftest import Operator


async def _abort(operator: Operator, *without: str) -> list[str]:
    notes: list[str] = []

    def watch(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.line)

    world = simulated_world(operator.model, operator.folder)
    await abort(world, Applying(who="ops@test", watch=watch, stop=Stop()), frozenset(without))
    return notes


def _when(operator: Operator, wanted: Callable[[Event], bool], act: Callable[[], None]) -> None:
    def heed(event: Event) -> None:
        if wanted(event):
            operator.heed = None
            act()

    operator.heed = heed


def _step(target: str, step: str) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, StepBegins) and (event.id.target, event.id.step) == (target, step)


async def _stop_at(operator: Operator, plan: Plan, target: str, step: str) -> None:
    _when(operator, _step(target, step), lambda: operator.stop.ask("stopped on request"))
    with pytest.raises(StoppedError):
        await operator.apply(plan)


@pytest.mark.parametrize("step", ["mark-node", "drain-node", "wait-node"])
def test_a_worker_that_leaves_in_the_middle_is_skipped(operator: Operator, step: str) -> None:
    async def story() -> None:
        plan = await operator.plan()
        _when(operator, _step("w2", step), lambda: leave(operator.model, operator.model.nodes["w2"]))
        await operator.apply(plan)
        assert await traces(operator.model) == []

    loop.run(story())
    assert "w2 has left the cluster: skipped" in [e.line for e in operator.events if isinstance(e, Note)]
    upgraded(operator.model)


def test_a_worker_that_leaves_after_it_was_upgraded_keeps_nothing_from_ending(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        _when(operator, _step("w3", "mark-node"), lambda: leave(operator.model, operator.model.nodes["w1"]))
        await operator.apply(plan)
        assert await traces(operator.model) == []

    loop.run(story())


def test_a_worker_replaced_under_its_name_is_skipped(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        (pool,) = plan.pools
        other = "00000000-0000-4000-8000-000000000000"
        nodes = (replace(pool.nodes[0], uid=other), *pool.nodes[1:])
        await operator.apply(replace(plan, pools=(replace(pool, nodes=nodes),)))
        assert str(operator.model.nodes["w1"].kubelet.version) == "v1.34.4"
        assert str(operator.model.nodes["w2"].kubelet.version) == "v1.35.4"

    loop.run(story())


def test_abort_gives_back_what_is_ours_and_a_new_plan_completes_the_hop(operator: Operator) -> None:
    async def story() -> None:
        await _stop_at(operator, await operator.plan(), "cp2", "kubeadm-node")
        notes = await _abort(operator)
        assert await traces(operator.model) == []
        assert any("cp2 was begun and not finished" in note for note in notes)
        again = await operator.plan()
        assert "blocker" not in {entry.result for entry in again.preflight}
        await operator.apply(again)

    loop.run(story())
    upgraded(operator.model)


def test_abort_uncordons_the_worker_in_flight(operator: Operator) -> None:
    async def story() -> None:
        await _stop_at(operator, await operator.plan(), "w1", "drain-node")
        assert "w1: cordoned" in await traces(operator.model)
        await _abort(operator)
        assert await traces(operator.model) == []

    loop.run(story())


def test_abort_without_a_lock_still_cleans(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        await _stop_at(operator, plan, "w1", "drain-node")
        world = simulated_world(operator.model)
        lease = await world.cluster.get(LOCK_PATH)
        await world.cluster.delete(LOCK_PATH, uid=lease["metadata"]["uid"])
        await _abort(operator)
        assert await traces(operator.model) == []

    loop.run(story())


def test_abort_leaves_out_a_node_that_is_dead(operator: Operator) -> None:
    async def story() -> None:
        await _stop_at(operator, await operator.plan(), "cp2", "kubeadm-node")
        operator.model.nodes["cp3"].up = False
        with pytest.raises((StepError, AccessError), match="cp3"):
            await _abort(operator)
        await _abort(operator, "cp3")
        left = await traces(operator.model)
        assert left
        assert all(line.startswith("cp3: ") for line in left)

    loop.run(story())


def test_abort_refuses_while_an_action_runs(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(Fault(kind="client-kill", action="kubeadm-apply", phase="etcd"))
        with pytest.raises(ClientKilled):
            await operator.apply(plan)
        with pytest.raises(StepError, match=r"still runs on cp1; nothing was changed"):
            await _abort(operator)
        await operator.apply(plan)

    loop.run(story())


def test_abort_where_nothing_runs_says_so(operator: Operator) -> None:
    async def story() -> None:
        with pytest.raises(UsageError, match="no unfinished run"):
            await _abort(operator)

    loop.run(story())


def test_a_gate_that_refuses_before_the_first_node_leaves_what_was_prepared(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        alarms = operator.model.nodes["cp3"].etcd_alarms
        once_begun(operator, "prepare", lambda: alarms.append("NOSPACE"))
        with pytest.raises(StepError, match="NOSPACE"):
            await operator.apply(plan)
        assert taken_apart(operator.model) == set()
        await _abort(operator)
        assert await traces(operator.model) == []
        with pytest.raises(UsageError):
            await _abort(operator)

    loop.run(story())


def test_what_stopped_a_run_is_told_also_when_it_cannot_be_cleaned_up(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(Fault(kind="ssh-cut", call="nodes.raise_fence", node="cp3", seconds=600))
        with pytest.raises(AccessError) as stopped:
            await operator.apply(plan)
        assert "cannot be cleaned" not in stopped.value.message
        await simulated_world(operator.model).clock.sleep(600)
        await operator.apply(plan)
        assert await traces(operator.model) == []

    loop.run(story())
    assert any("lock and fences stay" in e.line for e in operator.events if isinstance(e, Note))
    upgraded(operator.model)


def test_what_changed_while_somebody_read_the_prompt_is_seen_under_the_lock(operator: Operator) -> None:
    async def story() -> None:
        late = await operator.plan("v1.34.9")
        world = simulated_world(operator.model, operator.folder)
        ready = await look(world, late)
        await operator.apply(await operator.plan())
        with pytest.raises(PlanError, match="stale"):
            await execute(world, ready, Applying(who="late@test", watch=lambda _: None, stop=Stop()))
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)


def test_a_bug_in_one_step_does_not_roll_on(operator: Operator) -> None:
    operator.model = sample(workers=6)

    def burst() -> None:
        raise OSError("too many open files")

    async def story() -> None:
        plan = await operator.plan()
        _when(operator, _step("w1", "wait-node"), burst)
        with pytest.raises(OSError, match="too many open files"):
            await operator.apply(plan)

    loop.run(story())
    assert taken_apart(operator.model) == {"cp1", "cp2", "cp3", "w1"}


def test_nodes_that_fall_ill_after_their_upgrade_stop_the_rollout(operator: Operator) -> None:
    operator.model = sample(workers=6)

    async def story() -> None:
        plan = await operator.plan()

        def die() -> None:
            node = operator.model.nodes["w1"]
            node.kubelet.active = False
            node.heartbeat_lost = float("-inf")

        _when(operator, _step("w2", "mark-node"), die)
        with pytest.raises(StepError, match=r"well before w3 is begun.*w1 not Ready since upgraded"):
            await operator.apply(plan)

    loop.run(story())
    assert taken_apart(operator.model) == {"cp1", "cp2", "cp3", "w1", "w2"}


def test_a_sick_worker_does_not_keep_a_half_done_control_plane_half_done(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        await _stop_at(operator, plan, "cp2", "kubeadm-node")
        worker = operator.model.nodes["w3"]
        worker.kubelet.active = False
        worker.heartbeat_lost = float("-inf")
        with pytest.raises(StepError, match="w3"):
            await operator.apply(plan)
        worker.kubelet.active = True
        worker.heartbeat_lost = None
        await operator.apply(plan)

    loop.run(story())
    assert "workers" in [event.stage for event in operator.events if isinstance(event, StageBegins)]
    upgraded(operator.model)


def test_a_worker_that_somebody_uncordoned_is_drained_again(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        fails = Fault(kind="action-fails", node="w1", action="apt-install-kubelet", phase="flags")
        operator.model.faults.add(fails)
        with pytest.raises(StepError):
            await operator.apply(plan)
        world = simulated_world(operator.model)
        await world.cluster.patch("/api/v1/nodes/w1", {"spec": {"unschedulable": None}})
        await operator.apply(plan)

    loop.run(story())
    drains = [e for e in operator.events if isinstance(e, StepBegins) and str(e.id).endswith("w1/drain-node")]
    assert len(drains) == 2


def test_a_control_plane_that_does_not_answer_is_not_called_drift(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        await _stop_at(operator, plan, "cp2", "kubeadm-node")
        operator.model.nodes["cp3"].up = False
        with pytest.raises(AccessError, match="cannot be compared with the plan now"):
            await operator.apply(plan)

    loop.run(story())


def test_an_api_that_is_busy_is_asked_again(operator: Operator) -> None:
    busy = Fault(kind="api-unreachable", call="cluster.patch", nth=3, times=2)
    operator.model.faults.add(busy)

    async def story() -> None:
        await operator.apply(await operator.plan())

    loop.run(story())
    upgraded(operator.model)
