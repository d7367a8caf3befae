"""The end of a run leaves nothing on any node, whoever had it before; what is left behind is found and can be ended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.abort import abort
from kubectl_upgrade.engine.apply import Applying
from kubectl_upgrade.engine.events import Note, StageBegins
from kubectl_upgrade.engine.lock import holder
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.engine.status import status_of
from kubectl_upgrade.model.errors import (
    ApiError,
    LockedError,
    NodeUnreachableError,
    PlanError,
    PreflightError,
    StepError,
    UsageError,
)
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.power import cut
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.world import simulated_world
from tests.engine.conftest import Operator
from tests.engine.test_apply import traces, upgraded

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Plan


def _heir(operator: Operator) -> Operator:
    return Operator(operator.model, Folder(7, "heir"))


def _on(node: str, action: str = "apt-install-kubeadm") -> Fault:
    return Fault(kind="client-kill", node=node, action=action, moment="")


async def _killed(operator: Operator, fault: Fault, plan: Plan | None = None, take_over: str = "") -> Plan:
    plan = plan or await operator.plan()
    operator.model.faults.add(fault)
    with pytest.raises(ClientKilled):
        await operator.apply(plan, take_over)
    return plan


async def _run(operator: Operator) -> str:
    found = await holder(simulated_world(operator.model).cluster)
    assert found is not None
    return found.run


@pytest.mark.parametrize("through_an_heir", [True, False])
def test_a_worker_that_was_done_before_a_take_over_is_cleaned(*, through_an_heir: bool) -> None:
    """Back on the first laptop, the journal has the worker as done: its fence is of an earlier epoch."""
    operator = Operator(sample(workers=3))

    async def story() -> None:
        plan = await _killed(operator, _on("w2"))
        run = await _run(operator)
        if through_an_heir:
            await _killed(_heir(operator), _on("w3"), plan, run)
        await operator.apply(plan, take_over=run)
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)


async def _abort(operator: Operator, *without: str, run: str = "", plan: Plan | None = None) -> list[str]:
    notes: list[str] = []
    applying = Applying(who="ops@test", watch=lambda event: notes.append(str(event)), stop=Stop())
    world = simulated_world(operator.model, operator.folder)
    await abort(world, applying, frozenset(without), run=run, plan=plan)
    return notes


def test_what_an_abort_left_on_a_dead_worker_is_refused_shown_and_ended() -> None:
    operator = Operator(sample(workers=2))
    model = operator.model
    w1 = model.nodes["w1"]

    async def story() -> None:
        await _killed(operator, _on("w1", "apt-install-kubelet"))
        run = (await _run(operator))[:8]
        w1.cut_until = float("inf")
        notes = await _abort(operator, "w1")
        assert any(
            f"w1 was left alone; what is ours there: /var/lib/upgrade-cp. Should it come back: kubectl "
            f"upgrade-cp abort --run {run} PLAN" in note
            for note in notes
        )
        w1.cut_until = 0
        left = ["w1: fence", "w1: units", "w1: bundle"]
        assert await traces(model) == left
        plan, done = await operator.plan(), len(model.trace)
        with pytest.raises(
            PreflightError, match=rf"w1: is held by run {run} .*`kubectl upgrade-cp abort --run {run} P"
        ):
            await operator.apply(plan)
        assert (await traces(model), len(model.trace)) == (left, done)
        shown = await status_of(simulated_world(model))
        assert (shown.run[:8], [node.name for node in shown.nodes if node.run]) == (run, ["w1"])
        assert f"kubectl upgrade-cp abort --run {run} PLAN" in shown.next
        with pytest.raises(UsageError, match="there is no run 00000000"):
            await _abort(operator, run="0" * 8, plan=plan)
        await _abort(operator, run=run, plan=plan)
        assert await traces(model) == []
        await operator.apply(plan)

    loop.run(story())
    upgraded(model)


def test_the_abort_of_an_heir_raises_the_fences_that_its_take_over_did_not() -> None:
    """Else they stay, nobody is told, and the first operator brings the run back to life."""
    operator = Operator(sample(workers=1))

    async def story() -> None:
        plan = await _killed(operator, Fault(kind="client-kill", action="kubeadm-apply", phase="etcd", moment=""))
        heir = _heir(operator)
        await _killed(heir, Fault(kind="client-kill", call="nodes.raise_fence"), plan, await _run(operator))
        await asyncio.sleep(600)
        await _abort(heir)
        assert await traces(operator.model) == []
        with pytest.raises(PlanError, match="was ended elsewhere"):
            await operator.apply(plan)

    loop.run(story())


def test_an_abort_over_an_heirs_fences_is_refused_and_says_what_helps() -> None:
    """The heir took the run over while the API was away, and gave up: the lock still names the first operator."""
    operator = Operator(sample(workers=1))
    model = operator.model

    async def story() -> None:
        plan = await _killed(operator, Fault(kind="client-kill", node="cp2", action="kubeadm-node", moment=""))
        run = await _run(operator)
        await asyncio.sleep(900)
        model.api_cut_until = model.now + 1200
        with pytest.raises(ApiError):
            await _heir(operator).apply(plan, take_over=run)
        await asyncio.sleep(1500)
        status = await status_of(simulated_world(model))
        assert (status.run, status.ours) == (run, False)
        assert f"apply PLAN --take-over {run[:8]}" in status.next
        before = await traces(model)
        with pytest.raises(LockedError, match="epoch 2") as told:
            await _abort(operator)
        assert "--take-over" in told.value.fix
        assert await traces(model) == before
        await operator.apply(plan, take_over=run)
        assert await traces(model) == []

    loop.run(story())
    upgraded(model)


def test_an_abort_finds_the_worker_that_its_journal_has_lost() -> None:
    """Damage was set aside by an earlier apply, or the state folder is an old copy."""
    operator = Operator(sample(workers=2))

    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(Fault(kind="action-fails", node="w1", action="kubeadm-node", moment=""))
        with pytest.raises(StepError):
            await operator.apply(plan)
        ((stored,),) = operator.model.folder.runs.values()
        del stored.entries[next(i for i, entry in enumerate(stored.entries) if "workers/w1" in entry) :]
        await _abort(operator)
        assert await traces(operator.model) == []

    loop.run(story())


@pytest.mark.parametrize("lost", [False, True])
def test_an_abort_refuses_another_plan_than_the_runs(*, lost: bool) -> None:
    operator = Operator(sample(workers=3))

    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(Fault(kind="action-fails", node="w1", action="kubeadm-node", moment=""))
        with pytest.raises(StepError):
            await operator.apply(plan)
        if lost:
            ((stored,),) = operator.model.folder.runs.values()
            stored.entries.clear()
        other = replace(plan, pools=(replace(plan.pools[0], nodes=plan.pools[0].nodes[1:]),))
        with pytest.raises(PlanError, match="was begun with another plan"):
            await _abort(operator, plan=other)
        await _abort(operator, plan=plan)
        assert await traces(operator.model) == []

    loop.run(story())


def test_a_worker_without_ssh_gets_back_its_label_and_cordon_all_the_same() -> None:
    operator = Operator(sample(workers=2))

    async def story() -> None:
        plan = await _killed(operator, _on("w1", "apt-install-kubelet"))
        run = await _run(operator)
        operator.model.nodes["w1"].cut_until = float("inf")
        await _abort(_heir(operator), "w1", run=run, plan=plan)
        assert await traces(operator.model) == ["w1: fence", "w1: units", "w1: bundle"]

    loop.run(story())


def test_an_abort_names_the_workers_that_it_could_not_ask() -> None:
    operator = Operator(sample(workers=2))

    async def story() -> list[str]:
        await _killed(operator, Fault(kind="client-kill", node="cp2", action="restart-kubelet", moment=""))
        await asyncio.sleep(60)
        operator.model.nodes["w2"].cut_until = float("inf")
        return await _abort(operator)

    assert any("w2 does not answer; packages of ours there: /var/lib/upgrade-cp" in note for note in loop.run(story()))


def test_a_dead_worker_that_was_only_prepared_keeps_no_heir_from_finishing_the_control_planes() -> None:
    operator = Operator(sample(workers=3))
    heir = _heir(operator)

    async def story() -> None:
        plan = await _killed(operator, _on("cp2", "kubeadm-node"))
        run = await _run(operator)
        operator.model.nodes["w3"].cut_until = float("inf")
        with pytest.raises((NodeUnreachableError, StepError), match=r"w3|10\.99\.1\.3"):
            await heir.apply(plan, take_over=run)

    loop.run(story())
    assert {str(n.static_pods["kube-apiserver"].image).rpartition(":")[2] for n in operator.model.control_planes} == {
        "v1.35.4"
    }
    assert any("w3 is not prepared" in event.line for event in heir.events if isinstance(event, Note))


def test_a_dead_worker_in_flight_does_not_stop_a_take_over() -> None:
    operator = Operator(sample(workers=20))
    model = operator.model
    heir = _heir(operator)

    async def story() -> None:
        plan = await _killed(operator, _on("w1", "apt-install-kubelet"))
        run = await _run(operator)
        model.nodes["w1"].cut_until = float("inf")
        with suppress(NodeUnreachableError, StepError):
            await heir.apply(plan, take_over=run)
        assert any("w1 does not answer" in event.line for event in heir.events if isinstance(event, Note))
        assert any(isinstance(event, StageBegins) for event in heir.events)
        with pytest.raises(LockedError):
            await operator.apply(plan)
        model.nodes["w1"].cut_until = 0
        await heir.apply(plan)
        assert await traces(model) == []

    loop.run(story())
    upgraded(model)


def test_a_run_of_which_a_workers_fence_alone_is_left_is_not_begun_anew(operator: Operator) -> None:
    """Aborted while a worker that it had only prepared was away: all that it knew of its steps is gone."""
    heir = _heir(operator)

    async def story() -> None:
        plan = await _killed(operator, Fault(kind="client-kill", node="cp2", action="kubelet-via-endpoint", moment=""))
        run = await _run(operator)
        await asyncio.sleep(60)
        cut(operator.model, operator.model.nodes["w1"], 1000)
        await _abort(operator)
        await asyncio.sleep(1000)
        before = len(operator.model.landed)
        with pytest.raises(PlanError, match=f"run {run[:8]} was ended: no lock names it") as ended:
            await heir.apply(plan, take_over=run)
        assert f"abort --run {run[:8]} PLAN" in ended.value.fix
        assert operator.model.landed[before:] == []
        await _abort(heir, run=run, plan=plan)
        assert await traces(operator.model) == []
        await heir.apply(await heir.plan())
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)
