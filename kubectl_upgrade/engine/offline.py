"""While the API is away: the run that holds the fences finishes over ssh what it is about, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.gate import control_plane_may_stop
from kubectl_upgrade.engine.target_run import PROOFS, TargetRun
from kubectl_upgrade.engine.together import together
from kubectl_upgrade.facts.gather import probe_hosts
from kubectl_upgrade.model.errors import PlanError
from kubectl_upgrade.model.plan import ControlPlane
from kubectl_upgrade.planfile.build_step import build_step
from kubectl_upgrade.planfile.targets import targets_of
from kubectl_upgrade.steps.base import machine

if TYPE_CHECKING:
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.model.plan import PlannedStep


@dataclass(frozen=True, slots=True)
class _InFlight:
    """A control plane that the run has begun, and the actions that are left there before a step needs the API."""

    target: TargetRun
    actions: tuple[PlannedStep, ...]


async def finish_in_flight(run: Run, *, known: bool) -> None:
    """Raise the fences, then run or attach to the actions of the one control plane that is being worked on.

    It ends before the first step that needs the API, and does nothing where no action was begun. An action that does
    not run yet begins only when the nodes themselves say that etcd and the other control planes can do without this
    one.

    `known`: this client knows the run's plan. Who takes a run over cannot compare its plan with the lock's now, and
    goes on with those actions only that were begun, with the very arguments that the node remembers; PlanError else.
    """
    run.watch(Note("the API does not answer; this run holds the control planes and goes on over ssh as far as it can"))
    await together(run.fence_node, run.plan.control_planes)
    found = await _in_flight(run)
    if found is None:
        run.watch(Note("no action was begun and left unfinished; waiting for the API"))
        return
    for planned in found.actions:
        found.target.heed_stop()
        attempt = found.target.attempt(planned)
        if not known and not _as_begun(found.target, planned):
            run.watch(Note(f"{planned.name} was not begun; that the plan is the run's own can only be told by the API"))
            break
        if attempt is None or attempt.state != "running":
            await control_plane_may_stop(
                run.world, run.plan, found.target.target.name, run8=run.fence.run[:8], begun=True, api=False
            )
        await found.target.step(planned)
    run.watch(Note("what needs no API is done; waiting for it"))


def _as_begun(target: TargetRun, planned: PlannedStep) -> bool:
    """Does the node know the step's action? PlanError when it knows it with other arguments than the plan's."""
    attempt = target.attempt(planned)
    wanted = target.action(planned)
    if attempt is None or wanted is None:
        return False
    if attempt.action != (wanted.name, *wanted.args):
        raise PlanError(
            f"{target.id_of(planned)} was begun as `{' '.join(attempt.action)}`, and this plan says "
            f"`{' '.join((wanted.name, *wanted.args))}`: run {target.run.fence.run[:8]} was begun with another plan",
            fix="give the plan that it was begun with",
        )
    return True


async def _in_flight(run: Run) -> _InFlight | None:
    machines = [machine(node) for node in run.plan.control_planes]
    hosts = await probe_hosts(run.world.nodes, machines, PROOFS)
    for hop in run.plan.hops:
        for stage in hop.stages:
            for target in targets_of(run.plan, hop, stage):
                if isinstance(target, ControlPlane):
                    found = _unfinished(TargetRun(run, hop, stage, target, found=hosts[target.name]))
                    if found is not None:
                        return found
    return None


def _unfinished(target: TargetRun) -> _InFlight | None:
    """None unless the node knows a unit of one of the target's actions, and not all of them have succeeded."""
    begun = False
    left: list[PlannedStep] = []
    for planned in target.stage.steps:
        acts = target.acts(planned)
        if not acts and left:
            break
        if acts:
            begun = begun or target.attempt(planned) is not None
            if not target.has_acted(build_step(planned), target.id_of(planned)):
                left.append(planned)
    return _InFlight(target, tuple(left)) if begun and left else None
