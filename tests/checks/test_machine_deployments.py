"""What of MachineDeployments stops a run, what is told, and whose control plane it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.model.finding import Level
from kubectl_upgrade.model.machines import DeploymentObject, Machines, NodeOwner, Rollout
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.finding import Finding
    from tests.conftest import Shape

TARGET = Version.parse("v1.35.4")
SETTLED = Rollout(observed=True, wanted=2, replicas=2, updated=2, ready=2, available=2)


def deployment(**changes: Any) -> DeploymentObject:
    standard: dict[str, Any] = {
        "api": "cluster.k8s.io/v1alpha1",
        "namespace": "kube-system",
        "name": "pool1",
        "uid": "uid-pool1",
        "version": Version.parse("v1.34.4"),
        "strategy": "RollingUpdate",
        "rollout": SETTLED,
    }
    return DeploymentObject(**(standard | changes))


def owner(**changes: Any) -> NodeOwner:
    standard: dict[str, Any] = {
        "machine": "kube-system/m1",
        "owner": "MachineDeployment/pool1",
        "deployment": "uid-pool1",
    }
    return NodeOwner(**(standard | changes))


def found(facts: Facts, check: str = "machine-deployments", **machines: Any) -> list[Finding]:
    return list(CHECKS[check].run(replace(facts, machines=Machines(**machines)), Aim(TARGET)))


def test_nothing_to_say_of_a_cluster_without_machines_nor_of_healthy_ones(shape: type[Shape]) -> None:
    facts = shape().facts()
    assert found(facts) == []
    assert found(facts, "managed-control-plane") == []
    assert found(facts, deployments=(deployment(),), owners={"w1": owner()}) == []


def test_what_could_not_be_read_blocks(shape: type[Shape]) -> None:
    (finding,) = found(shape().facts(), unread=("machines.cluster.k8s.io: this identity may not list them",))
    assert finding.level is Level.BLOCKER
    assert finding.waivable
    assert "this identity may not list them" in finding.message


def test_paused_by_itself_or_by_its_cluster(shape: type[Shape]) -> None:
    (finding,) = found(shape().facts(), deployments=(deployment(paused="its Cluster prod/prod"),))
    assert finding.level is Level.BLOCKER
    assert "paused by its Cluster prod/prod" in finding.message
    assert found(shape().facts(), deployments=(deployment(paused="it", version=TARGET),)) == []


def test_what_is_told_and_stops_nothing(shape: type[Shape]) -> None:
    rolling = replace(SETTLED, updated=1)
    for changes, part in (
        ({"strategy": "OnDelete"}, "of strategy OnDelete: it gets the new version, its Machines stay"),
        ({"strategy": "Recreate"}, "unknown strategy Recreate: it is left alone"),
        ({"version": None}, "says no version of Kubernetes: it is left alone"),
        ({"rollout": rolling}, "is not where it should be already: 1 updated, 2 ready"),
    ):
        (finding,) = found(shape().facts(), deployments=(deployment(**changes),))
        assert finding.level is Level.WARN
        assert part in finding.message


def test_what_is_not_proved_to_be_ours_is_told(shape: type[Shape]) -> None:
    (finding,) = found(shape().facts(), elsewhere={"MachineDeployment prod/md-0": "no Machine of it is a node here"})
    assert finding.level is Level.INFO
    assert finding.message == "MachineDeployment prod/md-0 is left alone: no Machine of it is a node here"


def test_nodes_that_nothing_here_replaces(shape: type[Shape]) -> None:
    owners = {"w1": owner(owner="MachineSet/old", deployment=""), "w2": owner(here=False, deployment="")}
    told = found(shape().facts(), owners=owners)
    assert [finding.level for finding in told] == [Level.WARN, Level.WARN]
    assert "left alone: w1, node(s) of MachineSet/old" in told[0].message
    assert "of which no Machine is found in this cluster's API" in told[1].message


def test_a_node_that_would_lag_too_far_blocks_for_good(shape: type[Shape]) -> None:
    """Also of a MachineDeployment that gives its Machines a new version and never replaces them."""
    old = {"w1": {"kubelet": Version.parse("v1.31.9")}}
    deployments = (deployment(strategy="OnDelete"),)
    findings = found(shape(nodes=old).facts(), deployments=deployments, owners={"w1": owner()})
    (finding,) = [finding for finding in findings if finding.level is Level.BLOCKER]
    assert not finding.waivable
    assert finding.node == "w1"
    assert "4 minors behind" in finding.message
    assert found(shape(nodes=old).facts(), deployments=(deployment(),), owners={"w1": owner()}) == []


def test_a_control_plane_of_cluster_api_is_not_ours(shape: type[Shape]) -> None:
    owners = {"cp2": owner(machine="fleet/cp-2", owner="KubeadmControlPlane/prod", here=False, deployment="")}
    (finding,) = found(shape().facts(), "managed-control-plane", owners=owners)
    assert (finding.level, finding.node) == (Level.BLOCKER, "cp2")
    assert "upgrade it there (in the management cluster): the version of KubeadmControlPlane/prod" in finding.fix
    assert CHECKS["managed-control-plane"].MANDATORY


def test_a_control_plane_machine_that_nobody_replaces_is_told(shape: type[Shape]) -> None:
    owners = {"cp1": owner(owner="none", deployment="")}
    (finding,) = found(shape().facts(), "managed-control-plane", owners=owners)
    assert finding.level is Level.WARN
