"""Members of etcd below a minimum, in the simulation: they move first, under a pin that nobody is left with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.abort import abort
from kubectl_upgrade.engine.apply import Applying
from kubectl_upgrade.engine.events import Note, StageBegins, StepEnds
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.engine.schedule import Limits
from kubectl_upgrade.facts.etcd_tag import with_etcd_tag
from kubectl_upgrade.facts.kubeadm_config import PATH
from kubectl_upgrade.model.errors import PlanError, PreflightError, StepError, StoppedError
from kubectl_upgrade.model.names import ETCD_TAG_ANNOTATION, LOCK_PATH
from kubectl_upgrade.planfile.read import load
from kubectl_upgrade.planfile.write import write
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.world import simulated_world
from tests.engine.conftest import Operator, once_begun

if TYPE_CHECKING:
    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.world import Json

TO = "v1.34.4"
STAGES = ("pin-etcd", "etcd-members", "unpin-etcd", "first-control-plane")


def _model(control_planes: int = 3) -> ModelCluster:
    """With the etcd that kubeadm 1.33 gives."""
    return sample(control_planes, 1, "v1.33.4", pods_per_worker=1)


async def _planned(operator: Operator) -> Plan:
    """Written and read again, as between `plan` and `apply`."""
    return load(write(await operator.plan(TO)).encode(), "p.yaml")


async def _config_map(model: ModelCluster) -> Json:
    return await simulated_world(model).cluster.get(PATH)


async def _pin(model: ModelCluster) -> tuple[str, str]:
    """The tag in kubeadm-config as kubeadm would read it, and what stands beside it."""
    found = await _config_map(model)
    model.read_configuration()
    return model.configuration.etcd_tag, found["metadata"].get("annotations", {}).get(ETCD_TAG_ANNOTATION, "")


def _etcd(model: ModelCluster) -> list[str]:
    return [node.static_pods["etcd"].image.rpartition(":")[2] for node in model.control_planes]


def _acted(model: ModelCluster, action: str) -> list[str]:
    return [record.node for record in model.trace if record.action == action and record.exit_code == 0]


def _applying(operator: Operator) -> Applying:
    return Applying(who="ops@test", watch=operator.events.append, stop=Stop())


def test_every_member_moves_before_kubeadm_of_the_next_minor_comes() -> None:
    model = _model()
    operator = Operator(model)
    seen: dict[str, tuple[list[str], str]] = {}

    def note(event: Event) -> None:
        if isinstance(event, StageBegins):
            seen[event.stage] = (_etcd(model), model.configuration.etcd_tag)

    operator.heed = note

    async def story() -> None:
        plan = await _planned(operator)
        before = (await _config_map(model))["data"]["ClusterConfiguration"]
        await operator.apply(plan)
        after = (await _config_map(model))["data"]["ClusterConfiguration"]
        assert after == before.replace("v1.33.4", TO)
        assert await _pin(model) == ("none", "")

    loop.run(story())
    old, moved = ["3.5.24-0"] * 3, ["3.5.32-0"] * 3
    assert [seen[stage] for stage in STAGES] == [
        (old, "none"),
        (old, "3.5.32-0"),
        (moved, "3.5.32-0"),
        (moved, "none"),
    ]
    assert _etcd(model) == ["3.6.5-0"] * 3
    assert model.stopped_together == []
    assert _acted(model, "move-etcd") == ["cp1", "cp2", "cp3"]
    # each of them waited for before the next one
    waited = [str(e.id) for e in operator.events if isinstance(e, StepEnds) and "/etcd-members/" in str(e.id)]
    moving = ("mark-node", "kubelet-via-endpoint", "move-etcd", "kubelet-via-own-apiserver")
    order = (*moving, "wait-control-plane", "wait-etcd", "unmark-node")
    assert waited == [f"{TO}/etcd-members/{node}/{step}" for node in ("cp1", "cp2", "cp3") for step in order]


def test_a_single_control_plane_moves_too() -> None:
    model = _model(1)
    operator = Operator(model)

    async def story() -> None:
        await operator.apply(await _planned(operator))

    loop.run(story())
    assert _acted(model, "move-etcd") == ["cp1"]
    assert _etcd(model) == ["3.6.5-0"]


def test_what_one_node_cannot_pull_no_plan_moves_to() -> None:
    model = _model()
    operator = Operator(model)

    async def story() -> tuple[Plan, Plan]:
        model.nodes["cp2"].lacks.add("3.5.32-0")
        second_best = await operator.plan(TO)
        model.nodes["cp3"].lacks.add("3.5.26-0")
        return second_best, await operator.plan(TO)

    second_best, none = loop.run(story())
    tags = {step.with_.get("tag") for stage in second_best.hops[0].stages for step in stage.steps} - {None}
    assert tags == {"3.5.26-0"}
    assert not [stage for stage in none.hops[0].stages if "etcd" in stage.stage]
    blocker = next(entry for entry in none.preflight if entry.check == "etcd-minimum")
    assert blocker.result == "blocker"
    assert "The plan does not do it: cp2 may not get etcd:3.5.32-0: " in blocker.fix
    assert "cp3 may not get etcd:3.5.26-0: https://registry.k8s.io answered 404" in blocker.fix


def test_what_a_hand_has_edited_beside_etcd_no_plan_moves_with_it() -> None:
    """Kubeadm would write that manifest anew and restart the API server, days before the upgrade is to do so."""
    model = _model()
    model.nodes["cp2"].static_pods["kube-apiserver"].by_hand = ["--audit-log-path=/var/log/audit"]
    plan = loop.run(Operator(model).plan(TO))
    assert not [stage for stage in plan.hops[0].stages if "etcd" in stage.stage]
    blocker = next(entry for entry in plan.preflight if entry.check == "etcd-minimum")
    assert "on cp2 kubeadm would change more than etcd: kube-apiserver.yaml (--audit-log-path)" in blocker.fix


def test_a_plan_without_the_way_is_blocked_as_before() -> None:
    operator = Operator(_model())

    async def story() -> None:
        plan = await _planned(operator)
        (hop,) = plan.hops
        bare = tuple(stage for stage in hop.stages if "etcd" not in stage.stage)
        with pytest.raises(PreflightError, match=r"etcd is at 3\.5\.24.* it holds no pin-etcd and move-etcd"):
            await operator.apply(replace(plan, hops=(replace(hop, stages=bare),)))

    loop.run(story())


def test_a_registry_that_is_away_later_stops_it_before_anything_is_changed() -> None:
    model = _model()
    operator = Operator(model)

    async def story() -> None:
        plan = await _planned(operator)
        once_begun(operator, "prepare-etcd", lambda: setattr(model, "registry_up", False))
        with pytest.raises(StepError, match="connection refused"):
            await operator.apply(plan)
        assert await _pin(model) == ("none", "")
        assert _etcd(model) == ["3.5.24-0"] * 3
        model.registry_up = True
        await operator.apply(plan)

    loop.run(story())
    assert _etcd(model) == ["3.6.5-0"] * 3


def _moments() -> list[str]:
    move = [f"etcd-members/cp1/{step}" for step in ("mark-node", "move-etcd", "kubelet-via-own-apiserver", "wait-etcd")]
    return ["pin-etcd/cluster/pin-etcd", *move, "etcd-members/cp3/move-etcd", "unpin-etcd/cluster/unpin-etcd"]


@pytest.mark.parametrize("state", ["kept", "elsewhere"])
@pytest.mark.parametrize("event", ["step-begins", "step-done"])
@pytest.mark.parametrize("moment", _moments())
def test_a_client_that_dies_at_any_step_of_it_loses_nothing(moment: str, event: str, state: str) -> None:
    model = _model()
    folder = Folder(0)
    operator = Operator(model, folder)
    at = f"{event} {TO}/{moment}"
    model.faults.add(Fault(kind="client-kill", call="journal.append", path=at))

    async def story() -> None:
        plan = await _planned(operator)
        with pytest.raises(ClientKilled):
            await operator.apply(plan)
        await _go_on(operator, plan, state)
        assert await _pin(model) == ("none", "")

    loop.run(story())
    assert _etcd(model) == ["3.5.32-0"] * 3
    assert _acted(model, "move-etcd") == ["cp1", "cp2", "cp3"]
    assert model.stopped_together == []
    assert not any(node.kept_server or node.kubelet.via_endpoint for node in model.control_planes)


async def _go_on(operator: Operator, plan: Plan, state: str) -> None:
    """With the journal, or from another machine; up to where the hop's own steps begin."""
    run = next(node.fence.run for node in operator.model.control_planes if node.fence)
    kept = state == "kept"
    other = Operator(operator.model, operator.folder if kept else Folder(1), limits=Limits(pause_after="unpin-etcd"))
    with pytest.raises(StoppedError):
        await other.apply(plan, take_over="" if kept else run)


