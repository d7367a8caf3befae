"""Workers that are come back to: after a failure, by another operator, after somebody else had a hand in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.events import Note, StageBegins, StepBegins
from kubectl_upgrade.engine.lock import holder
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.errors import StepError, StoppedError
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.model.window import Window
from kubectl_upgrade.planner.rollout import Rollout
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import Fault
from kubectl_upgrade.simulation.paths import BUDGETS
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.world import simulated_world
from tests.engine.conftest import Operator
from tests.engine.test_batches import EVENING, set_clock
from tests.engine.test_drains import done, guard, open_up, options, small, start
from tests.engine.test_machine_deployments import TO, cluster, pool

if TYPE_CHECKING:
    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.simulation.cluster import ModelCluster


def _fails(node: str, action: str) -> Fault:
    return Fault(kind="action-fails", node=node, action=action, moment="")


def _cordoned(model: ModelCluster) -> list[str]:
    nodes = {name: model.node_object(node) for name, node in model.nodes.items()}
    return [name for name, node in nodes.items() if node["spec"].get("unschedulable")]


async def _uncordon(model: ModelCluster, name: str) -> None:
    """Somebody does."""
    await simulated_world(model).cluster.patch(f"/api/v1/nodes/{name}", {"spec": {"unschedulable": None}})


def test_an_heir_does_not_take_for_old_what_the_upgrade_broke() -> None:
    operator = small(workers=4)
    operator.model.workloads.crashing["web"] = Version.parse("v1.35.0")

    async def story() -> None:
        plan = await operator.plan(options=options())
        with pytest.raises(StepError, match="crash-loop that did not before"):
            await operator.apply(plan)
        found = await holder(simulated_world(operator.model).cluster)
        assert found is not None
        with pytest.raises(StepError, match="crash-loop that did not before"):
            await Operator(operator.model, Folder(7, "heir")).apply(plan, found.run)

    loop.run(story())


def test_one_that_was_given_back_needs_a_new_place() -> None:
    """w1 was skipped and serves again, w2 failed and stays cordoned: there is no room for a second one."""
    operator = small(workers=4)
    start(operator.model, "solo", "w1")
    guard(operator.model, "solo", 0)
    operator.model.faults.add(_fails("w2", "apt-install-kubeadm"))
    most: list[int] = []

    async def story() -> None:
        plan = await operator.plan(options=options(Rollout(on_drain_timeout="skip-node"), max_unavailable="1"))
        with pytest.raises(StepError):
            await operator.apply(plan)
        assert _cordoned(operator.model) == ["w2"]
        open_up(operator.model, "solo")
        operator.heed = lambda _: most.append(len(_cordoned(operator.model)))
        await operator.apply(plan)

    loop.run(story())
    assert max(most) == 1
    order = [e.id.target for e in operator.events if isinstance(e, StepBegins) and e.id.step == "install-kubeadm"]
    assert order[-4:] == ["w2", "w1", "w3", "w4"], "whoever is away goes first"


def test_drains_that_waited_for_others_do_not_begin_after_the_window() -> None:
    operator = small(workers=4)
    for budget in list(operator.model.store.within(BUDGETS)):
        budget["spec"]["maxUnavailable"] = 4
    start(operator.model, "pair", "w1", "w2", "w3", "w4")
    guard(operator.model, "pair", 1)
    for pod in operator.model.store.within("/api/v1/pods", "shop"):
        pod["spec"]["terminationGracePeriodSeconds"] = 600
    begun: list[str] = []

    def heed(event: Event) -> None:
        if isinstance(event, StageBegins) and event.stage == "workers":
            set_clock(operator.model, "2026-01-01T22:01:00")
        if isinstance(event, StepBegins) and (event.id.stage, event.id.step) == ("workers", "drain-node"):
            begun.append(simulated_world(operator.model).clock.now().strftime("%H:%M"))

    operator.heed = heed

    async def story() -> None:
        window = Window(from_="22:00", to="22:25", zone="UTC")
        plan = await operator.plan(options=options(Rollout(window=window), max_unavailable="4", drain_seconds=900))
        with pytest.raises(StoppedError, match="the window"):
            await operator.apply(plan)

    loop.run(story())
    assert begun
    assert max(begun) < "22:25"


def test_pods_that_came_back_are_not_evicted_outside_the_window() -> None:
    operator = small()
    operator.model.faults.add(_fails("w1", "kubeadm-node"))

    async def story() -> None:
        set_clock(operator.model, "2026-01-01T22:00:00")
        plan = await operator.plan(options=options(Rollout(window=EVENING)))
        with pytest.raises(StepError):
            await operator.apply(plan)
        set_clock(operator.model, "2026-01-02T09:00:00")
        await _uncordon(operator.model, "w1")
        start(operator.model, "day", "w1")
        operator.events.clear()
        with pytest.raises(StoppedError, match="is not open"):
            await operator.apply(plan)
        assert not [e for e in operator.events if isinstance(e, StepBegins) and e.id.target == "w1"]

    loop.run(story())


def test_a_node_of_a_machine_is_not_upgraded_in_place_whatever_the_plan_says() -> None:
    model = cluster(pool(), workers=2)
    operator = Operator(model)

    async def story() -> None:
        plan = await operator.plan(TO)
        name = next(name for name in model.nodes if name.startswith("pool1"))
        found = next(n for n in (await gather(simulated_world(model))).nodes if n.name == name)
        workers = plan.pools[0]
        slipped_in = replace(workers.nodes[0], name=name, uid=found.uid, address=found.internal_ip)
        await operator.apply(replace(plan, pools=(replace(workers, nodes=(*workers.nodes, slipped_in)),)))
        assert not [e for e in operator.events if isinstance(e, StepBegins) and e.id.target == name]

    loop.run(story())


def test_a_node_that_is_upgraded_in_part_is_not_skipped() -> None:
    operator = small()
    operator.model.faults.add(_fails("w1", "restart-kubelet"))

    async def story() -> None:
        plan = await operator.plan(options=options(Rollout(on_drain_timeout="skip-node")))
        with pytest.raises(StepError):
            await operator.apply(plan)
        await _uncordon(operator.model, "w1")
        start(operator.model, "solo", "w1")
        guard(operator.model, "solo", 0)
        with pytest.raises(StepError, match=r"in part already \(install-kubeadm, kubeadm-node, install-kubelet"):
            await operator.apply(plan)

    loop.run(story())
    assert "w1" not in done(operator)
    assert not [e for e in operator.events if isinstance(e, Note) and "w1 is skipped" in e.line]
