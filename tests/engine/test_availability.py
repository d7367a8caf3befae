"""What is told of the API's availability during an apply, and that nothing of the probe stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.abort import abort
from kubectl_upgrade.engine.apply import Applying
from kubectl_upgrade.engine.events import Note, StageBegins
from kubectl_upgrade.engine.history import Past
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.model.errors import NotFoundError, StepError
from kubectl_upgrade.model.names import LOCK_COLLECTION, PROBE_NAME, PROBE_PATH
from kubectl_upgrade.model.plan import Availability
from kubectl_upgrade.planfile.read import load
from kubectl_upgrade.planfile.write import write
from kubectl_upgrade.planner.make_plan import Options
from kubectl_upgrade.report.availability import availability_lines, availability_of
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from tests.engine.conftest import Operator
from tests.engine.test_apply import traces, upgraded

if TYPE_CHECKING:
    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.engine.history import History
    from kubectl_upgrade.model.plan import Plan

MEASURED = Options(waivers={}, waive_until="")
METADATA = {"name": PROBE_NAME, "namespace": "kube-system"}
LEASE = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": METADATA, "spec": {}}


def _apply(operator: Operator) -> History:
    async def story() -> History:
        history = await operator.apply(await operator.plan(options=MEASURED))
        assert await traces(operator.model) == []
        return history

    history = loop.run(story())
    upgraded(operator.model)
    return history


def test_three_control_planes_fail_nothing(operator: Operator) -> None:
    found = availability_of(_apply(operator))
    for seen in found.values():
        assert seen.requests > 400
        assert (seen.failed, seen.twice) == (0, False)
        assert 1 <= seen.gap < 2
    assert list(availability_lines(found))[-1] == "no request failed twice in a row: yes"


def test_the_outage_of_a_single_control_plane_is_counted() -> None:
    found = availability_of(_apply(Operator(sample(1, 1))))
    for seen in found.values():
        assert 60 < seen.failed < 250
        assert seen.twice
        assert 50 < seen.gap < 200
    lines = list(availability_lines(found))
    assert lines[0].startswith("reads of the API ")
    assert f"failed {found['reads'].failed}, longest gap" in lines[0]
    assert lines[-1] == "no request failed twice in a row: no"


def test_the_plan_says_it_and_without_it_nothing_is_measured(operator: Operator) -> None:
    async def story() -> tuple[Plan, History]:
        plan = await operator.plan()
        assert plan.availability is None
        return await operator.plan(options=MEASURED), await operator.apply(plan)

    plan, history = loop.run(story())
    assert plan.availability == Availability(write="lease/upgrade-cp-probe", every_seconds=1)
    assert "\navailability: {write: lease/upgrade-cp-probe, everySeconds: 1}\n" in write(plan)
    assert load(write(plan).encode(), "p.yaml") == plan
    assert availability_of(history) == {}
    assert list(availability_lines({})) == []


def test_figures_of_several_applies_are_told_together(operator: Operator) -> None:
    operator.model.faults.add(Fault(kind="action-fails", node="cp2", action="kubeadm-node"))

    async def story() -> History:
        plan = await operator.plan(options=MEASURED)
        with pytest.raises(StepError):
            await operator.apply(plan)
        history = await operator.apply(plan)
        assert await traces(operator.model) == []
        return history

    history = loop.run(story())
    first, second = history.availability
    told = availability_of(history)["writes"]
    assert told.requests == first["writes"]["requests"] + second["writes"]["requests"]
    assert min(first["writes"]["requests"], second["writes"]["requests"]) > 50
    # the one that failed has no summary
    (line,) = [e.line for e in operator.events if isinstance(e, Note) and e.line.startswith("the API meanwhile: ")]
    assert f"writes {first['writes']['requests']}, failed 0, longest gap 1." in line


def test_a_killed_clients_lease_is_used_again_and_removed(operator: Operator) -> None:
    operator.model.faults.add(Fault(kind="client-kill", node="cp2", action="kubeadm-node", phase="etcd"))

    async def story() -> None:
        plan = await operator.plan(options=MEASURED)
        with pytest.raises(ClientKilled):
            await operator.apply(plan)
        api = simulated_world(operator.model).cluster
        before = await api.get(PROBE_PATH)
        assert "renewTime" in before["spec"]
        history = await operator.apply(plan)
        assert len(history.availability) == 1
        with pytest.raises(NotFoundError):
            await api.get(PROBE_PATH)

    loop.run(story())


def test_abort_removes_it(operator: Operator) -> None:
    operator.model.faults.add(Fault(kind="action-fails", node="cp1", action="kubeadm-apply"))

    async def story() -> None:
        with pytest.raises(StepError):
            await operator.apply(await operator.plan(options=MEASURED))
        assert PROBE_NAME in await traces(operator.model)
        applying = Applying(who="ops@test", watch=lambda _: None, stop=Stop())
        await abort(simulated_world(operator.model, operator.folder), applying)
        assert await traces(operator.model) == []

    loop.run(story())


def test_a_lease_that_is_there_already_is_used(operator: Operator) -> None:
    async def story() -> History:
        await simulated_world(operator.model).cluster.create(LOCK_COLLECTION, LEASE)
        history = await operator.apply(await operator.plan(options=MEASURED))
        assert await traces(operator.model) == []
        return history

    assert availability_of(loop.run(story()))["writes"].failed == 0


def test_one_that_is_taken_away_is_not_made_again(operator: Operator) -> None:
    async def story() -> History:
        plan = await operator.plan(options=MEASURED)

        def heed(event: Event) -> None:
            if isinstance(event, StageBegins) and event.stage == "other-control-planes":
                operator.model.spawn(_take_away(operator))

        operator.heed = heed
        history = await operator.apply(plan)
        assert await traces(operator.model) == []
        return history

    assert availability_of(loop.run(story()))["writes"].requests < 300
    upgraded(operator.model)


async def _take_away(operator: Operator) -> None:
    api = simulated_world(operator.model).cluster
    await api.delete(PROBE_PATH, uid=(await api.get(PROBE_PATH))["metadata"]["uid"])


def test_what_may_not_be_made_is_not_measured_and_stops_nothing(operator: Operator) -> None:
    """The first create is the lock, the second the probe's object; the third try comes after ten seconds."""
    refused = Fault(kind="api-unreachable", call="cluster.create", path=LOCK_COLLECTION, nth=2, times=20)
    operator.model.faults.add(refused)
    history = _apply(operator)
    assert availability_of(history) == {}
    notes = [event.line for event in operator.events if isinstance(event, Note)]
    assert any(note.startswith("availability is not measured: ") for note in notes)


def test_single_failures_are_not_two_in_a_row(operator: Operator) -> None:
    for nth in (10, 20, 40):
        operator.model.faults.add(Fault(kind="api-unreachable", call="cluster.patch", path=PROBE_PATH, nth=nth))
    found = availability_of(_apply(operator))
    assert (found["writes"].failed, found["writes"].twice, found["reads"].failed) == (3, False, 0)
    assert 2 <= found["writes"].gap < 3


def test_figures_add_up() -> None:
    part = {"requests": 10, "failed": 1, "gap": 2.5, "twice": False}
    worse = {"requests": 5, "failed": 3, "gap": 9.0, "twice": True}
    past = Past()
    for reads in (part, worse, part):
        past.take({"event": "availability", "subject": "x", "reads": reads, "writes": part})
    found = availability_of(past)
    assert (found["reads"].requests, found["reads"].failed, found["reads"].gap, found["reads"].twice) == (
        25,
        5,
        9,
        True,
    )
    assert found["writes"].twice is False