def test_a_lost_journal_between_the_way_and_the_hop_costs_nothing() -> None:
    model = _model()
    operator = Operator(model, Folder(0), limits=Limits(pause_after="unpin-etcd"))

    async def story() -> None:
        plan = await _planned(operator)
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        run = next(node.fence.run for node in model.control_planes if node.fence)
        await Operator(model, Folder(1)).apply(plan, take_over=run)
        assert await _pin(model) == ("none", "")

    loop.run(story())
    assert _etcd(model) == ["3.6.5-0"] * 3
    assert _acted(model, "move-etcd") == ["cp1", "cp2", "cp3"]
    assert all((node.fence, node.units) == (None, {}) for node in model.nodes.values())


@pytest.mark.parametrize("stage", ["pin-etcd", "etcd-members"])
def test_an_abort_takes_the_pin_back_and_leaves_members_where_they_are(stage: str) -> None:
    model = _model()
    operator = Operator(model)

    async def story() -> None:
        plan = await _planned(operator)
        text = (await _config_map(model))["data"]["ClusterConfiguration"]
        operator.limits = Limits(pause_after=stage)
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        tag, written = await _pin(model)
        assert (tag, written.partition(" ")[2]) == ("3.5.32-0", "3.5.32-0 none")
        await abort(simulated_world(model), _applying(operator))
        assert (await _config_map(model))["data"]["ClusterConfiguration"] == text
        assert await _pin(model) == ("none", "")

    loop.run(story())
    assert _etcd(model) == ["3.5.24-0" if stage == "pin-etcd" else "3.5.32-0"] * 3
    told = [event.line for event in operator.events if isinstance(event, Note)]
    assert any("etcd.local.imageTag is none again" in line for line in told)


