"""MachineDeployments of this cluster can roll out, and what is left alone is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.skew import KUBELET_MAY_LAG
from kubectl_upgrade.model.words import some_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.machines import DeploymentObject, Machines


class MachineDeployments:
    """Cluster API's (cluster.x-k8s.io) and machine-controller's (cluster.k8s.io, KubeOne's) nodes are replaced, never
    upgraded in place. A MachineDeployment that is paused takes its new version and does nothing
    (https://cluster-api.sigs.k8s.io/developer/providers/contracts/cluster, pausing); one of OnDelete waits for people;
    and a management cluster holds those of other clusters, which are never touched: only a Machine whose Node is proved
    to be one of this cluster makes its MachineDeployment ours.
    """

    NAME: ClassVar[str] = "machine-deployments"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        machines = facts.machines
        for line in machines.unread:
            message = (
                f"which workers belong to Machines, to be replaced and not upgraded in place, is not known: {line}"
            )
            yield Finding(Level.BLOCKER, message, fix="grant what docs/rbac.yaml lists, or repair what is named there")
        for deployment in machines.deployments:
            yield from _deployment(deployment, aim)
        for name, why in machines.elsewhere.items():
            yield Finding(Level.INFO, f"{name} is left alone: {why}")
        yield from _left_alone(facts, machines, aim)


def _deployment(one: DeploymentObject, aim: Aim) -> Iterator[Finding]:
    if one.version is None:
        message = f"MachineDeployment {one} says no version of Kubernetes: it is left alone"
        yield Finding(Level.WARN, message, fix="give it one, then plan again")
        return
    if one.version >= aim.target:
        return
    if one.paused:
        message = f"MachineDeployment {one} at {one.version} is paused by {one.paused}: nothing of it would be replaced"
        yield Finding(Level.BLOCKER, message, fix="end its pause, or waive machine-deployments to leave it alone")
        return
    if one.strategy == "OnDelete":
        message = f"MachineDeployment {one} is of strategy OnDelete: it gets the new version, its Machines stay"
        yield Finding(Level.WARN, message, fix="delete its Machines one by one when the run is done")
    elif one.strategy != "RollingUpdate":
        message = f"MachineDeployment {one} has an unknown strategy {one.strategy}: it is left alone"
        yield Finding(Level.WARN, message, fix="upgrade it by hand")
    elif not one.rollout.done:
        message = f"MachineDeployment {one} is not where it should be already: {one.rollout}"
        yield Finding(Level.WARN, message, fix="let it settle first; what holds it now will hold the upgrade as well")


def _left_alone(facts: Facts, machines: Machines, aim: Aim) -> Iterator[Finding]:
    """Nodes of Machines that no MachineDeployment of this cluster replaces."""
    moving = {
        one.uid
        for one in machines.deployments
        if one.version is not None and not one.paused and one.strategy == "RollingUpdate"
    }
    told: dict[str, list[str]] = {}
    for node in facts.workers:
        owner = machines.owners.get(node.name)
        if owner is None or owner.deployment in moving or node.kubelet >= aim.target:
            continue
        lag = aim.target.minors_above(node.kubelet)
        if lag > KUBELET_MAY_LAG:
            message = f"kubelet {node.kubelet} of a Machine that nothing here replaces would be {lag} minors behind"
            fix = f"replace it through {owner.owner}, at most {KUBELET_MAY_LAG} minors may be"
            yield Finding(Level.BLOCKER, message, node=node.name, fix=fix, waivable=False)
        elif not owner.deployment:
            where = "" if owner.here else ", of which no Machine is found in this cluster's API"
            told.setdefault(f"{owner.owner}{where}", []).append(node.name)
    for owner_text, names in told.items():
        message = f"left alone: {some_of(names)}, node(s) of {owner_text}"
        yield Finding(Level.WARN, message, fix="upgrade them where their Machines are managed")
