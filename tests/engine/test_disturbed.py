"""What goes wrong, and how a run goes on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.events import StepBegins
from kubectl_upgrade.engine.gate import control_plane_may_stop
from kubectl_upgrade.engine.lock import holder
from kubectl_upgrade.model.errors import LockedError, PlanError, PreflightError, StepError, StoppedError
from kubectl_upgrade.model.plan import After, Waiver
from kubectl_upgrade.planner.make_plan import Options
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.sample import from_plan, sample
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.world import simulated_world
from tests.engine.conftest import Operator, once_begun, taken_apart
from tests.engine.test_apply import traces, upgraded
from tests.simulation.test_sample import with_external_etcd

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.model.errors import UpgradeError
    from kubectl_upgrade.model.plan import Plan

NODES = "/api/v1/nodes/{}"


def _story(operator: Operator, disturb: Callable[[Plan], Plan | None], wanted: type[BaseException]) -> BaseException:
    """Plan, disturb, apply until it ends, apply again to the end; the first end is returned."""

    async def story() -> BaseException:
        plan = await operator.plan()
        plan = disturb(plan) or plan
        with pytest.raises(wanted) as ended:
            await operator.apply(plan)
        await operator.apply(plan)
        assert await traces(operator.model) == []
        return ended.value

    ended = loop.run(story())
    upgraded(operator.model)
    return ended


def _runs(operator: Operator) -> Counter[tuple[str, str]]:
    return Counter((record.node, record.action) for record in operator.model.trace)


def _fault(operator: Operator, fault: Fault) -> Callable[[Plan], None]:
    return lambda _: operator.model.faults.add(fault)


def _points() -> int:
    operator = Operator(sample(workers=1))

    async def story() -> int:
        plan = await operator.plan()
        before = operator.model.faults.points
        await operator.apply(plan)
        return operator.model.faults.points - before

    return loop.run(story())


@pytest.mark.parametrize("share", [i / 24 for i in range(24)])
def test_killed_anywhere_it_ends_where_an_undisturbed_run_ends(share: float) -> None:
    operator = Operator(sample(workers=1))
    nth = max(1, int(_points() * share))
    kill = Fault(kind="client-kill", moment="", nth=nth)
    _story(operator, _fault(operator, kill), ClientKilled)
    again = {key: count for key, count in _runs(operator).items() if count > 1}
    assert again == {}, "a finished or running action must never start twice"


def test_killed_in_kubeadm_the_next_apply_attaches(operator: Operator) -> None:
    kill = Fault(kind="client-kill", action="kubeadm-apply", phase="etcd", moment="")
    killed = _story(operator, _fault(operator, kill), ClientKilled)
    assert isinstance(killed, ClientKilled)
    assert _runs(operator)["cp1", "kubeadm-apply"] == 1


def test_a_reboot_in_kubeadm_is_noticed_and_kubeadm_runs_again(operator: Operator) -> None:
    operator.model.faults.add(Fault(kind="node-reboot", node="cp2", action="kubeadm-node", phase="kube-apiserver"))

    async def story() -> None:
        await operator.apply(await operator.plan())
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)
    assert _runs(operator)["cp2", "kubeadm-node"] == 2


def test_a_lost_connection_is_sat_out(operator: Operator) -> None:
    operator.model.faults.add(
        Fault(kind="ssh-cut", node="cp2", action="kubeadm-node", phase="kube-apiserver", seconds=60)
    )

    async def story() -> None:
        await operator.apply(await operator.plan())

    loop.run(story())
    upgraded(operator.model)
    assert set(_runs(operator).values()) == {1}


def test_a_failed_action_stops_with_its_words_and_starts_anew_on_the_next_apply(operator: Operator) -> None:
    text = "[ERROR SystemVerification]: no cgroups"
    fails = Fault(kind="action-fails", node="w1", action="kubeadm-node", moment="", exit_code=1, text=text)
    error = _story(operator, _fault(operator, fails), StepError)
    assert isinstance(error, StepError)
    assert "v1.35.4/workers/w1/kubeadm-node: kubeadm-node on w1 exited 1" in error.message
    assert text in error.message
    assert "run apply again" in error.fix
    assert _runs(operator)["w1", "kubeadm-node"] == 2
    assert _runs(operator)["w1", "apt-install-kubeadm"] == 1


def test_after_a_failure_nothing_new_starts(operator: Operator) -> None:
    operator.model.faults.add(Fault(kind="action-fails", node="cp2", action="kubeadm-node", moment=""))

    async def story() -> None:
        with pytest.raises(StepError):
            await operator.apply(await operator.plan())

    loop.run(story())
    assert taken_apart(operator.model) == {"cp1", "cp2"}


def test_ctrl_c_finishes_the_running_step(operator: Operator) -> None:
    def heed(event: Event) -> None:
        if isinstance(event, StepBegins) and (event.id.target, event.id.step) == ("cp1", "kubeadm-apply"):
            operator.stop.ask("stopped on request")
            operator.heed = None

    operator.heed = heed
    stopped = _story(operator, lambda _: None, StoppedError)
    assert "stopped on request" in str(stopped)
    assert set(_runs(operator).values()) == {1}


def test_a_pause_ends_with_the_next_apply(operator: Operator) -> None:
    def pause(plan: Plan) -> Plan:
        (hop,) = plan.hops
        stages = tuple(
            replace(stage, after=After(pause=True)) if stage.stage == "control-plane-kubelets" else stage
            for stage in hop.stages
        )
        return replace(plan, hops=(replace(hop, stages=stages),))

    stopped = _story(operator, pause, StoppedError)
    assert "pauses after v1.35.4/control-plane-kubelets" in str(stopped)


def test_a_drain_that_a_budget_blocks_gives_the_node_back(operator: Operator) -> None:
    world = simulated_world(operator.model)
    budgets = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"

    async def story() -> None:
        accepted = {"disruption-budgets": "its owner opens it when asked"}
        plan = await operator.plan(options=Options(waivers=accepted, waive_until="2026-12-31"))
        body = {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "nothing", "namespace": "shop"},
            "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"k8s-app": "web"}}},
        }
        await world.cluster.create(budgets, body)
        with pytest.raises(
            StepError,
            match=r"(?s)budget shop/nothing \(maxUnavailable: 0\) allows 0.*uncordoned again, the drain installs",
        ):
            await operator.apply(plan)
        assert "cordoned" not in str(await traces(operator.model))
        (budget,) = await world.cluster.list(budgets)
        await world.cluster.delete(f"{budgets}/nothing", uid=budget["metadata"]["uid"])
        await operator.apply(plan)

    loop.run(story())
    upgraded(operator.model)


def _refused(operator: Operator, error: type[UpgradeError], match: str, change: Callable[[], None]) -> None:
    async def story() -> None:
        plan = await operator.plan()
        change()
        with pytest.raises(error, match=match):
            await operator.apply(plan)

    loop.run(story())
    assert taken_apart(operator.model) == set()


def test_an_etcd_alarm_closes_the_gate(operator: Operator) -> None:
    alarms = operator.model.nodes["cp3"].etcd_alarms
    once_begun(operator, "prepare", lambda: alarms.append("NOSPACE"))
    _refused(operator, StepError, "healthy control plane before cp1 is touched.*NOSPACE", lambda: None)


def test_an_etcd_alarm_from_before_stops_the_run_at_once(operator: Operator) -> None:
    def alarm() -> None:
        operator.model.nodes["cp3"].etcd_alarms.append("NOSPACE")

    _refused(operator, PreflightError, "etcd-healthy: etcd is not whole.*NOSPACE", alarm)


def test_two_members_are_no_quorum_to_stop_one_of() -> None:
    operator = Operator(sample(control_planes=2))
    _refused(operator, PreflightError, "2 etcd members keep no quorum", lambda: None)

    async def gate() -> None:
        world = simulated_world(operator.model)
        with pytest.raises(StepError, match="2 etcd members keep no quorum"):
            await control_plane_may_stop(world, await operator.plan(), "cp1", run8="", begun=False)

    loop.run(gate())


async def _patch(operator: Operator, name: str, body: dict[str, object]) -> None:
    await simulated_world(operator.model).cluster.patch(NODES.format(name), body)


def test_a_control_plane_that_somebody_cordons_on_the_way_closes_the_gate(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(Fault(kind="client-kill", call="nodes.start", node="cp1"))
        with pytest.raises(ClientKilled):
            await operator.apply(plan)
        await _patch(operator, "cp3", {"spec": {"unschedulable": True}})
        with pytest.raises(PlanError, match=r"controlPlanes\[cp3\].cordoned: was no, is yes"):
            await operator.apply(plan)

    loop.run(story())


def test_a_stale_plan_names_the_drift(operator: Operator) -> None:
    def change() -> None:
        node = operator.model.nodes["cp2"]
        node.held.remove("kubelet")
        node.repository = "v1.35"

    held = r"controlPlanes\[cp2\].held: was \[kubeadm, kubectl, kubelet\], is \[kubeadm, kubectl\]"
    _refused(operator, PlanError, rf"(?s)repository: was v1.34, is v1.35.*{held}", change)


def test_an_ended_waiver_is_refused(operator: Operator) -> None:
    for node in operator.model.nodes.values():
        node.cgroup = "v1"

    async def story() -> None:
        plan = await operator.plan()
        past = replace(plan, waivers=(_waiver("2000-01-01"),))
        with pytest.raises(PlanError, match="the waiver of cgroup-v1 ended on 2000-01-01"):
            await operator.apply(past)

    loop.run(story())


def _waiver(until: str) -> Waiver:
    return Waiver(check="cgroup-v1", kubeadm_errors=("SystemVerification",), reason="r", until=until)


def test_a_second_operator_does_not_get_in(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(Fault(kind="client-kill", action="kubeadm-apply", phase="etcd", moment=""))
        with pytest.raises(ClientKilled):
            await operator.apply(plan)
        other = Operator(operator.model, Folder(1, "other"))
        with pytest.raises(LockedError, match=r"run \w{8} of ops@test since .*, at v1.35.4/first-control-plane/cp1"):
            await other.apply(plan)
        await operator.apply(plan)

    loop.run(story())
    upgraded(operator.model)


def test_a_lock_that_was_taken_away_stops_the_next_change(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        world = simulated_world(operator.model)

        async def take(event: Event) -> None:
            found = await holder(world.cluster)
            assert found is not None
            await world.cluster.delete(
                "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/upgrade-cp", uid=found.uid
            )
            del event

        def heed(event: Event) -> None:
            if isinstance(event, StepBegins) and event.id.step == "kubeadm-apply":
                operator.heed = None
                operator.model.spawn(take(event))

        operator.heed = heed
        with pytest.raises(LockedError, match="is gone"):
            await operator.apply(plan)

    loop.run(story())


def test_another_plan_does_not_go_on_with_a_run(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(Fault(kind="client-kill", call="nodes.wait", node="cp1"))
        with pytest.raises(ClientKilled):
            await operator.apply(plan)
        (pool,) = plan.pools
        with pytest.raises(PlanError, match="was begun with another plan"):
            await operator.apply(replace(plan, pools=(replace(pool, name="others"),)))

    loop.run(story())


def test_an_etcd_that_is_not_kubeadms_must_be_healthy_and_nothing_more() -> None:
    model = from_plan(with_external_etcd(loop.run(Operator(sample(workers=1)).plan())))
    operator = Operator(model)

    async def story() -> None:
        plan = await operator.plan()
        assert "wait-etcd" not in {step.do for hop in plan.hops for stage in hop.stages for step in stage.steps}
        model.external_etcd_up = False
        with pytest.raises(PreflightError, match=r"cp1: external etcd: etcd at https://10.99.0.5:2379 is not healthy"):
            await operator.apply(plan)
        with pytest.raises(StepError, match=r"cp1 is touched.*etcd at https://10.99.0.5:2379 is not healthy"):
            await control_plane_may_stop(simulated_world(model), plan, "cp1", run8="", begun=False)
        assert taken_apart(model) == set()
        model.external_etcd_up = True
        await operator.apply(plan)

    loop.run(story())
    upgraded(model)
