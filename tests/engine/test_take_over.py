"""A run that goes on with another state folder, with a lost one, without the API, or after its end was cut short."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.abort import abort
from kubectl_upgrade.engine.apply import Applying
from kubectl_upgrade.engine.lock import Claim, holder, take
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.engine.schedule import Limits
from kubectl_upgrade.facts.gather import NAMESPACE
from kubectl_upgrade.model.errors import (
    AccessError,
    ApiError,
    LockedError,
    PlanError,
    StepError,
    StoppedError,
    UpgradeError,
    UsageError,
)
from kubectl_upgrade.model.names import LOCK_PATH
from kubectl_upgrade.model.plan import After
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.power import cut
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.world import Fence
from tests.engine.conftest import Operator
from tests.engine.test_apply import traces, upgraded

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Plan

KILLS = {
    "in kubeadm": Fault(kind="client-kill", action="kubeadm-apply", phase="etcd", moment=""),
    "before the first fence": Fault(kind="client-kill", call="nodes.raise_fence"),
    "in the second pass": Fault(kind="client-kill", node="cp2", action="apt-install-kubelet", moment=""),
    "after a drain": Fault(kind="client-kill", call="nodes.start", node="w1", action="apt-install-kubeadm"),
    "after a control plane's drain": Fault(
        kind="client-kill", call="nodes.start", node="cp2", action="apt-install-kubelet"
    ),
    "on a worker": Fault(kind="client-kill", node="w1", action="restart-kubelet", moment=""),
    "after the worker": Fault(kind="client-kill", call="nodes.release", node="cp1"),
    "in the middle of cleaning up": Fault(kind="client-kill", call="nodes.release", node="cp3", moment="after"),
}


def _heir(operator: Operator) -> Operator:
    return Operator(operator.model, Folder(7, "heir"))


async def _killed(operator: Operator, fault: Fault) -> Plan:
    plan = await operator.plan()
    operator.model.faults.add(fault)
    with pytest.raises(ClientKilled):
        await operator.apply(plan)
    return plan


async def _run(operator: Operator) -> str:
    found = await holder(simulated_world(operator.model).cluster)
    assert found is not None
    return found.run


async def _told(operator: Operator, plan: Plan) -> None:
    """The first operator comes back: nothing happens any more, unless all that was left was to clean up."""
    with suppress(PlanError):
        await operator.apply(plan)
    assert await traces(operator.model) == []


def _once(operator: Operator) -> None:
    runs = Counter((record.node, record.action) for record in operator.model.trace)
    assert {key: count for key, count in runs.items() if count > 1} == {}


@pytest.mark.parametrize("kill", KILLS.values(), ids=KILLS)
def test_from_another_state_folder_it_ends_where_an_undisturbed_run_ends(kill: Fault) -> None:
    operator = Operator(sample(workers=1))

    async def story() -> None:
        plan = await _killed(operator, kill)
        heir = _heir(operator)
        run = await _run(operator)
        with pytest.raises(LockedError, match=f"run {run[:8]} of ops@test"):
            await heir.apply(plan)
        await heir.apply(plan, take_over=run[:8])
        assert await traces(operator.model) == []
        await _told(operator, plan)

    loop.run(story())
    upgraded(operator.model)
    _once(operator)


def test_a_worker_that_is_done_is_not_drained_for_the_heir() -> None:
    operator = Operator(sample(workers=2))

    async def story() -> list[str]:
        plan = await _killed(operator, Fault(kind="client-kill", node="w2", action="apt-install-kubeadm", moment=""))
        heir = _heir(operator)
        await heir.apply(plan, take_over=await _run(operator))
        return [str(event) for event in heir.events]

    told = " ".join(loop.run(story()))
    assert "'w1', step='drain-node'" not in told
    assert "target='w2', step='wait-node'" in told
    _once(operator)


def test_a_look_sits_out_an_api_server_that_stops_just_now(operator: Operator) -> None:
    """The one that the dead client was about to replace: the load balancer still sends to it."""

    async def story() -> None:
        plan = await _killed(operator, KILLS["in kubeadm"])
        operator.model.faults.add(Fault(kind="api-unreachable", call="cluster.get", path=NAMESPACE, seconds=8))
        await _heir(operator).apply(plan, take_over=await _run(operator))
        assert [fault.kind for fault, _ in operator.model.faults.struck] == ["client-kill", "api-unreachable"]

    loop.run(story())
    upgraded(operator.model)
    _once(operator)


def test_the_old_client_is_kept_out(operator: Operator) -> None:
    async def story() -> None:
        plan = await _killed(operator, KILLS["in kubeadm"])
        heir = _heir(operator)
        heir.limits = Limits(pause_after="first-control-plane")
        with pytest.raises(StoppedError, match=r"stopped after v1\.35\.4/first-control-plane, as asked"):
            await heir.apply(plan, take_over=await _run(operator))
        with pytest.raises(LockedError, match=r"--take-over|locked by run"):
            await operator.apply(plan)
        heir.limits = Limits()
        await heir.apply(plan)

    loop.run(story())
    upgraded(operator.model)
    assert operator.model.nodes["cp1"].fence is None


def test_the_old_client_is_kept_out_also_when_the_api_is_lost_right_after(operator: Operator) -> None:
    """It goes by its fence while there is no lock to read: the heir's stands before the heir asks the API anything."""
    heir = _heir(operator)

    async def story() -> None:
        plan = await operator.plan()
        old = asyncio.create_task(operator.apply(plan))
        while not any(landed.what == "start cp1 kubeadm-apply" for landed in operator.model.landed):  # noqa: ASYNC110 - the model has no event for it, its time is free
            await asyncio.sleep(1)
        lost = Fault(kind="api-unreachable", call="cluster.get", path=NAMESPACE, nth=2, seconds=600)
        operator.model.faults.add(lost)
        with pytest.raises(ApiError):
            await heir.apply(plan, await _run(operator))
        with pytest.raises(LockedError):
            await old
        assert not any("kubelet-via-own-apiserver" in landed.what for landed in operator.model.landed)
        await asyncio.sleep(600)
        await heir.apply(plan)
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)


