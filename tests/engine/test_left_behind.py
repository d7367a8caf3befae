"""The end of a run leaves nothing on any node, whoever had it before; what is left behind is found and can be ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.lock import holder
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
