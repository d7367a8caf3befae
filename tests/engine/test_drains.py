"""Drains that meet budgets, pods that do not end, and limits; what is told, and how the node is left."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest

from kubectl_upgrade.engine.events import Note, StepBegins, StepEnds
from kubectl_upgrade.engine.waiting import until
from kubectl_upgrade.model.errors import ApiError, StepError, StoppedError
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planner.make_plan import Options
from kubectl_upgrade.planner.rollout import Rollout
from kubectl_upgrade.simulation import loop, objects
from kubectl_upgrade.simulation.paths import BUDGETS, REPLICA_SETS, Location
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.steps.base import StepContext, Worker
from kubectl_upgrade.steps.evictions import Evictions
from tests.engine.conftest import Operator
from tests.engine.test_apply import traces, upgraded

if TYPE_CHECKING:
    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.world import Json

TO = Version.parse("v1.35.4")
WAIVED = {"disruption-budgets": "a test's", "unmanaged-pods": "a test's"}


def options(rollout: Rollout | None = None, **changes: Any) -> Options:
    standard: dict[str, Any] = {"waivers": WAIVED, "waive_until": "2027-01-01", "availability_probe": False}
    return Options(rollout=rollout or Rollout(), **(standard | {"drain_seconds": 60} | changes))


def small(workers: int = 3) -> Operator:
    return Operator(sample(control_planes=1, workers=workers))


def start(model: ModelCluster, app: str, *nodes: str) -> list[Json]:
    """A workload with one pod on each of these nodes."""
    labels = {"k8s-app": app}
    made = objects.workload("ReplicaSet", app, "shop", f"example.org/{app}:1", labels=labels, replicas=len(nodes))
    owner = model.store.add(REPLICA_SETS, made)
    return [model.workloads.start(owner, node, at_once=True) for node in nodes]


def guard(model: ModelCluster, app: str, most: int, name: str = "") -> None:
    """A budget over that workload."""
    made = objects.budget(name or app, "shop", labels={"k8s-app": app}, max_unavailable=most)
    model.store.add(BUDGETS, made)


def open_up(model: ModelCluster, name: str) -> None:
    at = Location(BUDGETS, "shop", name)
    model.store.delete(at, model.store.get(at)["metadata"]["uid"])


def notes(operator: Operator) -> str:
    return "\n".join(event.line for event in operator.events if isinstance(event, Note))


def stopped(operator: Operator, kind: type[Exception], chosen: Options) -> str:
    """What the apply says at its end."""

    async def story() -> str:
        with pytest.raises(kind) as ended:
            await operator.apply(await operator.plan(options=chosen))
        return str(ended.value)

    return loop.run(story())


def done(operator: Operator) -> set[str]:
    """Workers at the new kubelet."""
    return {n.name for n in operator.model.nodes.values() if not n.control_plane and n.kubelet.version == TO}


def test_a_worker_that_cannot_be_drained_is_skipped_and_the_next_apply_tries_it_again() -> None:
    operator = small()
    start(operator.model, "solo", "w2")
    guard(operator.model, "solo", 0)

    async def story() -> None:
        plan = await operator.plan(options=options(Rollout(on_drain_timeout="skip-node")))
        for _ in range(2):
            with pytest.raises(StepError, match=r"(?s)1 workers were skipped.*v1.35.4/workers/w2: drain of w2") as left:
                await operator.apply(plan)
            assert "budget shop/solo (maxUnavailable: 0) allows 0 evictions now, it needs 1" in left.value.message
            assert "uncordoned again, the drain installs nothing" in left.value.message
            assert done(operator) == {"w1", "w3"}
            assert [trace for trace in await traces(operator.model) if "cordon" in trace or "label" in trace] == []
        open_up(operator.model, "solo")
        await operator.apply(plan)
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)
    told = notes(operator)
    assert "w2: its drain will meet this: budget shop/solo (maxUnavailable: 0) never allows an eviction" in told
    assert "w2 is skipped" in told


def test_a_canary_that_was_skipped_lets_nobody_go_on() -> None:
    operator = small()
    start(operator.model, "solo", "w1")
    guard(operator.model, "solo", 0)
    chosen = options(Rollout(on_drain_timeout="skip-node", canary=1, pause=True))
    assert "every node of canary was skipped" in stopped(operator, StepError, chosen)
    assert done(operator) == set()


def test_a_refused_eviction_is_explained_with_those_who_keep_the_budget_low() -> None:
    operator = small()
    _, ill = start(operator.model, "duo", "w1", "w3")
    objects.set_crash_looping(ill)
    guard(operator.model, "duo", 1)
    said = stopped(operator, StepError, options())
    assert "budget shop/duo (maxUnavailable: 1) allows 0 evictions now, it needs 1 healthy pods and has 1 of 2" in said
    assert f"not Ready: shop/{ill['metadata']['name']} (CrashLoopBackOff on w3)" in said
    assert "waits for shop/duo" in notes(operator)


def test_two_budgets_over_one_pod_end_the_drain_at_once() -> None:
    operator = small()
    start(operator.model, "both", "w1")
    guard(operator.model, "both", 1)
    guard(operator.model, "both", 1, "second")
    said = stopped(operator, StepError, options(drain_seconds=900))
    assert "budgets both and second both select shop/both" in said
    drains = [event for event in operator.events if isinstance(event, StepEnds) and event.id.step == "drain-node"]
    assert drains[-1].seconds < 30


def test_pods_that_the_plan_keeps_stop_the_drain_before_anything_is_evicted() -> None:
    operator = small()

    async def story() -> None:
        plan = await operator.plan(options=options())
        (alone,) = start(operator.model, "alone", "w1")
        del alone["metadata"]["ownerReferences"]
        with pytest.raises(StepError, match=r"no controller would start shop/alone.*no cordon of ours is on it"):
            await operator.apply(plan)

    loop.run(story())
    assert not any("/shop/" in landed.what for landed in operator.model.landed)
    assert not operator.model.node_object(operator.model.nodes["w1"])["spec"].get("unschedulable")


def test_a_pod_has_its_own_grace() -> None:
    operator = small()
    (slow,) = start(operator.model, "slow", "w1")
    slow["spec"]["terminationGracePeriodSeconds"] = 120
    loop.run(_whole(operator, options(drain_seconds=300)))
    upgraded(operator.model)
    assert f"w1: shop/{slow['metadata']['name']} may take 120 s to end, its own grace period" in notes(operator)
    drains = {e.id.target: e.seconds for e in operator.events if isinstance(e, StepEnds) and e.id.step == "drain-node"}
    assert 120 <= drains["w1"] < 140


def test_a_grace_beyond_the_limit_is_foretold() -> None:
    operator = small()
    (slow,) = start(operator.model, "slow", "w1")
    slow["spec"]["terminationGracePeriodSeconds"] = 120
    said = stopped(operator, StepError, options())
    assert "may take 120 s to end, longer than this drain may (60 s)" in notes(operator)
    assert "1 pod left (shop/slow" in said


def test_a_pod_that_hangs_on_a_finalizer_is_named_with_how_long() -> None:
    operator = small()
    (held,) = start(operator.model, "held", "w1")
    held["metadata"]["finalizers"] = ["example.org/hold"]
    said = stopped(operator, StepError, options(drain_seconds=90))
    assert "should have ended" in said
    assert "s ago: finalizers example.org/hold" in said
    assert "is stuck ending: finalizers example.org/hold" in notes(operator)


def test_pods_of_a_kubelet_that_died_are_named_with_it() -> None:
    operator = small()

    def die(event: Event) -> None:
        if isinstance(event, StepBegins) and (event.id.target, event.id.step) == ("w1", "drain-node"):
            node = operator.model.nodes["w1"]
            node.kubelet.active = False
            operator.model.settle(node)

    operator.heed = die
    assert "the kubelet of w1 does not answer" in stopped(operator, StepError, options(drain_seconds=120))


def _at_once(operator: Operator) -> int:
    """How many drains went on side by side, at most."""
    now = most = 0
    for event in operator.events:
        if isinstance(event, StepBegins | StepEnds) and event.id.step == "drain-node" and event.id.stage == "workers":
            now += 1 if isinstance(event, StepBegins) else -1
            most = max(most, now)
    return most


@pytest.mark.parametrize(("most", "at_once"), [(1, 1), (3, 2)])
def test_nodes_of_one_tight_budget_are_not_drained_at_once(most: int, at_once: int) -> None:
    operator = small(workers=4)
    for budget in list(operator.model.store.within(BUDGETS)):
        budget["spec"]["maxUnavailable"] = 3
    start(operator.model, "pair", "w1", "w2", "w3", "w4")
    guard(operator.model, "pair", most)
    loop.run(_whole(operator, options(max_unavailable="2", drain_seconds=300)))
    upgraded(operator.model)
    assert _at_once(operator) == at_once
    order = [e.id.target for e in operator.events if isinstance(e, StepBegins) and e.id.step == "mark-node"]
    assert (set(order[-4:-2]), order[-2:]) == ({"w1", "w2"}, ["w3", "w4"]), "delayed, never put in another order"
    assert ("is drained first: budget shop/pair allows 1 evictions" in notes(operator)) == (most == 1)


async def _whole(operator: Operator, chosen: Options) -> None:
    await operator.apply(await operator.plan(options=chosen))
    assert await traces(operator.model) == []


def test_drains_that_take_too_long_together_stop_before_the_next_node() -> None:
    operator = small()

    async def story() -> None:
        plan = await operator.plan(options=options(Rollout(drain_limit_seconds=1)))
        for expected in ({"w1"}, {"w1", "w2"}):
            with pytest.raises(StoppedError, match="the plan lets them take 1 s"):
                await operator.apply(plan)
            assert done(operator) == expected
        await operator.apply(plan)

    loop.run(story())
    upgraded(operator.model)


class OnePod:
    """An API server with one pod, whose eviction it refuses a few times; anything else is unplanned."""

    def __init__(self, clock: Any, retry_after: int, refusals: int) -> None:
        self.clock = clock
        self.retry_after = retry_after
        self.refusals = refusals
        self.asked: list[float] = []

    async def list(self, path: str, *, labels: str = "", fields: str = "") -> list[Json]:
        assert (path, labels, fields) == ("/api/v1/pods", "", "spec.nodeName=w1")
        if len(self.asked) > self.refusals:
            return []
        owner = {"kind": "ReplicaSet", "name": "a", "controller": True}
        metadata = {"namespace": "shop", "name": "a", "uid": "u", "ownerReferences": [owner]}
        return [{"metadata": metadata, "spec": {"nodeName": "w1"}, "status": {"phase": "Running"}}]

    async def reduced(self, path: str, keep: object) -> tuple[()]:
        assert path.endswith("/shop/poddisruptionbudgets"), keep
        return ()

    async def create(self, path: str, body: Json) -> Json:
        assert path == "/api/v1/namespaces/shop/pods/a/eviction"
        assert body["deleteOptions"] == {"preconditions": {"uid": "u"}}, "the pod's own grace counts"
        self.asked.append(self.clock.monotonic())
        if len(self.asked) <= self.refusals:
            raise ApiError("too busy", status=429, retry_after=self.retry_after)
        return {}


@pytest.mark.parametrize(("retry_after", "pauses"), [(0, [2, 4, 8, 16, 16]), (10, [10, 10, 10, 16, 16])])
def test_who_was_refused_is_asked_for_less_and_less_and_never_before_the_server_wants_it(
    retry_after: int, pauses: list[int]
) -> None:
    async def story() -> list[float]:
        operator = small()
        plan = await operator.plan(options=options())
        world = simulated_world(operator.model)
        api = OnePod(world.clock, retry_after, len(pauses))
        pool = plan.pools[0]
        context = StepContext(
            plan=plan,
            target=Worker(pool.nodes[0], pool),
            run8="01234567",
            nodes=world.nodes,
            cluster=cast("Any", api),
            clock=world.clock,
            act=cast("Any", None),
            until=partial(until, world.clock),
            say=lambda _: None,
            tell=lambda _: None,
        )
        await context.until("w1 drained", 900, Evictions(context, lambda _: None).round, every_seconds=2.0)
        return [after - before for before, after in zip(api.asked, api.asked[1:], strict=False)]

    assert [round(pause) for pause in loop.run(story())] == pauses


def test_a_control_plane_is_never_skipped() -> None:
    async def story() -> None:
        plan = await small().plan(options=options(Rollout(on_drain_timeout="skip-node")))
        for stage in plan.hops[0].stages:
            drains = [step.with_["onTimeout"] for step in stage.steps if step.do == "drain-node"]
            assert drains == ([] if not drains else ["skip-node" if stage.stage == "workers" else "stop"])

    loop.run(story())