def test_a_take_over_that_is_cut_short_is_finished_by_apply(operator: Operator) -> None:
    async def story() -> None:
        plan = await _killed(operator, KILLS["after a drain"])
        heir = _heir(operator)
        run = await _run(operator)
        operator.model.faults.add(Fault(kind="client-kill", call="nodes.raise_fence", node="cp2"))
        with pytest.raises(ClientKilled):
            await heir.apply(plan, take_over=run)
        await heir.apply(plan)
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)
    _once(operator)


def test_a_lock_that_is_gone_is_no_end_while_fences_stand(operator: Operator) -> None:
    async def story() -> None:
        plan = await _killed(operator, KILLS["in kubeadm"])
        run = await _run(operator)
        world = simulated_world(operator.model)
        found = await holder(world.cluster)
        assert found is not None
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/upgrade-cp"
        await world.cluster.delete(path, uid=found.uid)
        heir = _heir(operator)
        with pytest.raises(UpgradeError):
            await heir.apply(plan)
        await heir.apply(plan, take_over=run[:8])

    loop.run(story())
    upgraded(operator.model)
    _once(operator)


def test_what_is_refused(operator: Operator) -> None:
    async def story() -> None:
        plan = await _killed(operator, KILLS["in kubeadm"])
        heir = _heir(operator)
        run = await _run(operator)
        with pytest.raises(LockedError, match="locked by run"):
            await heir.apply(plan, take_over="0" * 32)
        with pytest.raises(UsageError, match="is no run id"):
            await heir.apply(plan, take_over="nonsense")
        cut(operator.model, operator.model.nodes["cp3"], 3600)
        with pytest.raises(AccessError, match="cp3 does not say which run holds it"):
            await heir.apply(plan, take_over=run)
        assert (await _run(operator)) == run

    loop.run(story())


