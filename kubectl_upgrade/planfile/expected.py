"""What a control plane should be like by now: the plan's pins, and the effects of the steps that are done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubectl_upgrade.model.plan import StepId
from kubectl_upgrade.planfile.build_step import build_step
from kubectl_upgrade.planfile.targets import targets_of, targets_of_hop
from kubectl_upgrade.steps.move_etcd import MoveEtcd
from kubectl_upgrade.steps.pin_etcd import PinEtcd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.model.plan import ControlPlane, Plan
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.steps.base import Step

# read through the API, whose mirror pods and Node status follow the node after seconds
COMPONENTS = ("apiserver", "controllerManager", "scheduler")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is; empty for a new one."""

    run8: str = ""
    begun: frozenset[str] = frozenset()
    """names of nodes that it has begun to work on"""
    steps_done: frozenset[str] = frozenset()
    """ids of steps"""
    targets_done: frozenset[str] = frozenset()
    """`hop/stage/target`"""


@dataclass(slots=True)
class Expected:
    """Of one control plane: for each pin that steps change, the values that it may have now."""

    allowed: dict[str, tuple[Any, ...]]
    """pin → values, oldest first; of a version, everything between the first and the last is on the way"""
    moving: set[str] = field(default_factory=set)
    """pins that the step in flight, or the node's next one, changes"""
    rewritten: bool = False
    """kubeadm has succeeded here: manifests and etcd's version are what it left, which the plan cannot know"""


def expected(plan: Plan, entry: ControlPlane, progress: Progress) -> Expected:
    """Walk the node's steps that change pins, in order: those done have had their effect, the next may have."""
    versions = entry.versions
    found = Expected(
        {
            "repository": (entry.repository,),
            "kubelet": (versions.kubelet,),
            "apiserver": (versions.apiserver,),
            "controllerManager": (versions.controller_manager,),
            "scheduler": (versions.scheduler,),
        }
    )
    if entry.name not in progress.begun:
        return found
    for step_id, step in _changing(plan, entry):
        done = str(step_id) in progress.steps_done
        for pin in step.CHANGES & found.allowed.keys():
            _move(found, pin, step, settled=done and _settled(pin, step_id, progress))
        if not done:
            found.moving |= step.CHANGES
            break
        found.rewritten = found.rewritten or "manifests" in step.CHANGES
    return found


def _move(found: Expected, pin: str, step: Step, *, settled: bool) -> None:
    """The step's value joins those that are allowed, or takes their place; a repository of all minors stays."""
    if pin == "repository" and found.allowed[pin] == ("none",):
        return
    version: Version = step.version  # type: ignore[attr-defined]  # every step that changes these pins has one
    value = version.line if pin == "repository" else version
    found.allowed[pin] = (value,) if settled else (*found.allowed[pin], value)


def _settled(pin: str, step_id: StepId, progress: Progress) -> bool:
    """A pin that is read on the node holds at once; one of the API's when the target's waits have seen it."""
    subject = f"{step_id.hop}/{step_id.stage}/{step_id.target}"
    return pin == "repository" or subject in progress.targets_done


def etcd_tags(plan: Plan, progress: Progress) -> tuple[str, ...]:
    """Values that etcd.local.imageTag may have now, oldest first. While members move it may not go back: kubeadm would
    leave those that are left where they are.
    """
    planned = now = plan.cluster_configuration.etcd_image_tag
    for step_id, step in _of_cluster(plan) if progress.run8 else ():
        value = step.tag if isinstance(step, PinEtcd) else planned
        if not _is_done(step_id, progress):
            moved = isinstance(step, PinEtcd) or all(_is_done(move, progress) for move in _moves(plan, step_id.hop))
            return (now, value) if moved else (now,)
        now = value
    return (now,)


def _is_done(step_id: StepId, progress: Progress) -> bool:
    subject = f"{step_id.hop}/{step_id.stage}/{step_id.target}"
    return str(step_id) in progress.steps_done or subject in progress.targets_done


def _moves(plan: Plan, line: str) -> Iterator[StepId]:
    """Of the hop's members of etcd, under its pin."""
    for hop in plan.hops:
        for stage in hop.stages if str(hop.to) == line else ():
            for target in targets_of(plan, hop, stage):
                for planned in stage.steps:
                    if planned.do == MoveEtcd.NAME:
                        yield StepId(line, stage.stage, target.name, planned.name)


def _of_cluster(plan: Plan) -> Iterator[tuple[StepId, Step]]:
    """Steps on the cluster that change pins."""
    for hop in plan.hops:
        for stage in hop.stages:
            if stage.targets == "cluster":
                for planned in stage.steps:
                    step = build_step(planned)
                    if step.CHANGES:
                        yield StepId(str(hop.to), stage.stage, "cluster", planned.name), step


def _changing(plan: Plan, entry: ControlPlane) -> Iterator[tuple[StepId, Step]]:
    """The node's actions that change pins."""
    for hop in plan.hops:
        for stage, targets in zip(hop.stages, targets_of_hop(plan, hop), strict=True):
            if entry not in targets:
                continue
            for planned in stage.steps:
                step = build_step(planned)
                if step.CHANGES and step.action(entry, plan.cluster_configuration) is not None:
                    yield StepId(str(hop.to), stage.stage, entry.name, planned.name), step
