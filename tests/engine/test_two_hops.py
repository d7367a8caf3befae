"""Whole upgrades over two minors in the simulation: undisturbed, stopped, given up and planned anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.abort import abort
from kubectl_upgrade.engine.apply import Applying
from kubectl_upgrade.engine.events import Note, StageBegins
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.engine.schedule import Limits
from kubectl_upgrade.model.errors import PlanError, PreflightError, StepError, StoppedError
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.read import load
from kubectl_upgrade.planfile.write import write
from kubectl_upgrade.planner.make_plan import Options
from kubectl_upgrade.report.times import times_of
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import Fault
from kubectl_upgrade.simulation.sample import from_plan, sample
from kubectl_upgrade.simulation.world import simulated_world
from tests.engine.conftest import Operator, once_begun, taken_apart

if TYPE_CHECKING:
    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.simulation.cluster import ModelCluster

TO, VIA = "v1.36.3", Version.parse("v1.35.4")
VIA_1_35 = Options(waivers={}, waive_until="", availability_probe=False, via=(VIA,))
PLAIN = Options(waivers={}, waive_until="", availability_probe=False)
FLAG = "--pod-infra-container-image=registry.k8s.io/pause"


def _small() -> ModelCluster:
    return sample(3, 2, pods_per_worker=1)


async def _planned(operator: Operator) -> Plan:
    """Written and read again, as between `plan` and `apply`."""
    return load(write(await operator.plan(TO, VIA_1_35)).encode(), "p.yaml")


def _kubelets(model: ModelCluster) -> dict[str, str]:
    return {node.name: str(node.kubelet.version) for node in model.nodes.values()}


def _all_at(model: ModelCluster, version: str = TO) -> None:
    assert set(_kubelets(model).values()) == {version}
    for node in model.nodes.values():
        assert node.kubelet.active
        assert {str(package) for package in node.packages.values()} == {version}
        assert {pod.image.rpartition(":")[2] for name, pod in node.static_pods.items() if name != "etcd"} <= {version}
        assert (node.fence, node.units, node.bundle) == (None, {}, False)


def _actions(model: ModelCluster, node: str) -> list[str]:
    return [" ".join((record.action, *record.args)) for record in model.trace if record.node == node]


def test_control_planes_stop_and_workers_do_not() -> None:
    model = _small()
    operator = Operator(model)

    async def story() -> None:
        plan = await _planned(operator)
        assert model.nodes["w1"].kubelet.kubeadm_flags == [FLAG]
        history = await operator.apply(plan)
        _all_at(model)
        assert sorted(model.nodes["cp1"].backups) == [f"{history.journal.run[:8]}-{v}" for v in ("v1.35.4", TO)]
        assert times_of(history)["cp1"].kubeadm > times_of(history)["w1"].kubeadm > 0

    loop.run(story())
    assert all(node.kubelet.kubeadm_flags == [] for node in model.nodes.values())
    assert [action for action in _actions(model, "w1") if "kube" in action and "fetch" not in action] == [
        "apt-install-kubeadm 1.36.3 v1.36",
        "kubeadm-node none none",
        "clean-kubelet-flags pod-infra-container-image",
        "apt-install-kubelet 1.36.3",
        "restart-kubelet v1.36.3 apt",
    ]
    assert [action for action in _actions(model, "cp2") if action.startswith("restart")] == [
        "restart-kubelet v1.35.4 apt",
        "restart-kubelet v1.36.3 apt",
    ]
    assert model.stopped_together == []


def test_a_worker_that_cannot_be_prepared_for_the_next_hop_stops_before_it() -> None:
    """Between two hops nothing is half-done: the cluster may stay there until the flag is gone."""
    model = _small()
    operator = Operator(model)

    def put() -> None:
        model.nodes["w1"].kubelet.extra_flags = [FLAG]

    async def story() -> None:
        plan = await _planned(operator)
        once_begun(operator, "prepare", put)
        with pytest.raises(StepError, match="unknown flag"):
            await operator.apply(plan)
        assert taken_apart(model) == {"cp1", "cp2", "cp3"}
        assert _kubelets(model) == {f"cp{n}": "v1.35.4" for n in (1, 2, 3)} | dict.fromkeys(("w1", "w2"), "v1.34.4")
        model.nodes["w1"].kubelet.extra_flags = []
        await operator.apply(plan)

    loop.run(story())
    _all_at(model)


def test_a_worker_that_skips_and_is_not_cleaned_stops_the_run() -> None:
    """What a plan without the step would do: validation refuses it, and the node would too."""
    model = _small()
    operator = Operator(model)

    async def story() -> None:
        plan = await _planned(operator)
        last = plan.hops[1]
        workers = last.stages[-1]
        steps = tuple(step for step in workers.steps if step.do != "clean-kubelet-flags")
        stages = (*last.stages[:-1], replace(workers, steps=steps))
        edited = replace(plan, hops=(plan.hops[0], replace(last, stages=stages)))
        with pytest.raises(PlanError, match="clean-kubelet-flags"):
            load(write(edited).encode(), "p.yaml")
        with pytest.raises(StepError, match=r"unknown flag.*kubeadm-flags\.env"):
            await operator.apply(edited)

    loop.run(story())
    assert _kubelets(model)["w1"] == "v1.34.4"


def test_pauses_after_a_stage_that_both_hops_have() -> None:
    model = _small()
    operator = Operator(model)

    async def story() -> list[str]:
        plan = await _planned(operator)
        seen = []
        for stage in ("add-ons", "add-ons", f"{TO}/prepare", "add-ons", "add-ons"):
            operator.limits = Limits(pause_after=stage)
            with pytest.raises(StoppedError) as stopped:
                await operator.apply(plan)
            seen.append(stopped.value.message.split()[2].rstrip(","))
        return seen

    assert loop.run(story()) == [
        "v1.35.4/add-ons",
        "v1.35.4/add-ons",
        f"{TO}/prepare",
        f"{TO}/add-ons",
        f"{TO}/add-ons",
    ]


def test_stopped_between_the_hops_and_gone_on_with() -> None:
    model = _small()
    operator = Operator(model)

    def stop(event: Event) -> None:
        if isinstance(event, StageBegins) and (event.hop, event.stage) == (TO, "backup"):
            operator.stop.ask("asked")

    async def story() -> None:
        plan = await _planned(operator)
        operator.heed = stop
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        assert _kubelets(model)["cp1"] == "v1.35.4"
        operator.heed = None
        operator.folder = None
        before = len(model.trace)
        await operator.apply(plan)
        assert not [record for record in model.trace[before:] if "v1.35.4" in record.args or "1.35.4" in record.args]

    loop.run(story())
    _all_at(model)


def test_between_the_hops_every_check_stops_again() -> None:
    """The cluster is whole there; in the middle of a hop the same is told, and the hop goes on."""
    model = _small()
    operator = Operator(model)
    alarms = model.nodes["cp3"].etcd_alarms

    async def story() -> None:
        plan = await _planned(operator)
        operator.limits = Limits(pause_after="control-plane-kubelets")
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        operator.limits = Limits()
        alarms.append("NOSPACE")
        with pytest.raises(PreflightError, match="etcd-healthy: etcd is not whole"):
            await operator.apply(plan)
        assert all(record.action != "apt-fetch-packages" or "1.36.3" not in record.args for record in model.trace)
        alarms.clear()
        await operator.apply(plan)

    loop.run(story())
    _all_at(model)


def test_nothing_stops_a_run_that_has_only_to_clean_up() -> None:
    model = _small()
    operator = Operator(model)

    def die(event: Event) -> None:
        if isinstance(event, Note) and event.line.startswith("all steps are done"):
            raise KeyboardInterrupt

    async def story() -> None:
        plan = await _planned(operator)
        operator.heed = die
        with pytest.raises(KeyboardInterrupt):
            await operator.apply(plan)
        operator.heed = None
        model.nodes["cp3"].etcd_alarms.append("NOSPACE")
        await operator.apply(plan)
        assert all(node.fence is None for node in model.nodes.values())

    loop.run(story())


def test_chosen_workers_first() -> None:
    """--only leaves the others of the last hop for later; hops in which no worker moves are done at once."""
    model = _small()
    operator = Operator(model, limits=Limits(only=frozenset({"w2"})))

    async def story() -> None:
        plan = await _planned(operator)
        with pytest.raises(StoppedError, match="1 are left: w1"):
            await operator.apply(plan)
        assert _kubelets(model) == dict.fromkeys(("cp1", "cp2", "cp3", "w2"), TO) | {"w1": "v1.34.4"}
        operator.limits = Limits()
        await operator.apply(plan)

    loop.run(story())
    _all_at(model)


@pytest.mark.parametrize(
    ("hop", "stage", "hops"),
    [
        ("v1.35.4", "other-control-planes", ["v1.35.4", TO]),
        ("v1.35.4", "control-plane-kubelets", [TO]),
        (TO, "prepare", [TO]),
        (TO, "other-control-planes", [TO]),
        (TO, "control-plane-kubelets", [TO]),
        (TO, "workers", [TO]),
    ],
)
def test_given_up_in_the_middle_and_planned_anew(hop: str, stage: str, hops: list[str]) -> None:
    """What is left is told by the cluster: nobody has to say again which release the hop was begun with."""
    model = _small()
    operator = Operator(model)

    def stop(event: Event) -> None:
        if isinstance(event, StageBegins) and (event.hop, event.stage) == (hop, stage):
            operator.stop.ask("asked")

    async def story() -> None:
        plan = await _planned(operator)
        operator.heed = stop
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        operator.heed = None
        applying = Applying(who="ops@test", watch=lambda _: None, stop=Stop())
        await abort(simulated_world(model), applying)
        assert all(node.fence is None for node in model.nodes.values())
        with pytest.raises(PlanError, match="stale"):
            await operator.apply(plan)
        again = await operator.plan(TO, PLAIN)
        assert [str(left.to) for left in again.hops] == hops
        await operator.apply(load(write(again).encode(), "again.yaml"))

    loop.run(story())
    _all_at(model)
    assert all(node.kubelet.kubeadm_flags == [] for node in model.nodes.values())


def test_workers_that_lag_too_far_stop_on_the_way() -> None:
    model = _small()
    old = Version.parse("v1.32.9")
    node = model.nodes["w2"]
    node.kubelet.version = node.kubelet.reported = old
    node.packages = dict.fromkeys(node.packages, old)
    node.repository = old.line
    operator = Operator(model)

    async def story() -> None:
        await operator.apply(await _planned(operator))

    loop.run(story())
    _all_at(model)
    assert [action for action in _actions(model, "w2") if action.startswith("restart")] == [
        "restart-kubelet v1.35.4 apt",
        "restart-kubelet v1.36.3 apt",
    ]


def test_a_kubelet_that_steps_back_in_the_last_hop_is_no_earlier_hops_affair() -> None:
    """The kept package is that of the hop before; while the API is away, that hop's steps stay done."""
    model = _small()
    operator = Operator(model)
    model.faults.add(Fault(kind="action-fails", node="cp2", action="restart-kubelet", nth=2))

    async def story() -> None:
        plan = await _planned(operator)
        with pytest.raises(StepError):
            await operator.apply(plan)
        await operator.apply(plan)

    loop.run(story())
    _all_at(model)