def test_a_new_plan_after_an_abort_has_nothing_left_to_move() -> None:
    model = _model()
    operator = Operator(model)

    async def story() -> None:
        operator.limits = Limits(pause_after="etcd-members")
        with pytest.raises(StoppedError):
            await operator.apply(await _planned(operator))
        await abort(simulated_world(model), _applying(operator))
        again = await _planned(operator)
        assert not [stage for stage in again.hops[0].stages if stage.stage == "etcd-members"]
        (rendered,) = (entry for entry in again.preflight if entry.check == "manifests-as-rendered")
        assert rendered.result == "pass", "kubeadm would not take etcd back to the image that it renders"
        operator.limits = Limits()
        await operator.apply(again)

    loop.run(story())
    assert _etcd(model) == ["3.6.5-0"] * 3


async def _set_tag(model: ModelCluster, tag: str) -> None:
    text = (await _config_map(model))["data"]["ClusterConfiguration"]
    change = {"data": {"ClusterConfiguration": with_etcd_tag(text, tag)}}
    await simulated_world(model).cluster.patch(PATH, change)


@pytest.mark.parametrize("pause", ["backup", "pin-etcd", "etcd-members", "unpin-etcd"])
def test_a_tag_of_somebody_elses_is_drift(pause: str) -> None:
    model = _model()
    operator = Operator(model)

    async def story() -> None:
        plan = await _planned(operator)
        operator.limits = Limits(pause_after=pause)
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        await _set_tag(model, "3.5.31-0")
        with pytest.raises(PlanError, match=r"clusterConfiguration\.etcdImageTag: was \S+, is 3\.5\.31-0"):
            await operator.apply(plan)

    loop.run(story())


