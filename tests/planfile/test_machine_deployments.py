"""What a plan may say of MachineDeployments, and what became of them since."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.model.errors import PlanError
from kubectl_upgrade.model.machines import ClusterObject, ClusterTopology, DeploymentObject, Machines, Rollout
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.managed_drift import managed_skipped
from kubectl_upgrade.planfile.read import load
from kubectl_upgrade.planfile.targets import left_behind, targets_of

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Plan
    from tests.conftest import Shape

TEXT = (Path(__file__).parents[2] / "plans" / "machine-deployments.yaml").read_text()
STAGE = TEXT[TEXT.index("  # MachineDeployments kube-system") :]
SETTLED = Rollout(observed=True, wanted=2, replicas=2, updated=2, ready=2, available=2)


def refused(text: str) -> str:
    with pytest.raises(PlanError) as caught:
        load(text.encode(), "p")
    return caught.value.message


def plan_of(text: str = TEXT) -> Plan:
    return load(text.encode(), "p")


def test_the_example_is_sound_and_explains_itself() -> None:
    plan = plan_of()
    assert [entry.name for entry in plan.machine_deployments] == ["prod-pool1", "prod-pool2"]
    assert "kube-system/prod-pool1 (2 Machines, maxSurge 1, maxUnavailable 0)" in STAGE
    (_, stage) = (plan.hops[0], plan.hops[0].stages[-1])
    names = [target.name for target in targets_of(plan, plan.hops[0], stage)]
    assert names == ["kube-system:prod-pool1", "kube-system:prod-pool2"]
    assert left_behind(plan) == ()


def test_rollouts_come_after_every_control_plane_and_once() -> None:
    early = TEXT.replace(STAGE, "").replace("  # The cluster: wait", f"{STAGE.rstrip()}\n  # The cluster: wait")
    assert "upgrade-machine-deployment" not in early[early.index("- stage: add-ons") :]
    plan_of(early)  # after the control planes, before their kubelets
    first = STAGE.rstrip() + "\n  # cp1:"
    assert "before every control plane of this hop is done with kubeadm" in refused(
        TEXT.replace(STAGE, "").replace("  # cp1:", first, 1)
    )
    again = STAGE.replace("stage: machine-deployments", "stage: again")
    assert "upgrade-machine-deployment a second time in this hop" in refused(TEXT + again)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("targets: machineDeployments", "targets: cluster", "works on a machineDeployments, this stage on a cluster"),
        ("targets: machineDeployments", "targets: clusterTopologies", "this stage on a clusterTopologies"),
        ("api: cluster.k8s.io/v1alpha1", "api: apps/v1", "api"),
        ("namespace: kube-system", 'namespace: "../../secrets"', "namespace"),
        ("name: prod-pool2", "name: prod-pool1", "stands in the plan twice"),
        ("strategy: RollingUpdate", "strategy: Recreate", "strategy"),
        (
            "    steps:\n    - {do: upgrade-m",
            "    parallel: true\n    steps:\n    - {do: upgrade-m",
            "at once would take",
        ),
        ("with: {version: v1.35.4, stallSeconds", "with: {version: v1.36.4, stallSeconds", "to which this hop goes"),
        ("stallSeconds: 1800", "stallSeconds: 0", "stallSeconds"),
    ],
)
def test_what_a_plan_may_not_say(old: str, new: str, said: str) -> None:
    head, tail = TEXT.split("machineDeployments:\n", 1)
    assert old in tail
    assert said in refused(f"{head}machineDeployments:\n{tail.replace(old, new, 1)}")


def test_one_that_would_lag_too_far_is_refused_and_one_that_stays_is_named() -> None:
    old = re.sub(r"version: v1\.34\.4, strategy", "version: v1.31.4, strategy", TEXT, count=1)
    assert "kube-system:prod-pool1: kubelet v1.31.4 is 4 minors behind" in refused(old)
    assert left_behind(plan_of(TEXT.replace(STAGE, ""))) == ("kube-system:prod-pool1", "kube-system:prod-pool2")


def found(number: int, **changes: Any) -> DeploymentObject:
    standard: dict[str, Any] = {
        "api": "cluster.k8s.io/v1alpha1",
        "namespace": "kube-system",
        "name": f"prod-pool{number}",
        "uid": f"00000000-0000-4000-9000-{number:012d}",
        "version": Version.parse("v1.34.4"),
        "strategy": "RollingUpdate",
        "rollout": SETTLED,
    }
    return DeploymentObject(**(standard | changes))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"name": "another"}, "has left the cluster"),
        ({"uid": "another"}, "was replaced since the plan was made"),
        ({"version": None}, "says no version any more"),
        ({"version": Version.parse("v1.36.0")}, "is at v1.36.0 by now, above the target"),
        ({"version": Version.parse("v1.34.9")}, "is at v1.34.9 by now, the plan knows it at v1.34.4"),
        ({"paused": "its Cluster"}, "is paused by its Cluster"),
    ],
)
def test_what_has_changed_since_is_skipped(shape: type[Shape], changes: dict[str, Any], why: str | None) -> None:
    facts = replace(shape().facts(), machines=Machines(deployments=(found(1, **changes), found(2))))
    skipped = dict(managed_skipped(plan_of(), facts, frozenset()))
    assert skipped == ({"kube-system:prod-pool1": why} if why else {})


def test_what_the_run_has_begun_may_differ_and_what_cannot_be_read_is_not_gone(shape: type[Shape]) -> None:
    moved = (found(1, version=Version.parse("v1.35.4"), paused="it"), found(2))
    facts = replace(shape().facts(), machines=Machines(deployments=moved))
    assert dict(managed_skipped(plan_of(), facts, frozenset({"kube-system:prod-pool1"}))) == {}
    unread = replace(facts, machines=Machines(unread=("machines: forbidden",)))
    assert dict(managed_skipped(plan_of(), unread, frozenset())) == {}


def test_topologies_are_compared_as_well(shape: type[Shape]) -> None:
    entry = ClusterTopology(
        namespace="prod",
        name="prod",
        uid="00000000-0000-4000-9000-000000000009",
        api="cluster.x-k8s.io/v1beta2",
        version=Version.parse("v1.34.4"),
    )
    plan = replace(plan_of(), machine_deployments=(), cluster_topologies=(entry,))
    there = ClusterObject(api=entry.api, namespace="prod", name="prod", uid=entry.uid, topology=entry.version)
    facts = shape().facts()
    assert dict(managed_skipped(plan, replace(facts, machines=Machines(topologies=(there,))), frozenset())) == {}
    gone = dict(managed_skipped(plan, facts, frozenset()))
    assert gone == {"prod:prod": "has left the cluster"}
