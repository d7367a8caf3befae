"""The planner: order, pins, what blocks, and mixed clusters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import judge
from kubectl_upgrade.model.errors import PreflightError
from kubectl_upgrade.model.facts import HostFacts, Kubeadm, Unknown
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.model.words import natural
from kubectl_upgrade.planfile.invariants import check
from kubectl_upgrade.planner.make_plan import Options, make_plan

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.plan import Plan, Stage
    from tests.conftest import Shape

NOTHING = Options(waivers={}, waive_until="")


def _plan(facts: Facts, target: str = "v1.35.4", options: Options = NOTHING) -> Plan:
    aim = Version.parse(target)
    return make_plan(facts, aim, judge(facts, Aim(aim), options.waivers), options)


def _stages(plan: Plan) -> dict[str, Stage]:
    return {stage.stage: stage for hop in plan.hops for stage in hop.stages}


def _steps(stage: Stage) -> list[str]:
    return [step.do for step in stage.steps]


def test_static_pods_everywhere_then_kubelets_then_workers(shape: type[Shape]) -> None:
    stages = _stages(_plan(shape().facts()))
    assert list(stages) == [
        "prepare",
        "backup",
        "first-control-plane",
        "other-control-planes",
        "add-ons",
        "control-plane-kubelets",
        "workers",
    ]
    assert stages["backup"].targets == ("cp1", "cp2", "cp3")
    assert [(step.do, step.with_) for step in stages["backup"].steps] == [("backup-etcd", {"version": "v1.35.4"})]
    assert stages["first-control-plane"].targets == ("cp1",)
    assert stages["other-control-planes"].targets == ("cp2", "cp3")
    assert stages["control-plane-kubelets"].targets == ("cp1", "cp2", "cp3")
    assert "install-kubelet" not in _steps(stages["first-control-plane"]) + _steps(stages["other-control-planes"])
    workers = _steps(stages["workers"])
    assert workers == [
        "mark-node",
        "drain-node",
        "install-kubeadm",
        "kubeadm-node",
        "install-kubelet",
        "restart-kubelet",
        "wait-node",
        "uncordon-node",
        "unmark-node",
    ]


def test_kubelets_talk_to_the_endpoint_for_the_length_of_kubeadm(shape: type[Shape]) -> None:
    stages = _stages(_plan(shape().facts()))
    for stage, kubeadm in (("first-control-plane", "kubeadm-apply"), ("other-control-planes", "kubeadm-node")):
        steps = _steps(stages[stage])
        at = steps.index("kubelet-via-endpoint")
        assert steps[at - 1 : at + 4] == [
            "install-kubeadm",
            "kubelet-via-endpoint",
            kubeadm,
            "kubelet-via-own-apiserver",
            "wait-control-plane",
        ]
    assert not any("via" in step for name in ("control-plane-kubelets", "workers") for step in _steps(stages[name]))


def test_no_kubelet_talks_to_an_endpoint_that_is_not_there_for_it(shape: type[Shape]) -> None:
    facts = shape().facts()
    host = facts.hosts["cp2"]
    assert isinstance(host, HostFacts)
    unknown = replace(facts, hosts={**facts.hosts, "cp2": replace(host, endpoint=Unknown("no admin.conf"))})
    plans = {
        "unknown": _plan(unknown),
        "single": _plan(shape(control_planes=1).facts()),
        "refused": _plan(facts, options=replace(NOTHING, kubelet_via_endpoint=False)),
    }
    assert [name for name, plan in plans.items() if "via-endpoint" in str(plan.hops)] == []
    said = {entry.check: entry for entry in plans["unknown"].preflight}["kubelets-via-endpoint"]
    assert (said.result, said.node) == ("info", "cp2")
    assert "no admin.conf" in said.message


def test_a_patch_upgrade_drains_nothing(shape: type[Shape]) -> None:
    stages = _stages(_plan(shape().facts(), "v1.34.9"))
    assert not any("drain-node" in _steps(stage) for stage in stages.values())


def test_an_etcd_that_is_not_kubeadms_is_not_backed_up(shape: type[Shape]) -> None:
    facts = shape().facts()
    external = replace(facts, kubeadm_config=replace(facts.kubeadm_config, etcd="external"))
    assert "backup-etcd" not in str(_plan(external).hops)


def test_a_single_control_plane_has_no_stage_of_others(shape: type[Shape]) -> None:
    assert "other-control-planes" not in _stages(_plan(shape(control_planes=1).facts()))


def test_the_first_control_plane_is_one_that_kubeadm_apply_can_run_on(shape: type[Shape]) -> None:
    facts = shape().facts()
    host = facts.hosts["cp1"]
    assert isinstance(host, HostFacts)
    assert isinstance(host.kubeadm, Kubeadm)
    without = replace(host, kubeadm=replace(host.kubeadm, admin_conf=False))
    plan = _plan(replace(facts, hosts={**facts.hosts, "cp1": without}))
    assert _stages(plan)["first-control-plane"].targets == ("cp2",)


def test_waivers_let_kubeadm_ignore_their_errors_and_no_other(shape: type[Shape]) -> None:
    options = Options(waivers={"cgroup-v1": "soon"}, waive_until="2999-12-31")
    plan = _plan(shape(cgroup="v1", fail_cgroup_v1=False).facts(), options=options)
    ignored = {
        step.do: step.with_.get("ignorePreflightErrors")
        for stage in _stages(plan).values()
        for step in stage.steps
        if step.do.startswith("kubeadm")
    }
    assert ignored == {"kubeadm-apply": ("SystemVerification",), "kubeadm-node": ("SystemVerification",)}
    assert "ignorePreflightErrors" not in str(_plan(shape().facts()).hops)


@pytest.mark.parametrize("target", ["v1.39.0", "v1.99.0", "v1.34.0"])
def test_where_there_is_no_way_there_are_no_hops(shape: type[Shape], target: str) -> None:
    plan = _plan(shape().facts(), target)
    assert plan.hops == ()
    assert "blocker" in {entry.result for entry in plan.preflight}


def test_nothing_to_do(shape: type[Shape]) -> None:
    assert _plan(shape().facts(), "v1.34.4").hops == ()


def test_a_hop_that_somebody_began_is_completed(shape: type[Shape]) -> None:
    """Control planes are new, one worker as well: kubeadm again, no kubelet twice."""
    new = Version.parse("v1.35.4")
    facts = shape(version="v1.35.4", nodes={"w2": {"kubelet": Version.parse("v1.34.4")}}).facts()
    plan = _plan(facts)
    assert str(plan.cluster.from_) == "v1.34.4"
    stages = _stages(plan)
    assert "control-plane-kubelets" not in stages
    assert [(pool.name, pool.kubelet) for pool in plan.pools][1] == ("workers-2", new)
    assert "workers-1" in stages
    assert "workers-2" not in stages


def test_every_plan_keeps_the_invariants(shape: type[Shape]) -> None:
    for facts in (shape(), shape(control_planes=1, workers=0), shape(workers=40)):
        for target in ("v1.35.4", "v1.34.9"):
            assert check(_plan(facts.facts(), target)) == []


def test_what_cannot_be_pinned_makes_no_plan(shape: type[Shape]) -> None:
    facts = shape().facts()
    with pytest.raises(PreflightError, match=r"cp2: the node is not known.*timed out"):
        _plan(replace(facts, hosts={**facts.hosts, "cp2": Unknown("timed out")}))


def test_workers_stand_in_natural_order() -> None:
    assert sorted(["w10", "w2", "w1", "a-1b"], key=natural) == ["a-1b", "w1", "w2", "w10"]
