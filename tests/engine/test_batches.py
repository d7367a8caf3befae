"""Workers in batches: canary, soak and pause, the gate between batches, failures that are borne, and the window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.events import Note, StepBegins, StepEnds
from kubectl_upgrade.model.errors import StepError, StoppedError
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.model.window import Window
from kubectl_upgrade.planner.rollout import Rollout
from kubectl_upgrade.simulation import identity, loop, objects
from kubectl_upgrade.simulation.faults import Fault
from kubectl_upgrade.simulation.power import leave
from kubectl_upgrade.simulation.sample import sample
from tests.engine.conftest import once_begun
from tests.engine.test_apply import traces, upgraded
from tests.engine.test_drains import TO, done, notes, options, small, start

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from tests.engine.conftest import Operator

EVENING = Window(from_="22:00", to="23:00", zone="UTC")


def when(operator: Operator, target: str, step: str, do: Callable[[], object]) -> None:
    """Do it once, when the step of the target has ended."""

    def heed(event: Event) -> None:
        if isinstance(event, StepEnds) and (event.id.target, event.id.step) == (target, step):
            operator.heed = None
            do()

    operator.heed = heed


def set_clock(model: ModelCluster, text: str) -> None:
    """What the wall clock shows now."""
    model.epoch = datetime.fromisoformat(text).replace(tzinfo=UTC) - timedelta(seconds=model.now)


async def stops(operator: Operator, plan: Plan, kind: type[Exception]) -> str:
    with pytest.raises(kind) as ended:
        await operator.apply(plan)
    return str(ended.value)


def test_a_canary_soaks_and_pauses_and_the_others_follow() -> None:
    operator = small()

    async def story() -> None:
        plan = await operator.plan(options=options(Rollout(canary=1, soak_seconds=600, pause=True)))
        begins = operator.model.now
        assert "the plan pauses after v1.35.4/canary" in await stops(operator, plan, StoppedError)
        assert operator.model.now - begins > 600
        assert done(operator) == {"w1"}
        await operator.apply(plan)
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)


def test_a_pod_that_begins_to_crash_on_the_new_kubelet_stops_the_next_batch() -> None:
    operator = small(workers=4)
    operator.model.workloads.crashing["web"] = Version.parse("v1.35.0")

    async def story() -> None:
        plan = await operator.plan(options=options())
        said = await stops(operator, plan, StepError)
        assert "pods crash-loop that did not before their node was upgraded: shop/web-" in said
        assert "on w1" in said
        upgraded_by_now = done(operator)
        assert upgraded_by_now < {"w1", "w2", "w3", "w4"}
        assert "crash-loop" in await stops(operator, plan, StepError), "what nobody has mended stops it again"
        assert done(operator) == upgraded_by_now
        operator.model.workloads.crashing.clear()
        for pod in operator.model.store.within("/api/v1/pods", "shop"):
            objects.set_running(pod, running=True)
        await operator.apply(plan)

    loop.run(story())
    upgraded(operator.model)


def test_what_crashed_before_stops_nobody_wherever_a_drain_moves_it() -> None:
    operator = small()
    operator.model.workloads.crashing["ill"] = Version.parse("v1.34.0")
    for pod in start(operator.model, "ill", "w2", "w3"):
        objects.set_crash_looping(pod)
    loop.run(_whole(operator))
    upgraded(operator.model)


async def _whole(operator: Operator) -> None:
    await operator.apply(await operator.plan(options=options()))
    assert await traces(operator.model) == []


def test_an_upgraded_worker_that_is_not_ready_stops_the_next_batch() -> None:
    operator = small(workers=4)

    def die() -> None:
        node = operator.model.nodes["w1"]
        node.kubelet.active = False
        operator.model.settle(node)
        node.heartbeat_lost = float("-inf")

    async def story() -> None:
        plan = await operator.plan(options=options(max_unavailable="2"))
        when(operator, "w1", "unmark-node", die)
        assert "w1 not Ready since upgraded" in await stops(operator, plan, StepError)
        assert "w4" not in done(operator)
        operator.model.nodes["w1"].kubelet.active = True
        operator.model.settle(operator.model.nodes["w1"])
        await operator.apply(plan)

    loop.run(story())
    upgraded(operator.model)


def test_as_many_may_fail_as_the_plan_bears_and_the_run_says_so_at_its_end() -> None:
    operator = small()
    operator.model.faults.add(Fault(kind="action-fails", node="w1", action="kubeadm-node", moment="", text="no luck"))

    async def story() -> None:
        plan = await operator.plan(options=options(Rollout(max_failures=1), max_unavailable="2"))
        said = await stops(operator, plan, StepError)
        assert "1 of 3 targets of workers failed, 2 are done:" in said
        assert "v1.35.4/workers/w1/kubeadm-node" in said
        assert done(operator) == {"w2", "w3"}
        await operator.apply(plan)
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)


def test_one_failure_more_and_nothing_new_begins() -> None:
    operator = small(workers=4)
    for name in ("w1", "w2"):
        operator.model.faults.add(Fault(kind="action-fails", node=name, action="kubeadm-node", moment=""))

    async def story() -> None:
        plan = await operator.plan(options=options(Rollout(max_failures=1), max_unavailable="2"))
        said = await stops(operator, plan, StepError)
        assert "2 of 4 targets of workers failed, 0 are done:" in said

    loop.run(story())
    assert "w3" not in {e.id.target for e in operator.events if isinstance(e, StepBegins) and e.id.stage == "workers"}


def test_outside_its_window_no_worker_begins_and_it_is_told_when_it_goes_on() -> None:
    operator = small()

    async def story() -> None:
        plan = await operator.plan(options=options(Rollout(window=EVENING)))
        said = await stops(operator, plan, StoppedError)
        assert "the window 22:00-23:00 UTC is not open; it opens again on Thu 2026-01-01 22:00 UTC" in said
        assert done(operator) == set()
        set_clock(operator.model, "2026-01-01T22:00:00")
        await operator.apply(plan)

    loop.run(story())
    upgraded(operator.model)


def test_no_worker_begins_that_cannot_be_expected_to_be_done_in_time() -> None:
    operator = small()

    async def story() -> None:
        plan = await operator.plan(options=options(Rollout(window=EVENING), drain_seconds=900))
        # its drain's limit and 5 minutes, while nothing is measured
        once_begun(operator, "workers", lambda: set_clock(operator.model, "2026-01-01T22:41:00"))
        said = await stops(operator, plan, StoppedError)
        assert "a node needs 1200 s (none was measured yet: its drain's limit and 5 minutes)" in said
        assert "Fri 2026-01-02 22:00 UTC" in said
        assert done(operator) == set()
        # the first begins with 1240 s left and is done in less, so that the next one may begin with less left
        set_clock(operator.model, "2026-01-02T22:39:20")
        when(operator, "w2", "unmark-node", lambda: set_clock(operator.model, "2026-01-02T22:59:57"))
        said = await stops(operator, plan, StoppedError)
        assert "(the slowest so far)" in said
        assert done(operator) == {"w1", "w2"}

    loop.run(story())


def test_a_worker_whose_pods_are_gone_is_finished_outside_the_window() -> None:
    operator = small()
    operator.model.faults.add(Fault(kind="action-fails", node="w1", action="kubeadm-node", moment=""))

    async def story() -> None:
        set_clock(operator.model, "2026-01-01T22:00:00")
        plan = await operator.plan(options=options(Rollout(window=EVENING)))
        assert "kubeadm-node" in await stops(operator, plan, StepError)
        set_clock(operator.model, "2026-01-02T09:00:00")
        assert "is not open" in await stops(operator, plan, StoppedError)
        assert done(operator) == {"w1"}

    loop.run(story())


def test_workers_that_leave_join_or_are_upgraded_by_others_on_the_way() -> None:
    operator = small(workers=4)
    model = operator.model

    def change() -> None:
        leave(model, model.nodes["w2"])
        newer = model.nodes["w3"]
        newer.kubelet.version = newer.kubelet.reported = Version.parse("v1.36.0")
        joined = sample(control_planes=1, workers=5).nodes["w5"]
        model.add_node(joined, identity.uid(0, "node", "w5"))

    async def story() -> None:
        plan = await operator.plan(options=options())
        when(operator, "w1", "unmark-node", change)
        await operator.apply(plan)

    loop.run(story())
    assert done(operator) == {"w1", "w4"}
    assert "w2 has left the cluster: skipped" in notes(operator)
    assert "w3 is at v1.36.0 by now, above the target: skipped" in notes(operator)
    assert "not in the plan, and left as they are: w5 (v1.34.4)" in notes(operator)
    assert model.nodes["w5"].kubelet.version < TO


@pytest.mark.parametrize("moment", ["drain-node", "soaking", "before the apply"])
def test_a_canary_that_leaves_is_none(moment: str) -> None:
    """Nobody has seen the new kubelet at work: the others are not begun, in no later apply either."""
    operator = small(workers=4)
    go = partial(leave, operator.model, operator.model.nodes["w1"])

    def heed(event: Event) -> None:
        if isinstance(event, Note) and "soaking for" in event.line:
            operator.heed = None
            go()

    async def story() -> None:
        plan = await operator.plan(options=options(Rollout(canary=1, soak_seconds=600)))
        if moment == "before the apply":
            go()
        elif moment == "soaking":
            operator.heed = heed
        else:
            when(operator, "w1", moment, go)
        for _ in range(2):
            assert "of v1.35.4/canary no node is in the cluster and at v1.35.4 (w1)" in await stops(
                operator, plan, StepError
            )
            assert done(operator) == set()

    loop.run(story())
