"""Rollouts under way that stand still: known without the journal, and while no Machine of theirs is a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.abort import abort
from kubectl_upgrade.engine.apply import Applying
from kubectl_upgrade.engine.events import Note, StepSays
from kubectl_upgrade.engine.lock import holder
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.model.names import ROLLOUT_ANNOTATION
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.world import simulated_world
from tests.engine.conftest import Operator
from tests.engine.test_machine_deployments import TO, capi, cluster, kubelets, objects, pool

if TYPE_CHECKING:
    from typing import Any


@pytest.mark.parametrize("how", ["take-over", "abort"])
def test_a_stuck_rollout_is_known_without_its_journal(how: str) -> None:
    """Its object bears the run's word: whoever takes over waits on, whoever aborts takes it off and says so."""
    model = cluster(pool())
    model.machines.stuck = "quota"
    heir = Operator(model, Folder(7, "heir"))

    async def story() -> None:
        operator = Operator(model)
        plan = await operator.plan(TO)
        with pytest.raises(StepError, match="no Machine has come on"):
            await operator.apply(plan)
        held = await holder(simulated_world(model).cluster)
        assert held is not None
        if how == "abort":
            await abort(
                simulated_world(model, heir.folder),
                Applying(who="heir", watch=heir.events.append, stop=Stop()),
                run=held.run,
                plan=plan,
            )
            return
        with pytest.raises(StepError, match="no Machine has come on"):
            await heir.apply(plan, held.run)
        model.machines.stuck = ""
        await heir.apply(plan)

    loop.run(story())
    (obj,) = objects(model)
    assert ROLLOUT_ANNOTATION not in obj["metadata"]["annotations"]
    if how == "abort":
        assert any(isinstance(e, Note) and "its rollout was begun and goes on" in e.line for e in heir.events)
    else:
        assert set(kubelets(model).values()) == {TO}


def test_a_rollout_whose_only_machine_is_gone_is_waited_for() -> None:
    """No Machine of its Cluster is a node any more, until the new one boots: that is no proof that it has left."""
    model = cluster(capi(replicas=1))
    model.machines.stuck = "no hardware"
    operator = Operator(model)
    api = "cluster.x-k8s.io/v1beta2"

    def take_the_old_one(event: object) -> None:
        if isinstance(event, StepSays) and "->" in event.line:
            operator.heed = None
            model.spawn(end(model.machines.of(objects(model, api)[0])[0]))

    async def end(machine: Any) -> None:
        await model.machines._end(machine)  # noqa: SLF001 - as a rollout without surge does

    operator.heed = take_the_old_one

    async def story() -> None:
        plan = await operator.plan(TO)
        for _ in range(2):
            with pytest.raises(StepError, match="no Machine has come on"):
                await operator.apply(plan)

    loop.run(story())
    assert ROLLOUT_ANNOTATION in objects(model, api)[0]["metadata"]["annotations"]