def test_a_tag_that_goes_back_before_all_members_have_moved_is_drift() -> None:
    """Kubeadm would copy etcd's data and leave the member where it is, every time anew."""
    model = _model()
    operator = Operator(model)

    async def story() -> None:
        plan = await _planned(operator)
        operator.limits = Limits(pause_after="pin-etcd")
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        await _set_tag(model, "none")
        with pytest.raises(PlanError, match=r"clusterConfiguration\.etcdImageTag: was 3\.5\.32-0, is none"):
            await operator.apply(plan)
        await _set_tag(model, "3.5.32-0")
        operator.limits = Limits(pause_after="etcd-members")
        with pytest.raises(StoppedError):
            await operator.apply(plan)

    loop.run(story())
    assert _etcd(model) == ["3.5.32-0"] * 3


def test_a_tag_that_a_hand_has_put_back_is_put_back() -> None:
    """As the fix says where the text cannot be edited: the annotation is what is left to take away."""
    model = _model()
    operator = Operator(model, limits=Limits(pause_after="unpin-etcd"))

    async def story() -> None:
        plan = await _planned(operator)
        _edit_once(operator, "unpin-etcd", "none")
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        assert await _pin(model) == ("none", "")

    loop.run(story())


def test_a_run_that_is_gone_and_has_left_its_tag_stops_every_other() -> None:
    """It would be taken for the user's own, and hold etcd at 3.5 in every upgrade that follows."""
    model = _model()
    operator = Operator(model)

    async def story() -> None:
        await _set_tag(model, "3.5.32-0")
        await _annotate(model, "0123abcd 3.5.32-0 none")
        plan = await _planned(operator)
        entry = next(entry for entry in plan.preflight if entry.check == "no-upgrade-in-process")
        assert entry.message.startswith("etcd.local.imageTag in kubeadm-config is 3.5.32-0; run 0123abcd of upgrade-cp")
        assert "abort --run 0123abcd PLAN" in entry.fix
        assert "take it out (kubectl -n kube-system edit cm kubeadm-config), then `kubectl -n kube-system" in entry.fix
        with pytest.raises(PreflightError, match="run 0123abcd of upgrade-cp has set it to"):
            await operator.apply(plan)

    loop.run(story())


def test_what_is_left_beside_a_tag_that_a_hand_took_out_stops_before_anything_is_changed() -> None:
    model = _model()
    operator = Operator(model)

    async def story() -> None:
        await _annotate(model, "0123abcd 3.5.32-0 none")
        entry = next(e for e in (await _planned(operator)).preflight if e.check == "no-upgrade-in-process")
        assert entry.result == "blocker"
        assert f"left of it: `kubectl -n kube-system annotate cm kubeadm-config {ETCD_TAG_ANNOTATION}-`" in entry.fix

    loop.run(story())


def test_what_comes_beside_the_tag_under_the_run_is_named() -> None:
    model = _model()
    operator = Operator(model)

    def annotate() -> None:
        found = model.store.find("/api/v1/configmaps", "kubeadm-config", "kube-system")
        assert found is not None
        found["metadata"].setdefault("annotations", {})[ETCD_TAG_ANNOTATION] = "0123abcd 3.5.32-0 none"
        model.store.touch(found)

    async def story() -> None:
        plan = await _planned(operator)
        once_begun(operator, "pin-etcd", annotate)
        with pytest.raises(StepError, match=f"none .* {ETCD_TAG_ANNOTATION} beside it is of run 0123") as error:
            await operator.apply(plan)
        assert f"`kubectl -n kube-system annotate cm kubeadm-config {ETCD_TAG_ANNOTATION}-`" in error.value.fix

    loop.run(story())


async def _annotate(model: ModelCluster, written: str | None) -> None:
    change: Json = {"metadata": {"annotations": {ETCD_TAG_ANNOTATION: written}}}
    await simulated_world(model).cluster.patch(PATH, change)


def test_an_abort_says_that_the_tag_stays_when_nothing_proves_whose_it_is() -> None:
    model = _model()
    operator = Operator(model, limits=Limits(pause_after="pin-etcd"))

    async def story() -> None:
        with pytest.raises(StoppedError):
            await operator.apply(await _planned(operator))
        await _annotate(model, None)
        await abort(simulated_world(model), _applying(operator))
        assert await _pin(model) == ("3.5.32-0", "")

    loop.run(story())
    told = [event.line for event in operator.events if isinstance(event, Note)]
    assert any("etcd.local.imageTag is 3.5.32-0, as this plan sets it, but nothing says" in line for line in told)


