"""The end of a run leaves nothing on any node, whoever had it before; what is left behind is found and can be ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.abort import abort
from kubectl_upgrade.engine.apply import Applying
from kubectl_upgrade.engine.lock import holder
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.engine.status import status_of
from kubectl_upgrade.model.errors import (
    PreflightError,
    UsageError,
)
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
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
