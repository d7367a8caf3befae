"""Somebody else is at work, or what this run has left takes room: the engine's gates while a run goes on."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.events import Note, StepBegins, StepEnds
from kubectl_upgrade.engine.lock import holder
from kubectl_upgrade.engine.schedule import Limits
from kubectl_upgrade.model.errors import PlanError, PreflightError, StepError, StoppedError
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.world import simulated_world
from tests.engine.conftest import Operator, taken_apart

if TYPE_CHECKING:
    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.simulation.cluster import ModelCluster

KUBEONE = "kubeone.io/upgrade-in-process"


def _mark(model: ModelCluster, name: str) -> None:
    model.node_object(model.nodes[name])["metadata"]["labels"][KUBEONE] = ""


def _cordoned(model: ModelCluster) -> list[str]:
    return [n.name for n in model.nodes.values() if model.node_object(n)["spec"].get("unschedulable")]


def _ended(event: Event, target: str, step: str) -> bool:
    return isinstance(event, StepEnds) and (event.id.target, event.id.step) == (target, step)


def test_a_control_plane_that_kubeone_works_on_is_left_alone() -> None:
    operator = Operator(sample(workers=1))
    operator.heed = lambda event: _mark(operator.model, "cp2") if _ended(event, "cp1", "unmark-node") else None

    async def story() -> None:
        with pytest.raises(StepError, match=r"before cp2 is touched.*cp2 is marked as being upgraded by KubeOne"):
            await operator.apply(await operator.plan())

    loop.run(story())
    assert taken_apart(operator.model) == {"cp1"}


def test_a_worker_that_kubeone_works_on_is_left_alone() -> None:
    operator = Operator(sample(workers=2))
    operator.heed = lambda event: _mark(operator.model, "w1") if _ended(event, "cp3", "uncordon-node") else None

    async def story() -> None:
        plan = await operator.plan()
        with pytest.raises(StepError, match=r"w1 is marked as being upgraded by KubeOne"):
            await operator.apply(plan)
        with pytest.raises(PreflightError, match=r"no-upgrade-in-process: w1"):
            await operator.apply(plan)

    loop.run(story())
    assert taken_apart(operator.model) == {"cp1", "cp2", "cp3"}


def _forgiving(plan: Plan, failures: int) -> Plan:
    hop = plan.hops[0]
    stages = tuple(replace(s, max_failures=failures) if s.stage == "workers" else s for s in hop.stages)
    return replace(plan, hops=(replace(hop, stages=stages),))


def test_workers_that_failed_and_stay_cordoned_take_room() -> None:
    """Ten per cent of six is one: a second is not drained while the first is away, whatever may fail."""
    operator = Operator(sample(workers=6))
    operator.model.faults.add(*(Fault(kind="action-fails", node=n, action="kubeadm-node") for n in ("w1", "w2")))

    async def story() -> None:
        plan = _forgiving(await operator.plan(), 3)
        with pytest.raises(StepError, match=r"cordoned by this run and left \(w1\)"):
            await operator.apply(plan)

    loop.run(story())
    assert _cordoned(operator.model) == ["w1"]


def test_only_one_worker_is_away_although_the_chosen_one_is_another() -> None:
    operator = Operator(sample(workers=10))
    operator.model.faults.add(Fault(kind="action-fails", node="w1", action="kubeadm-node", moment=""))

    async def story() -> None:
        plan = await operator.plan()
        with pytest.raises(StepError, match="w1"):
            await operator.apply(plan)
        operator.limits = Limits(only=frozenset({"w2"}))
        with pytest.raises(StepError, match=r"room in pool workers.*\(w1\)"):
            await operator.apply(plan)
        operator.limits = Limits()
        await operator.apply(plan)

    loop.run(story())
    assert _cordoned(operator.model) == []


def test_a_worker_that_is_down_for_what_is_left_to_do_takes_its_own_place() -> None:
    """Its kubelet died half installed: the step that mends it is still to come."""
    operator = Operator(sample(workers=2))
    operator.model.faults.add(Fault(kind="client-kill", node="w1", action="apt-install-kubelet", moment=""))

    async def story() -> None:
        plan = await operator.plan()
        with suppress(ClientKilled):
            await operator.apply(plan)
        await asyncio.sleep(600)
        node = operator.model.nodes["w1"]
        node.kubelet.active = False
        operator.model.settle(node)
        await asyncio.sleep(120)
        await operator.apply(plan)

    loop.run(story())
    assert _cordoned(operator.model) == []


def _away(operator: Operator, seconds: float) -> None:
    operator.model.api_cut_until = operator.model.now + seconds


def test_without_an_api_nothing_begins_on_a_control_plane_when_quorum_would_go() -> None:
    operator = Operator(sample(workers=1))

    def stop_on_cp2(event: Event) -> None:
        if _ended(event, "cp2", "install-kubeadm"):
            operator.stop.ask("asked")

    async def story() -> None:
        plan = await operator.plan()
        operator.heed = stop_on_cp2
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        operator.heed = None
        cp3 = operator.model.nodes["cp3"]
        cp3.static_pods["etcd"].running = False
        operator.model.settle(cp3)
        began = len(operator.model.trace)
        _away(operator, 400)
        with pytest.raises(StepError, match=r"before cp2 is touched.*cp3: etcd did not answer"):
            await operator.apply(plan)
        assert len(operator.model.trace) == began

    loop.run(story())


def test_without_an_api_a_stop_is_heeded_before_the_next_action() -> None:
    operator = Operator(sample(control_planes=1, workers=1))
    operator.model.faults.add(Fault(kind="client-kill", node="cp1", call="nodes.wait"))

    def stop(event: Event) -> None:
        if isinstance(event, Note) and "does not answer" in event.line:
            operator.stop.ask("asked")

    async def story() -> None:
        plan = await operator.plan()
        with suppress(ClientKilled):
            await operator.apply(plan)
        _away(operator, 200)
        operator.heed = stop
        with pytest.raises(StoppedError, match="asked"):
            await operator.apply(plan)

    loop.run(story())
    assert "kubeadm-apply" not in {record.action for record in operator.model.trace}


@pytest.mark.parametrize("change", ["ignored errors", "failures"])
def test_no_other_plan_is_slipped_under_a_run_while_the_api_is_away(change: str) -> None:
    operator = Operator(sample(workers=1))
    operator.model.faults.add(Fault(kind="client-kill", node="cp1", action="kubeadm-apply", phase="etcd", moment=""))

    async def story() -> str:
        plan = await operator.plan()
        with suppress(ClientKilled):
            await operator.apply(plan)
        held = await holder(simulated_world(operator.model).cluster)
        assert held is not None
        heir = Operator(operator.model, Folder(7, "heir"))
        other = _forgiving(plan, 5) if change == "failures" else _ignoring(plan)
        _away(operator, 60)
        with pytest.raises(PlanError, match="was begun with another plan") as stopped:
            await heir.apply(other, take_over=held.run)
        await asyncio.sleep(300)
        now = await holder(simulated_world(operator.model).cluster)
        assert now is not None
        assert now.plan == held.plan
        await heir.apply(plan, take_over=held.run)
        return stopped.value.message

    told = loop.run(story())
    assert ("and this plan says" in told) == (change == "ignored errors")


def _ignoring(plan: Plan) -> Plan:
    hop = plan.hops[0]
    stages = tuple(
        replace(
            stage,
            steps=tuple(
                replace(step, with_={**step.with_, "ignorePreflightErrors": ("Swap",)})
                if step.do == "kubeadm-apply"
                else step
                for step in stage.steps
            ),
        )
        for stage in hop.stages
    )
    return replace(plan, hops=(replace(hop, stages=stages),))


def test_a_wait_that_fails_keeps_evidence_too() -> None:
    operator = Operator(sample(workers=1))

    def break_it(event: Event) -> None:
        if isinstance(event, StepBegins) and event.id.step == "wait-control-plane":
            operator.model.nodes["cp1"].static_pods["kube-scheduler"].running = False
            operator.model.nodes["cp1"].static_pods["kube-apiserver"].running = False

    operator.heed = break_it

    async def story() -> str:
        with pytest.raises(StepError) as stopped:
            await operator.apply(await operator.plan())
        return stopped.value.message

    assert "logs, containers and disks of cp1 at that moment: " in loop.run(story())
