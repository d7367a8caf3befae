"""Stages: what they are called, whom they take, and how many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.plan import PoolTargets
from kubectl_upgrade.model.window import SECONDS_BESIDE_DRAIN, zone_of
from kubectl_upgrade.planfile.build_step import build_step
from kubectl_upgrade.planfile.invariants.layout import KUBEADM, KUBELET
from kubectl_upgrade.planfile.problem import Problem
from kubectl_upgrade.planfile.targets import MANAGED
from kubectl_upgrade.steps import STEPS
from kubectl_upgrade.steps.drain_node import DrainNode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.model.plan import PlannedStep, Stage
    from kubectl_upgrade.planfile.invariants.layout import LaidStage, Layout

# where a repository points or what is held can change on many nodes at once; whatever else a step changes takes
# something away from the node while it runs
_HARMLESS_CHANGES = frozenset({"repository", "held"})
_DISRUPTIVE = KUBEADM | KUBELET | {"drain-node"}


def names_are_unique_in_stages(layout: Layout) -> Iterator[Problem]:
    """A stage's slug in its hop, a step's name in its stage; no step is called what another one is."""
    for hop in layout.hops:
        slugs: set[str] = set()
        for stage in hop.stages:
            if stage.stage.stage in slugs:
                yield Problem((*stage.where, "stage"), f"a second stage {stage.stage.stage} in this hop")
            slugs.add(stage.stage.stage)
            yield from _step_names(stage)


def _step_names(stage: LaidStage) -> Iterator[Problem]:
    names: set[str] = set()
    for index, step in enumerate(stage.stage.steps):
        if step.name in names:
            fix = "" if step.do.startswith("kubeadm-") else "name it with `as`"
            yield Problem(stage.at(index), f"a second step {step.name} in this stage", fix)
        names.add(step.name)
        if step.as_ in STEPS and step.as_ != step.do:
            yield Problem(stage.at(index, "as"), f"{step.as_} is the name of another step")


def targets_exist(layout: Layout) -> Iterator[Problem]:
    """Every name is a node or a pool of the plan, and every stage has something to work on."""
    known = {node.name for node in layout.plan.control_planes}
    known |= {node.name for pool in layout.plan.pools for node in pool.nodes}
    pools = {pool.name: len(pool.nodes) for pool in layout.plan.pools}
    for stage in layout.stages:
        targets = stage.stage.targets
        where = (*stage.where, "targets")
        if isinstance(targets, PoolTargets) and targets.pool not in pools:
            yield Problem(
                (*where, "pool"), f"the plan has no pool {targets.pool}", f"known: {', '.join(sorted(pools))}"
            )
        elif isinstance(targets, PoolTargets) and (targets.count or 0) > pools[targets.pool]:
            yield Problem((*where, "count"), f"the pool {targets.pool} has only {pools[targets.pool]} nodes")
        elif isinstance(targets, tuple) and not known.issuperset(targets):
            for index, name in enumerate(targets):
                if name not in known:
                    yield Problem((*where, index), f"the plan has no node {name}")
        elif not stage.targets:
            yield Problem(where, "this stage has no node to work on", "remove the stage")


def steps_stand_where_they_belong(layout: Layout) -> Iterator[Problem]:
    """Steps on nodes work on nodes, those on the cluster on the cluster."""
    for stage in layout.stages:
        targets = stage.stage.targets
        place = targets if targets in {"cluster", *MANAGED} else "node"
        for index, step in enumerate(stage.stage.steps):
            belongs = STEPS[step.do].ON
            if belongs != place:
                yield Problem(stage.at(index), f"{step.do} works on a {belongs}, this stage on a {place}")


def backups_are_of_members(layout: Layout) -> Iterator[Problem]:
    """Only where kubeadm's etcd runs is there something to save."""
    stacked = layout.plan.cluster_configuration.etcd == "stacked"
    for stage in layout.stages:
        for index, _ in stage.steps("backup-etcd"):
            if not stacked:
                message = "backup-etcd cannot save an etcd that is not kubeadm's"
                yield Problem(stage.at(index), message, "leave it out, and back that etcd up by its own means")
            elif stage.workers:
                yield Problem(stage.at(index), f"backup-etcd on {stage.workers[0].name}, which has no etcd")