def test_what_is_left_when_only_workers_are_left_can_be_rehearsed() -> None:
    """Where every control plane is at the target, `from` is the oldest kubelet: the model's configuration is not."""
    model = _small()
    operator = Operator(model, limits=Limits(pause_after=f"{TO}/control-plane-kubelets"))

    async def story() -> Plan:
        plan = await _planned(operator)
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        await abort(simulated_world(model), Applying(who="ops@test", watch=lambda _: None, stop=Stop()))
        return await operator.plan(TO, PLAIN)

    left = loop.run(story())
    assert (str(left.cluster.from_), str(left.cluster.to)) == ("v1.34.4", TO)
    assert str(from_plan(left).configuration.version) == TO


def test_a_kubelet_that_would_lag_too_far_stops_before_the_hop() -> None:
    """Kubeadm's own policy (phases/upgrade/policy.go) would refuse it as well, when packages are changed already."""
    model = _small()
    operator = Operator(model)

    async def story() -> None:
        plan = await _planned(operator)
        old = Version.parse("v1.32.9")
        model.nodes["w2"].kubelet.version = model.nodes["w2"].kubelet.reported = old
        model.nodes["w2"].packages["kubelet"] = old
        for says in (
            r"v1.36.3 cannot begin: .* be the kubelets of w2 \(v1.32.9\)",
            "w2: kubelet v1.32.9 is 4 minors behind",
        ):
            with pytest.raises(PreflightError, match=says):
                await operator.apply(plan)
            assert _kubelets(model)["cp1"] == "v1.35.4"
            assert not any("1.36.3" in action for name in model.nodes for action in _actions(model, name))
        operator.model.nodes["w2"].kubelet.version = model.nodes["w2"].kubelet.reported = Version.parse("v1.33.1")
        await operator.apply(plan)

    loop.run(story())
    assert _kubelets(model)["cp1"] == TO


def test_a_worker_that_joins_late_is_no_matter_of_a_hop_that_is_over() -> None:
    """In the third hop the second one is not begun again, whatever kubelets there are by then."""
    model = sample(3, 2, "v1.33.4", pods_per_worker=1)
    operator = Operator(model, limits=Limits(pause_after=f"{TO}/control-plane-kubelets"))
    via = Options(waivers={}, waive_until="", availability_probe=False, via=(Version.parse("v1.34.4"), VIA))

    async def story() -> None:
        plan = load(write(await operator.plan(TO, via)).encode(), "p.yaml")
        with pytest.raises(StoppedError):
            await operator.apply(plan)
        old = Version.parse("v1.31.9")
        model.nodes["w2"].kubelet.version = model.nodes["w2"].kubelet.reported = old
        model.nodes["w2"].packages["kubelet"] = old
        operator.limits = Limits()
        await operator.apply(plan)

    loop.run(story())
    assert _kubelets(model) == dict.fromkeys(("cp1", "cp2", "cp3", "w1"), TO) | {"w2": "v1.31.9"}
