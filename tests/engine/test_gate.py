"""The gates by themselves: whom they let pass, for what they wait, and what they say when they do not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from kubectl_upgrade.engine.gate import at_once, control_plane_may_stop, pool_has_room
from kubectl_upgrade.engine.run import Run, Stop
from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.model.names import CORDON_ANNOTATION
from kubectl_upgrade.model.plan import Waiver
from kubectl_upgrade.planfile.targets import node_targets
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.power import cut
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.steps.base import Worker
from kubectl_upgrade.world import Fence
from tests.engine.conftest import Operator

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.engine.history import History
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.simulation.cluster import ModelCluster

RUN8 = "0badcafe"
KUBEONE = "kubeone.io/upgrade-in-process"
STANDS = Waiver(check="no-upgrade-in-process", kubeadm_errors=(), reason="known", until="2999-01-01")


def _object(model: ModelCluster, name: str) -> Any:
    return model.node_object(model.nodes[name])


def _mark(name: str) -> Callable[[ModelCluster], None]:
    def change(model: ModelCluster) -> None:
        _object(model, name)["metadata"]["labels"][KUBEONE] = ""

    return change


def _cordon(name: str, run8: str = "") -> Callable[[ModelCluster], None]:
    def change(model: ModelCluster) -> None:
        _object(model, name)["spec"]["unschedulable"] = True
        if run8:
            _object(model, name)["metadata"].setdefault("annotations", {})[CORDON_ANNOTATION] = run8

    return change


def _unready(name: str) -> Callable[[ModelCluster], None]:
    """Its kubelet has been silent for long."""

    def change(model: ModelCluster) -> None:
        model.nodes[name].heartbeat_lost = model.now - 1000

    return change


def _well(model: ModelCluster, name: str) -> None:
    model.nodes[name].heartbeat_lost = None


def _replaced(name: str) -> Callable[[ModelCluster], None]:
    def change(model: ModelCluster) -> None:
        _object(model, name)["metadata"]["uid"] = "another"

    return change


def _stopped(name: str, component: str) -> Callable[[ModelCluster], None]:
    def change(model: ModelCluster) -> None:
        model.nodes[name].static_pods[component].running = False

    return change


def _ask(  # noqa: PLR0913 - all that the gate is told
    change: Callable[[ModelCluster], None],
    *,
    name: str = "cp1",
    begun: bool = False,
    control_planes: int = 3,
    edit: Callable[[Plan], Plan] = lambda plan: plan,
    api: bool = True,
) -> float:
    """Make a plan, change something, ask the gate; how long it took, seconds."""

    async def story() -> float:
        operator = Operator(sample(control_planes, 1))
        plan = edit(await operator.plan())
        world = simulated_world(operator.model)
        change(operator.model)
        began = world.clock.monotonic()
        await control_plane_may_stop(world, plan, name, run8=RUN8, begun=begun, api=api)
        return world.clock.monotonic() - began

    return loop.run(story())


STOPS: dict[str, tuple[Callable[[ModelCluster], None], str]] = {
    "another is not Ready": (_unready("cp2"), "cp2 is not Ready"),
    "another was cordoned": (_cordon("cp3"), "cp3 was cordoned by somebody since the plan was made"),
    "another was cordoned by another run": (_cordon("cp3", "deadbeef"), "cp3 was cordoned by somebody"),
    "another was replaced": (_replaced("cp2"), "the Node cp2 of the plan does not exist any more"),
    "this one was replaced": (_replaced("cp1"), "the Node cp1 of the plan does not exist any more"),
    "another is marked": (_mark("cp2"), "cp2 is marked as being upgraded by KubeOne"),
    "this one is marked": (_mark("cp1"), "cp1 is marked as being upgraded by KubeOne"),
    "another's API server is away": (_stopped("cp2", "kube-apiserver"), "the API server on cp2 is not ready"),
    "another's member is away": (_stopped("cp3", "etcd"), "etcd"),
    "its own member is away": (_stopped("cp1", "etcd"), "cp1: etcd did not answer"),
    "another cannot be asked": (lambda model: cut(model, model.nodes["cp2"], 1000), "cp2"),
}


@pytest.mark.parametrize("name", STOPS)
def test_it_stops_before_a_control_plane(name: str) -> None:
    change, says = STOPS[name]
    with pytest.raises(StepError) as stopped:
        _ask(change)
    assert (
        "waited 60 s for a healthy control plane before cp1 is touched; the last answer was: " in stopped.value.message
    )
    assert says in stopped.value.message


PASSES: dict[str, tuple[Callable[[ModelCluster], None], dict[str, Any]]] = {
    "nothing is wrong": (lambda _: None, {}),
    "its own API server is away": (_stopped("cp1", "kube-apiserver"), {}),
    "it is not Ready itself": (_unready("cp1"), {}),
    "it is cordoned itself": (_cordon("cp1"), {}),
    "another was cordoned by this run": (_cordon("cp3", RUN8), {}),
    "its own member is away and it was begun": (_stopped("cp1", "etcd"), {"begun": True}),
    "without an API nobody asks for Nodes": (_unready("cp2"), {"api": False}),
    "a mark that is waived": (_mark("cp2"), {"edit": lambda plan: replace(plan, waivers=(STANDS,))}),
    "the only control plane": (_unready("cp1"), {"control_planes": 1}),
}


@pytest.mark.parametrize("name", PASSES)
def test_it_lets_pass(name: str) -> None:
    change, how = PASSES[name]
    assert 2 <= _ask(change, **how) < 10


def test_one_that_was_cordoned_when_the_plan_was_made_stays_so() -> None:
    def known(plan: Plan) -> Plan:
        return replace(
            plan, control_planes=tuple(replace(one, cordoned=one.name == "cp3") for one in plan.control_planes)
        )

    assert _ask(_cordon("cp3"), edit=known) < 10


def test_of_a_node_that_was_begun_only_its_own_member_may_be_away() -> None:
    with pytest.raises(StepError, match="cp2: etcd did not answer"):
        _ask(_stopped("cp2", "etcd"), begun=True)


def test_two_members_have_none_to_spare() -> None:
    with pytest.raises(StepError, match="2 etcd members keep no quorum when one stops") as stopped:
        _ask(lambda _: None, control_planes=2)
    assert stopped.value.fix.startswith("add a control plane")


def test_it_waits_for_what_gets_well() -> None:
    def later(model: ModelCluster) -> None:
        _unready("cp2")(model)
        model.later(20.0, lambda: _well(model, "cp2"))

    assert 20 <= _ask(later) < 30


@pytest.mark.parametrize(
    ("share", "size", "most"),
    [
        (None, 9, 1),
        ("1", 9, 1),
        ("3", 9, 3),
        ("10%", 9, 1),
        ("10%", 20, 2),
        ("50%", 5, 2),
        ("100%", 7, 7),
        ("1%", 1, 1),
    ],
)
def test_how_many_workers_at_once(share: str | None, size: int, most: int) -> None:
    async def story() -> int:
        plan = await Operator(sample(3, 1)).plan()
        return at_once(replace(plan.hops[0].stages[-1], max_unavailable=share), size)

    assert loop.run(story()) == most


@dataclass
class Pool:
    """A run at its workers, of which so many may be away."""

    model: ModelCluster
    run: Run
    plan: Plan
    most: int

    async def ask(self, name: str, *, begun: bool = False) -> float:
        (worker,) = (t for t in node_targets(self.plan) if isinstance(t, Worker) and t.name == name)
        stage = replace(self.plan.hops[0].stages[-1], max_unavailable=str(self.most))
        began = self.run.world.clock.monotonic()
        await pool_has_room(self.run, worker, stage, begun=begun)
        return self.run.world.clock.monotonic() - began


async def _pool(workers: int = 4, most: int = 2) -> Pool:
    operator = Operator(sample(3, workers))
    plan = await operator.plan()
    nobody = cast("History", None)  # a gate asks no history
    run = Run(
        world=simulated_world(operator.model),
        plan=plan,
        fence=Fence(RUN8 * 4, 1, "o" * 16),
        history=nobody,
        watch=lambda _: None,
        stop=Stop(),
    )
    return Pool(operator.model, run, plan, most)


def test_as_many_as_may_be_away_begin_and_the_next_waits_for_one_of_them() -> None:
    async def story() -> None:
        pool = await _pool()
        assert [await pool.ask("w1"), await pool.ask("w2")] < [1, 1]
        assert pool.run.working_on == {"w1", "w2"}
        pool.model.later(30.0, lambda: pool.run.working_on.discard("w1"))
        assert 30 <= await pool.ask("w3") < 40
        assert pool.run.working_on == {"w2", "w3"}

    loop.run(story())


def test_those_that_are_down_take_room_and_those_at_work_are_not_counted_twice() -> None:
    async def story() -> None:
        pool = await _pool(5, 2)
        assert await pool.ask("w1") < 1
        _unready("w1")(pool.model)
        assert await pool.ask("w2") < 1.1  # it waits for the next look
        pool.run.working_on.clear()
        _unready("w2")(pool.model)
        with pytest.raises(StepError) as full:
            await pool.ask("w3")
        assert "waited 300 s for room in pool workers" in full.value.message
        assert "2 of its 5 nodes are not Ready, or cordoned by this run and left (w1, w2)" in full.value.message
        assert "no more than 2 may be away at once" in full.value.message
        assert pool.run.working_on == set()

    loop.run(story())


def test_room_that_comes_back_is_taken() -> None:
    async def story() -> None:
        pool = await _pool(3, 1)
        _unready("w2")(pool.model)
        pool.model.later(100.0, lambda: _well(pool.model, "w2"))
        assert 100 <= await pool.ask("w1") < 120
        assert pool.run.working_on == {"w1"}

    loop.run(story())


def test_a_worker_that_was_begun_takes_its_own_place() -> None:
    async def story() -> None:
        pool = await _pool(3, 1)
        _unready("w1")(pool.model)
        _cordon("w1", RUN8)(pool.model)
        assert await pool.ask("w1", begun=True) < 2
        pool.run.working_on.clear()
        with pytest.raises(StepError, match="no more than 1 may be away"):
            await pool.ask("w2")
        with pytest.raises(StepError, match="no more than 1 may be away"):
            await pool.ask("w1")

    loop.run(story())


@pytest.mark.parametrize("run8", ["", "deadbeef"])
def test_cordons_of_others_take_no_room(run8: str) -> None:
    async def story() -> None:
        pool = await _pool(3, 1)
        _cordon("w2", run8)(pool.model)
        assert await pool.ask("w1") < 1

    loop.run(story())


def test_others_that_this_run_has_left_take_room_but_for_one_that_is_away_too() -> None:
    async def story() -> None:
        pool = await _pool(3, 1)
        _cordon("w2", RUN8)(pool.model)
        for begun in (True, False):  # w1 serves
            with pytest.raises(StepError, match=r"left \(w2\)"):
                await pool.ask("w1", begun=begun)
        _cordon("w1", RUN8)(pool.model)
        assert await pool.ask("w1", begun=True) < 2

    loop.run(story())


def test_nobody_else_may_be_at_work_on_it() -> None:
    async def story() -> None:
        pool = await _pool()
        _mark("w2")(pool.model)
        assert await pool.ask("w1") < 1
        with pytest.raises(StepError, match="w2 is marked as being upgraded by KubeOne") as marked:
            await pool.ask("w2")
        assert marked.value.fix.startswith("let that upgrade end")
        pool.run.plan = replace(pool.plan, waivers=(STANDS,))
        assert await pool.ask("w2") < 1.1  # it waits for the next look

    loop.run(story())


def test_two_that_ask_at_once_take_one_place() -> None:
    async def story() -> list[float]:
        pool = await _pool(4, 1)
        pool.model.later(50.0, pool.run.working_on.clear)
        return sorted(await asyncio.gather(pool.ask("w1"), pool.ask("w2")))

    first, second = loop.run(story())
    assert first < 1
    assert 50 <= second < 60
