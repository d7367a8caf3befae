"""Every version goes up by at most one minor at a time, and along the hops."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING

from kubectl_upgrade.model.skew import APISERVERS_MAY_DIFFER, CONTROLLER_MAY_LAG, KUBELET_MAY_LAG, lag_problem
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.build_step import build_step
from kubectl_upgrade.planfile.problem import Problem
from kubectl_upgrade.planfile.shape import camel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.planfile.invariants.layout import LaidHop, LaidStage, Layout
    from kubectl_upgrade.planfile.problem import Where


def hops_lead_to_the_target(layout: Layout) -> Iterator[Problem]:
    """From cluster.from to cluster.to without a gap."""
    cluster, hops = layout.plan.cluster, layout.plan.hops
    if not hops:
        if cluster.from_ != cluster.to:
            message = f"no hop leads from {cluster.from_} to {cluster.to}"
            yield Problem(("hops",), message, "clear what preflight says, then plan again")
        return
    if hops[0].from_ != cluster.from_:
        yield Problem(("hops", 0, "from"), f"the first hop starts at {hops[0].from_}, the cluster at {cluster.from_}")
    for index, (before, after) in enumerate(pairwise(hops), start=1):
        if after.from_ != before.to:
            yield Problem(("hops", index, "from"), f"{after.from_} is not {before.to}, where the hop before ends")
    if hops[-1].to != cluster.to:
        yield Problem(("hops", len(hops) - 1, "to"), f"the last hop ends at {hops[-1].to}, cluster.to is {cluster.to}")


def hops_are_single_minors(layout: Layout) -> Iterator[Problem]:
    """One at a time and upwards: kubeadm refuses to skip a minor, and nothing in Kubernetes supports going back. Where
    every control plane is at the target, what is left is to bring kubelets there, which may skip minors.
    """
    there = _control_planes_are_there(layout.plan)
    for index, hop in enumerate(layout.plan.hops):
        if not hop.from_ < hop.to:
            yield Problem(("hops", index, "to"), f"{hop.to} is not above {hop.from_}")
        elif hop.to.minors_above(hop.from_) > 1 and not (there and hop.to == layout.plan.cluster.to):
            message = f"from {hop.from_} to {hop.to} is {hop.to.minors_above(hop.from_)} minors"
            yield Problem(("hops", index, "to"), message, "one minor to a hop")


def _control_planes_are_there(plan: Plan) -> bool:
    found = [node.versions for node in plan.control_planes]
    return {v for versions in found for v in (versions.apiserver, versions.controller_manager, versions.scheduler)} == {
        plan.cluster.to
    }


def control_planes_are_in_reach(layout: Layout) -> Iterator[Problem]:
    """So that kubeadm can bring every control-plane component, as the plan pins it, to the first hop's version."""
    for hop in layout.hops[:1]:
        for index, node in enumerate(layout.plan.control_planes):
            for name, may_lag in (
                ("apiserver", APISERVERS_MAY_DIFFER),
                ("controller_manager", CONTROLLER_MAY_LAG),
                ("scheduler", CONTROLLER_MAY_LAG),
            ):
                version: Version = getattr(node.versions, name)
                where: Where = ("controlPlanes", index, "versions", camel(name))
                problem = lag_problem(name.replace("_", "-"), version, hop.hop.to, may_lag)
                if problem or version > hop.hop.to:
                    yield Problem(where, problem or f"{version} is above {hop.hop.to}, to which the first hop goes")


def steps_name_the_hop(layout: Layout) -> Iterator[Problem]:
    """Every version in a step is the one that its hop goes to; members of etcd move at the one where it begins."""
    for stage in layout.stages:
        before = stage.holds("pull-etcd", "move-etcd")
        wanted, how = (stage.hop.from_, "from") if before else (stage.hop.to, "to")
        for index, planned in enumerate(stage.stage.steps):
            step = build_step(planned)
            for field in fields(step):
                version = getattr(step, field.name)
                if isinstance(version, Version) and version != wanted:
                    where = stage.at(index, "with", camel(field.name))
                    yield Problem(where, f"{version} is not {wanted}, {how} which this hop goes")


def kubelets_keep_up(layout: Layout) -> Iterator[Problem]:
    """No kubelet goes back; none is left too far behind the API servers. It may skip minors: it is drained, and the
    policy counts how far it lags, not where it stops.
    """
    for hop in layout.hops:
        for stage in hop.stages:
            yield from _moves(hop, stage)
        for kubelet, name in {version: name for name, version in hop.kubelets.items()}.items():
            problem = lag_problem(f"{name}: kubelet", kubelet, hop.hop.to, KUBELET_MAY_LAG)
            if problem:
                yield Problem((*hop.where, "to"), problem, "upgrade that node's kubelet in an earlier hop")


def _moves(hop: LaidHop, stage: LaidStage) -> Iterator[Problem]:
    to = stage.hop.to
    for index, _ in stage.steps("install-kubelet"):
        versions = {hop.kubelets[target.name] for target in stage.targets if target.name in hop.kubelets}
        for kubelet in sorted(versions):
            if kubelet > to:
                yield Problem(stage.at(index), f"a kubelet at {kubelet} would go back to {to}")
