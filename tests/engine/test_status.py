"""What `status` finds out, and for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.lock import holder
from kubectl_upgrade.engine.status import status_of
from kubectl_upgrade.model.errors import AccessError, StepError, UsageError
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.power import cut
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.world import simulated_world
from tests.engine.conftest import Operator

if TYPE_CHECKING:
    from kubectl_upgrade.engine.status import NodeStatus, Status
    from kubectl_upgrade.model.plan import Plan

IN_KUBEADM = Fault(kind="client-kill", action="kubeadm-apply", phase="etcd", moment="")


async def _killed(operator: Operator, fault: Fault = IN_KUBEADM) -> Plan:
    plan = await operator.plan()
    operator.model.faults.add(fault)
    with pytest.raises(ClientKilled):
        await operator.apply(plan)
    return plan


def _of(status: Status, name: str) -> NodeStatus:
    (found,) = [node for node in status.nodes if node.name == name]
    return found


def test_nothing_runs(operator: Operator) -> None:
    async def story() -> Status:
        return await status_of(simulated_world(operator.model))

    status = loop.run(story())
    assert (status.api, status.run, status.ours) == ("answers", "", False)
    assert [node.name for node in status.nodes] == ["cp1", "cp2", "cp3"]
    assert all(node.ready and not node.working and not node.action for node in status.nodes)
    assert status.next.endswith("kubectl upgrade-cp plan")


def test_a_run_without_a_client_seen_by_its_operator_and_by_another(operator: Operator) -> None:
    async def story() -> tuple[Status, Status]:
        await _killed(operator)
        other = simulated_world(operator.model, Folder(3, "other"))
        return await status_of(simulated_world(operator.model)), await status_of(other)

    own, others = loop.run(story())
    assert own.run == others.run != ""
    assert (own.who, own.epoch, own.step) == ("ops@test", 1, "v1.35.4/first-control-plane/cp1")
    cp1 = _of(own, "cp1")
    assert (cp1.working, cp1.state) == (True, "running")
    assert cp1.action == "kubeadm-apply v1.35.4 none none apiserver-grace=5 nudge-kubelet=yes"
    assert cp1.since.startswith("2026-01-01T00:0")
    assert "an action runs on cp1 and needs nobody; to go on: kubectl upgrade-cp apply PLAN" in own.next
    assert f"--take-over {own.run[:8]}" in others.next
    assert (own.ours, others.ours) == (True, False)


def test_a_run_that_was_taken_over_is_the_heirs(operator: Operator) -> None:
    async def story() -> None:
        plan = await _killed(operator)
        folder = Folder(3, "heir")
        heir = Operator(operator.model, folder)
        held = await holder(simulated_world(operator.model).cluster)
        assert held is not None
        operator.model.faults.add(Fault(kind="client-kill", node="cp2", action="kubeadm-node", moment=""))
        with pytest.raises(ClientKilled):
            await heir.apply(plan, take_over=held.run)
        own, heirs = [await status_of(simulated_world(operator.model, whose)) for whose in (None, folder)]
        assert (own.run, own.ours, heirs.run, heirs.ours) == (held.run, False, held.run, True)
        assert f"apply PLAN --take-over {held.run[:8]}, or to end it: kubectl upgrade-cp abort --run" in own.next
        operator.model.api_cut_until = operator.model.now + 3600
        assert not (await status_of(simulated_world(operator.model))).ours
        assert (await status_of(simulated_world(operator.model, folder))).ours

    loop.run(story())


def test_a_failed_step_and_its_last_words(operator: Operator) -> None:
    fails = Fault(kind="action-fails", node="w1", action="kubeadm-node", moment="", exit_code=3, text="no such image")

    async def story() -> Status:
        plan = await operator.plan()
        operator.model.faults.add(fails)
        with pytest.raises(StepError):
            await operator.apply(plan)
        return await status_of(simulated_world(operator.model))

    w1 = _of(loop.run(story()), "w1")
    assert (w1.state, w1.working, w1.cordoned_by_run) == ("exited 3", True, True)
    assert w1.output[-1] == "no such image"


def test_from_the_nodes_alone(operator: Operator) -> None:
    """By who began the run, whose state folder knows the plan; by another with the plan; not by another without."""

    async def story() -> None:
        plan = await _killed(operator)
        held = await holder(simulated_world(operator.model).cluster)
        assert held is not None
        operator.model.api_cut_until = operator.model.now + 3600
        own = await status_of(simulated_world(operator.model))
        assert own.run == held.run
        assert "no answer" in own.api
        assert _of(own, "cp1").state == "running"
        assert _of(own, "cp1").ready is None
        other = simulated_world(operator.model, Folder(3, "other"))
        with pytest.raises(UsageError, match="knows no unfinished runs"):
            await status_of(other)
        assert (await status_of(other, plan)).run == held.run
        for name in ("cp1", "cp2", "cp3"):
            cut(operator.model, operator.model.nodes[name], 3600)
        with pytest.raises(AccessError, match="neither the API nor any control plane answers"):
            await status_of(other, plan)

    loop.run(story())