def test_an_abort_looks_at_the_tag_itself_and_not_at_the_plan_that_it_is_given() -> None:
    """The lock is gone, so that nothing says with which plan the run was begun."""
    model = _model()
    operator = Operator(model, Folder(0), limits=Limits(pause_after="pin-etcd"))

    async def story() -> None:
        plan = await _planned(operator)
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        run = next(node.fence.run for node in model.control_planes if node.fence)
        api = simulated_world(model).cluster
        await api.delete(LOCK_PATH, uid=(await api.get(LOCK_PATH))["metadata"]["uid"])
        (hop,) = plan.hops
        bare = tuple(stage for stage in hop.stages if "etcd" not in stage.stage)
        other = replace(plan, hops=(replace(hop, stages=bare),))
        await abort(simulated_world(model, Folder(1)), _applying(operator), run=run, plan=other)
        assert await _pin(model) == ("none", "")

    loop.run(story())


def test_an_abort_leaves_alone_a_tag_that_somebody_has_changed() -> None:
    model = _model()
    operator = Operator(model)

    async def story() -> None:
        operator.limits = Limits(pause_after="pin-etcd")
        with pytest.raises(StoppedError):
            await operator.apply(await _planned(operator))
        await _set_tag(model, "3.5.31-0")
        await abort(simulated_world(model), _applying(operator))
        assert await _pin(model) == ("3.5.31-0", "")

    loop.run(story())
    told = [event.line for event in operator.events if isinstance(event, Note)]
    assert any("3.5.31-0 since this run set it: it stays so" in line for line in told)


@pytest.mark.parametrize(
    ("stage", "wrong", "said"),
    [
        ("pin-etcd", "3.5.31-0", r"setting etcd\.local\.imageTag to 3\.5\.32-0: it is 3\.5\.31-0"),
        ("unpin-etcd", "3.5.31-0", r"putting etcd\.local\.imageTag back to none: it is 3\.5\.31-0"),
    ],
)
def test_a_tag_that_changes_under_the_run_stops_it(stage: str, wrong: str, said: str) -> None:
    model = _model()
    operator = Operator(model)

    async def story() -> None:
        plan = await _planned(operator)
        _edit_once(operator, stage, wrong)
        with pytest.raises(StepError, match=said):
            await operator.apply(plan)

    loop.run(story())


def _edit_once(operator: Operator, stage: str, tag: str) -> None:
    """Somebody edits the ConfigMap when the stage begins."""
    model = operator.model

    def edit() -> None:
        found = model.store.find("/api/v1/configmaps", "kubeadm-config", "kube-system")
        assert found is not None
        found["data"]["ClusterConfiguration"] = with_etcd_tag(found["data"]["ClusterConfiguration"], tag)
        model.store.touch(found)

    once_begun(operator, stage, edit)


def test_a_pin_that_was_there_comes_back() -> None:
    """It points to the next etcd already, so that members will follow."""
    model = _model()
    operator = Operator(model)

    async def story() -> None:
        await _set_tag(model, "3.6.5-0")
        plan = await _planned(operator)
        assert plan.cluster_configuration.etcd_image_tag == "3.6.5-0"
        operator.limits = Limits(pause_after="unpin-etcd")
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        assert await _pin(model) == ("3.6.5-0", "")
        assert _etcd(model) == ["3.5.32-0"] * 3
        operator.limits = Limits()
        await operator.apply(plan)

    loop.run(story())
    assert _etcd(model) == ["3.6.5-0"] * 3


def test_a_member_that_fails_to_move_is_tried_again_before_another_is_touched() -> None:
    model = _model()
    operator = Operator(model)
    model.faults.add(Fault(kind="action-fails", node="cp2", action="move-etcd"))

    async def story() -> None:
        plan = await _planned(operator)
        with pytest.raises(StepError):
            await operator.apply(plan)
        assert _acted(model, "move-etcd") == ["cp1"]
        assert (await _pin(model))[0] == "3.5.32-0"
        await operator.apply(plan)

    loop.run(story())
    assert _acted(model, "move-etcd") == ["cp1", "cp2", "cp3"]