def many_at_once_is_safe(layout: Layout) -> Iterator[Problem]:
    """Control planes one at a time and none after a failure; of workers at most so many as the stage says."""
    for stage in layout.stages:
        told, where = stage.stage, stage.where
        if told.max_unavailable is not None and not isinstance(told.targets, PoolTargets):
            yield Problem((*where, "maxUnavailable"), "maxUnavailable counts the nodes of a pool", "target a pool")
        if told.parallel and told.max_unavailable is not None:
            yield Problem((*where, "parallel"), "parallel and maxUnavailable contradict each other", "keep one of them")
        if told.window is not None and not isinstance(told.targets, PoolTargets):
            message = "a window is for the nodes of a pool: a control plane half done is worse than one out of hours"
            yield Problem((*where, "window"), message, "leave window out here")
        if told.at_once is not None and not told.parallel:
            yield Problem((*where, "atOnce"), "atOnce is for a stage with parallel: true", "leave it out")
        disruptive = next((step.do for step in told.steps if _disrupts(step)), None)
        if disruptive is None:
            continue
        if told.parallel:
            message = f"{disruptive} on all targets at once would take them all away"
            yield Problem((*where, "parallel"), message, "leave parallel out; a pool may have maxUnavailable")
        if told.max_failures and stage.control_planes:
            message = f"after a failed {disruptive} on a control plane no other one may be touched"
            yield Problem((*where, "maxFailures"), message, "leave maxFailures out")


def windows_open(layout: Layout) -> Iterator[Problem]:
    """A window is some hours long, in a time zone that this machine knows."""
    for stage in layout.stages:
        window, where = stage.stage.window, (*stage.where, "window")
        if window is None:
            continue
        if window.from_ == window.to:
            yield Problem((*where, "to"), "the window closes when it opens", "leave window out to work at any hour")
        elif window.seconds < (needed := _seconds_of_a_node(stage.stage)):
            message = f"the window is {window.seconds:.0f} s long, a node may take {needed}: none could ever be begun"
            yield Problem((*where, "to"), message, "close it later, or give drain-node a smaller timeoutSeconds")
        try:
            zone_of(window.zone)
        except ValueError as error:
            fix = "correct it, or install the time zones here (package tzdata); UTC needs none"
            yield Problem((*where, "zone"), str(error), fix)


def _seconds_of_a_node(stage: Stage) -> int:
    """As the engine expects it before one was measured: its drain's limit, and some minutes."""
    drains = (step for step in map(build_step, stage.steps) if isinstance(step, DrainNode))
    return SECONDS_BESIDE_DRAIN + sum(step.timeout_seconds for step in drains)


def skipped_nodes_are_workers(layout: Layout) -> Iterator[Problem]:
    """A hop is over when every control plane is done: none can be left out."""
    for stage in layout.stages:
        for index, step in stage.steps("drain-node"):
            if step.with_.get("onTimeout") == "skip-node" and stage.control_planes:
                message = f"{stage.control_planes[0].name} is a control plane, which cannot be skipped"
                yield Problem(stage.at(index, "with", "onTimeout"), message, "onTimeout: stop")


def drain_limits_have_drains(layout: Layout) -> Iterator[Problem]:
    """A limit of nothing is a mistake."""
    for stage in layout.stages:
        if stage.stage.drain_limit_seconds is not None and not stage.holds("drain-node"):
            yield Problem((*stage.where, "drainLimitSeconds"), "this stage drains nothing", "leave it out")


def _disrupts(step: PlannedStep) -> bool:
    return step.do in _DISRUPTIVE or bool(STEPS[step.do].CHANGES - _HARMLESS_CHANGES)
