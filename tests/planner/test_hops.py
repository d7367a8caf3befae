"""Plans over several minors: where control planes stop, where workers do, and who chooses the releases in between."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import blockers, judge
from kubectl_upgrade.model.errors import UsageError
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.drift import drift_of
from kubectl_upgrade.planfile.invariants import check
from kubectl_upgrade.planfile.targets import left_behind
from kubectl_upgrade.planner.hops import way_to
from kubectl_upgrade.planner.make_plan import Options, make_plan

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.plan import Hop, Plan
    from tests.conftest import Shape


def _versions(text: str) -> tuple[Version, ...]:
    return tuple(map(Version.parse, text.split()))


def _plan(facts: Facts, target: str, via: str = "") -> Plan:
    options = Options(waivers={}, waive_until="", via=_versions(via))
    aim = Version.parse(target)
    return make_plan(facts, aim, judge(facts, Aim(aim)), options)


def _stages(hop: Hop) -> list[str]:
    return [stage.stage for stage in hop.stages]


def _at(facts: Facts, version: str, *names: str) -> Facts:
    """The static pods of these control planes are at another version."""
    pods = tuple(
        replace(pod, image=f"registry.k8s.io/{pod.component}:{version}") if pod.node in names else pod
        for pod in facts.static_pods
    )
    return replace(facts, static_pods=pods)


def _kubelets(facts: Facts, version: str, *names: str) -> Facts:
    kubelet = Version.parse(version)
    return replace(facts, nodes=tuple(replace(n, kubelet=kubelet) if n.name in names else n for n in facts.nodes))


@pytest.mark.parametrize(
    ("start", "newest", "target", "via", "way"),
    [
        ("v1.34.4", "v1.34.4", "v1.34.9", "", "v1.34.9"),
        ("v1.34.4", "v1.34.4", "v1.35.4", "", "v1.35.4"),
        ("v1.34.4", "v1.34.4", "v1.36.3", "v1.35.4", "v1.35.4 v1.36.3"),
        ("v1.34.4", "v1.34.4", "v1.37.1", "v1.36.3 v1.35.4", "v1.35.4 v1.36.3 v1.37.1"),
        # a patch first, as etcd demands before some of its own minors
        ("v1.34.4", "v1.34.4", "v1.35.4", "v1.34.9", "v1.34.9 v1.35.4"),
        # a hop that somebody began
        ("v1.34.4", "v1.35.2", "v1.35.4", "", "v1.35.4"),
        ("v1.34.4", "v1.35.2", "v1.36.3", "", "v1.35.2 v1.36.3"),
        ("v1.34.4", "v1.35.2", "v1.36.3", "v1.35.4", "v1.35.4 v1.36.3"),
        ("v1.34.4", "v1.34.9", "v1.35.4", "", "v1.35.4"),
    ],
)
def test_the_way(start: str, newest: str, target: str, via: str, way: str) -> None:
    at, at_most = Version.parse(start), Version.parse(newest)
    assert way_to(Version.parse(target), at, at_most, _versions(via)) == _versions(way)


@pytest.mark.parametrize("target", ["v1.35.4", "v1.36.3"])
def test_a_hop_begun_by_hand_to_an_earlier_patch_is_no_drift(shape: type[Shape], target: str) -> None:
    """kubeadm-config and one API server are ahead, as after `kubeadm upgrade apply v1.35.2` on the leader."""
    facts = _at(shape(version="v1.35.2").facts(), "v1.34.4", "cp2", "cp3")
    facts = _kubelets(facts, "v1.34.4", *(node.name for node in facts.nodes))
    plan = _plan(facts, target, "" if target == "v1.35.4" else "v1.35.4")
    assert plan.hops[0].from_ == Version.parse("v1.34.4")
    assert drift_of(plan, facts).refused == ()


@pytest.mark.parametrize(
    ("newest", "target", "via", "says"),
    [
        ("v1.34.4", "v1.36.3", "", "v1.35 was chosen"),
        ("v1.34.4", "v1.38.3", "v1.37.1", "v1.35 and v1.36 was chosen"),
        ("v1.34.4", "v1.36.3", "v1.35.4 v1.36.4", "v1.36.4 is not between v1.34.4 and v1.36.3"),
        ("v1.34.4", "v1.36.3", "v1.34.4", "v1.34.4 is not between"),
        ("v1.35.6", "v1.36.3", "v1.35.4", "v1.35.4 is below v1.35.6"),
    ],
)
def test_a_release_of_every_minor_is_a_persons_choice(newest: str, target: str, via: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        way_to(Version.parse(target), Version.parse("v1.34.4"), Version.parse(newest), _versions(via))
    assert says in refused.value.message
    assert "--via v1.3" in refused.value.fix


def test_control_planes_stop_at_every_minor_and_workers_at_the_last(shape: type[Shape]) -> None:
    plan = _plan(shape().facts(), "v1.36.3", "v1.35.4")
    first, last = plan.hops
    assert (first.from_, first.to, last.from_, last.to) == _versions("v1.34.4 v1.35.4 v1.35.4 v1.36.3")
    assert "control-plane-kubelets" in _stages(first)
    assert _stages(last) == [*_stages(first), "workers"]
    assert first.stages[0].targets == ("cp1", "cp2", "cp3")
    assert last.stages[0].targets == "all"
    assert check(plan) == []
    assert left_behind(plan) == ()
    assert not blockers(judge(shape().facts(), Aim(plan.cluster.to)))


def test_workers_that_skip_a_clean_up_are_cleaned(shape: type[Shape]) -> None:
    workers = _plan(shape().facts(), "v1.36.3", "v1.35.4").hops[1].stages[-1]
    steps = {step.do: step.with_ for step in workers.steps}
    assert steps["clean-kubelet-flags"] == {"flags": ("pod-infra-container-image",)}
    names = list(steps)
    assert names.index("kubeadm-node") < names.index("clean-kubelet-flags") < names.index("install-kubelet")


@pytest.mark.parametrize(("kubelet", "target"), [("v1.35.4", "v1.36.3"), ("v1.34.4", "v1.35.4")])
def test_nobody_else_is(shape: type[Shape], kubelet: str, target: str) -> None:
    plan = _plan(_kubelets(shape(version="v1.35.4").facts(), kubelet, "w1", "w2"), target)
    assert all(step.do != "clean-kubelet-flags" for hop in plan.hops for stage in hop.stages for step in stage.steps)


def test_a_stop_that_the_skew_demands(shape: type[Shape]) -> None:
    """1.33 may stay under API servers at 1.36; 1.32 may not, and stops as late as it can."""
    facts = _kubelets(_kubelets(shape().facts(), "v1.33.9", "w1"), "v1.32.9", "w2")
    plan = _plan(facts, "v1.36.3", "v1.35.4")
    assert [pool.kubelet for pool in plan.pools] == list(_versions("v1.32.9 v1.33.9"))
    first, last = plan.hops
    assert _stages(first)[-1] == "workers-1"
    assert _stages(last)[-2:] == ["workers-1", "workers-2"]
    assert first.stages[0].targets == "all"
    assert check(plan) == []


def test_workers_go_at_most_three_minors_at_once(shape: type[Shape]) -> None:
    facts = shape(version="v1.30.1").facts()
    options = Options(waivers={}, waive_until="", via=_versions("v1.31.1 v1.32.1 v1.33.1 v1.34.1"))
    plan = make_plan(facts, Version.parse("v1.35.4"), (), options)
    assert [hop.to.line for hop in plan.hops if "workers" in _stages(hop)] == ["v1.33", "v1.35"]
    assert check(plan) == []


def test_a_cluster_that_was_left_between_two_hops(shape: type[Shape]) -> None:
    """One hop is left; workers skip what they have missed."""
    facts = _kubelets(shape(version="v1.35.4").facts(), "v1.34.4", "w1", "w2")
    plan = _plan(facts, "v1.36.3")
    (hop,) = plan.hops
    assert (hop.from_, hop.to) == _versions("v1.35.4 v1.36.3")
    assert any(step.do == "clean-kubelet-flags" for stage in hop.stages for step in stage.steps)
    assert check(plan) == []


def test_only_kubelets_are_left(shape: type[Shape]) -> None:
    """Two minors behind, with every control plane at the target: one hop, and nothing to choose."""
    facts = _kubelets(shape(version="v1.36.3").facts(), "v1.34.4", "w1", "w2")
    plan = _plan(facts, "v1.36.3")
    (hop,) = plan.hops
    assert (hop.from_, hop.to) == _versions("v1.34.4 v1.36.3")
    assert "control-plane-kubelets" not in _stages(hop)
    assert check(plan) == []


def test_a_hop_that_somebody_began_is_finished_first(shape: type[Shape]) -> None:
    facts = _at(shape().facts(), "v1.35.2", "cp1")
    config = replace(facts.kubeadm_config, kubernetes_version=Version.parse("v1.35.2"))
    plan = _plan(replace(facts, kubeadm_config=config), "v1.36.3")
    assert [hop.to for hop in plan.hops] == list(_versions("v1.35.2 v1.36.3"))
    assert check(plan) == []


def test_a_control_planes_kubelet_that_is_ahead_waits_for_its_hop(shape: type[Shape]) -> None:
    facts = _kubelets(_at(shape().facts(), "v1.35.2", "cp1"), "v1.35.9", "cp1")
    plan = _plan(facts, "v1.36.3")
    kubelets = {hop.to.line: s.targets for hop in plan.hops for s in hop.stages if s.stage == "control-plane-kubelets"}
    assert kubelets == {"v1.35": ("cp2", "cp3"), "v1.36": ("cp1", "cp2", "cp3")}
    assert check(plan) == []


def test_no_way_is_planned_where_a_check_says_that_there_is_none(shape: type[Shape]) -> None:
    plan = _plan(shape().facts(), "v1.39.0")
    assert plan.hops == ()
    assert "v1.38, on the way to v1.39.0, is unknown" in "".join(entry.message for entry in plan.preflight)


def test_a_waiver_of_what_is_not_there_lets_nothing_through(shape: type[Shape]) -> None:
    """Nor does it delete pods that nobody has seen."""
    target = Version.parse("v1.35.4")
    waivers = dict.fromkeys(("kernel", "webhooks", "cgroup-v1", "unmanaged-pods"), "in case")
    facts = shape().facts()
    options = Options(waivers=waivers, waive_until="2999-01-01")
    plan = make_plan(facts, target, judge(facts, Aim(target), waivers), options)
    assert [waiver.kubeadm_errors for waiver in plan.waivers] == [()] * 4
    steps = [step for hop in plan.hops for stage in hop.stages for step in stage.steps]
    assert not [step for step in steps if "ignorePreflightErrors" in step.with_]
    assert {step.with_["unmanagedPods"] for step in steps if step.do == "drain-node"} == {"stop"}