def test_there_is_no_run_to_take_over(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        with pytest.raises(UsageError, match="neither its lock nor a fence names it"):
            await operator.apply(plan, take_over="0" * 8)

    loop.run(story())
    assert operator.model.trace == []


def test_somebody_elses_run_is_ended_with_its_plan(operator: Operator) -> None:
    async def story() -> None:
        plan = await _killed(operator, KILLS["after a drain"])
        heir = _heir(operator)
        world = simulated_world(operator.model, heir.folder)
        applying = Applying(who="heir@test", watch=heir.events.append, stop=Stop())
        run = await _run(operator)
        with pytest.raises(UsageError, match="needs its plan file"):
            await abort(world, applying, run=run)
        await abort(world, applying, run=run, plan=plan)
        assert await traces(operator.model) == []
        await heir.apply(await heir.plan())

    loop.run(story())
    upgraded(operator.model)


def test_an_abort_that_is_cut_short_is_finished_by_whoever_comes(operator: Operator) -> None:
    async def story() -> None:
        plan = await _killed(operator, KILLS["after a drain"])
        world = simulated_world(operator.model)
        operator.model.faults.add(Fault(kind="client-kill", call="nodes.release", node="cp2"))
        with pytest.raises(ClientKilled):
            await abort(world, Applying(who="ops@test", watch=operator.events.append, stop=Stop()))
        heir = _heir(operator)
        with pytest.raises(StoppedError, match="the abort of this run is finished"):
            await heir.apply(plan, take_over=await _run(operator))
        assert await traces(operator.model) == []
        await heir.apply(await heir.plan())

    loop.run(story())
    upgraded(operator.model)


def test_without_the_api_the_run_that_holds_the_fences_finishes_its_action() -> None:
    """One control plane: its kubeadm was cut short by a reboot, and its API server does not come back by itself."""
    operator = Operator(sample(control_planes=1, workers=1))

    async def story() -> None:
        plan = await operator.plan()
        faults = operator.model.faults
        faults.add(Fault(kind="client-kill", node="cp1", action="restart-kubelet", moment=""))
        with pytest.raises(ClientKilled):
            await operator.apply(plan)
        operator.model.api_cut_until = operator.model.now + 200
        await operator.apply(plan)
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)
    _once(operator)
    assert any("goes on over ssh" in str(event) for event in operator.events)


def test_a_new_run_never_starts_without_the_api(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        operator.model.api_cut_until = operator.model.now + 3600
        with pytest.raises(AccessError):
            await operator.apply(plan)

    loop.run(story())
    assert operator.model.trace == []


def test_record_and_node_disagree(operator: Operator) -> None:
    """The installation ended well, says the node's record; somebody has put the old one back since."""

    async def story() -> None:
        plan = await operator.plan()
        fails = Fault(kind="action-fails", node="w1", action="kubeadm-node", moment="")
        operator.model.faults.add(fails)
        with pytest.raises(StepError):
            await operator.apply(plan)
        packages = operator.model.nodes["w1"].packages
        packages["kubeadm"] = packages["kubelet"]
        with pytest.raises(StepError, match=r"install-kubeadm: its node's record says.*on w1 kubeadm is v1\.34\.4"):
            await operator.apply(plan)

    loop.run(story())


def test_only_the_chosen_workers(operator: Operator) -> None:
    operator.limits = Limits(only=frozenset({"w2"}))

    async def story() -> None:
        plan = await operator.plan()
        with pytest.raises(StoppedError, match="the chosen workers are done; 2 are left: w1, w3"):
            await operator.apply(plan)
        assert {r.node for r in operator.model.trace if r.node.startswith("w")} == {"w2"}
        operator.limits = Limits()
        await operator.apply(plan)

    loop.run(story())
    upgraded(operator.model)
    _once(operator)


def test_pauses_that_are_behind_the_run_are_behind_the_heir_too(operator: Operator) -> None:
    async def story() -> None:
        plan = _pausing(await operator.plan(), "first-control-plane", "other-control-planes", "add-ons")
        for stage in ("first-control-plane", "other-control-planes"):
            with pytest.raises(StoppedError, match=f"pauses after v1.35.4/{stage}"):
                await operator.apply(plan)
        heir = _heir(operator)
        with pytest.raises(StoppedError, match=r"pauses after v1\.35\.4/add-ons"):
            await heir.apply(plan, take_over=await _run(operator))
        await heir.apply(plan)

    loop.run(story())
    upgraded(operator.model)
    _once(operator)


def _pausing(plan: Plan, *names: str) -> Plan:
    (hop,) = plan.hops
    stages = tuple(replace(s, after=After(pause=True)) if s.stage in names else s for s in hop.stages)
    return replace(plan, hops=(replace(hop, stages=stages),))


def test_a_lock_that_was_taken_over_meanwhile_is_not_deleted(operator: Operator) -> None:
    """The old client has read that the lock is its own, and stands still before it deletes it."""

    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(Fault(kind="client-freeze", call="cluster.delete", path=LOCK_PATH, seconds=600))
        old = operator.model.spawn(_refused(operator, plan))
        world = simulated_world(operator.model)
        while not operator.model.faults.struck:
            await world.clock.sleep(1)
        run = await _run(operator)
        held = await holder(world.cluster)
        assert held is not None
        claim = Claim(fence=Fence(run, 2, "f" * 16), nonce="heir", plan=held.plan, who="heir@test", since="now")
        await take(world.cluster, claim, create=False)
        await old
        assert (await holder(world.cluster)) is not None

    loop.run(story())


async def _refused(operator: Operator, plan: Plan) -> None:
    with pytest.raises(LockedError, match="was taken over by"):
        await operator.apply(plan)
