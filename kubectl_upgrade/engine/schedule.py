"""Stages in order, targets of a stage side by side as far as the plan allows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.engine import lock
from kubectl_upgrade.engine.adopt import begun_in, disturbed
from kubectl_upgrade.engine.backups import fetch_backups
from kubectl_upgrade.engine.canary import demand_canary
from kubectl_upgrade.engine.changed_workers import tell_joined
from kubectl_upgrade.engine.events import Note, StageBegins
from kubectl_upgrade.engine.gate import at_once, is_away
from kubectl_upgrade.engine.next_hop import may_begin
from kubectl_upgrade.engine.target_run import TargetRun
from kubectl_upgrade.engine.together import together
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.model.errors import LockedError, StepError, StoppedError, UpgradeError
from kubectl_upgrade.model.plan import PARALLEL, ControlPlane, PoolTargets
from kubectl_upgrade.model.words import some_of
from kubectl_upgrade.planfile.build_step import is_harmless, moves_kubelets
from kubectl_upgrade.planfile.targets import targets_of
from kubectl_upgrade.steps.base import Managed, WholeCluster, Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.model.plan import Hop, Stage
    from kubectl_upgrade.steps.base import Target

_SLICE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How far one apply goes in its plan; empty is to the end."""

    pause_after: str = ""
    """name of a stage: stop when it is done, in each hop that has it; or `hop/stage`"""
    only: frozenset[str] = frozenset()
    """names of workers and MachineDeployments: leave the others for a later apply"""


async def run_stages(run: Run, absent: frozenset[str], limits: Limits) -> None:
    """Everything in the plan that is not done yet, within the limits. `absent`: uids of workers that are skipped.

    The first error of a stage ends the run after the steps in flight; StoppedError at a pause, and where `only` leaves
    workers for later.
    """
    for hop in run.plan.hops:
        await may_begin(run, hop)
        for stage in hop.stages:
            targets = [t for t in targets_of(run.plan, hop, stage) if getattr(t, "uid", "") not in absent]
            chosen = [t for t in targets if not (limits.only and _may_wait(t) and t.name not in limits.only)]
            await _run_stage(run, hop, stage, chosen)
            await fetch_backups(run, hop, stage)
            if len(chosen) == len(targets):
                await _after(run, hop, stage)
            if _is_the_last_one(run, hop, stage, limits.pause_after):
                raise StoppedError(f"stopped after {hop.to}/{stage.stage}, as asked", fix="run apply again to go on")
        await run.batches.after_the_last(run, hop)
        _nothing_is_skipped(run, hop, absent)
        left = _left(run, hop, absent) if limits.only else []
        if left:
            raise StoppedError(
                f"the chosen workers are done; {len(left)} are left: {some_of(left)}", fix="run apply again to go on"
            )
    await tell_joined(run)


def _nothing_is_skipped(run: Run, hop: Hop, absent: frozenset[str]) -> None:
    """StepError at the end of the hop with those that could not be drained: the next one may not begin before they are
    done, nor is the upgrade over. One that has left the cluster since is nobody's worry.
    """
    gone = {node.name for pool in run.plan.pools for node in pool.nodes if node.uid in absent}
    left = [s for s in run.history.skipped if s.startswith(f"{hop.to}/") and s.rpartition("/")[2] not in gone]
    if left:
        told = "\n".join(f"  {subject}: {run.history.skipped[subject]}" for subject in left)
        raise StepError(
            f"{len(left)} workers were skipped and are as they were before {hop.to}:\n{told}",
            fix="make room for the pods named above, then run apply again: it tries these nodes again",
        )


def _may_wait(target: Target) -> bool:
    """May a person leave it for a later apply?"""
    return isinstance(target, Worker | Managed)


def _is_the_last_one(run: Run, hop: Hop, stage: Stage, pause_after: str) -> bool:
    """A stage of the same name in an earlier hop is no reason to stop once a later one has begun."""
    if pause_after == f"{hop.to}/{stage.stage}":
        return True
    following = run.plan.hops[run.plan.hops.index(hop) + 1 :]
    again = [later for later in following if any(s.stage == pause_after for s in later.stages)]
    return pause_after == stage.stage and not any(begun_in(run.history, later) for later in again)


def _left(run: Run, hop: Hop, absent: frozenset[str]) -> list[str]:
    """Targets of the hop that are not done, as the journal names them; the next hop may not begin before they are."""
    left = (
        target.name
        for stage in hop.stages
        for target in targets_of(run.plan, hop, stage)
        if getattr(target, "uid", "") not in absent
        and f"{hop.to}/{stage.stage}/{target.name}" not in run.history.targets_done
    )
    return list(dict.fromkeys(left))


async def _run_stage(run: Run, hop: Hop, stage: Stage, targets: Sequence[Target]) -> None:
    runs = [TargetRun(run, hop, stage, target) for target in targets]
    left = [target for target in runs if target.subject not in run.history.targets_done]
    if not left:
        return
    alone = len(run.plan.control_planes) == 1 and isinstance(left[0].target, ControlPlane)
    if alone and not is_harmless(stage):
        run.watch(Note("there is one control plane: the API is away for a minute or two while it is upgraded"))
    run.watch(StageBegins(str(hop.to), stage.stage, tuple(target.target.name for target in left)))
    if isinstance(left[0].target, Worker) and moves_kubelets(stage):
        await run.batches.begin(run, hop)
    _judge(run, stage, left, await _side_by_side(run, stage, await _away_first(run, stage, left)))


def _judge(run: Run, stage: Stage, targets: Sequence[TargetRun], errors: Sequence[UpgradeError]) -> None:
    """Raise what stops the run after this stage."""
    history = run.history
    failures = [error for error in errors if not isinstance(error, StoppedError)]
    if failures and (stage.max_failures or len(failures) > 1):
        # what stopped the others without a failure too many: a window, a limit
        further = [] if run.stop.reason else [error for error in errors if isinstance(error, StoppedError)][:1]
        told = "\n".join(f"  {error.message}" for error in [*failures, *further])
        done = sum(target.subject in history.targets_done for target in targets)
        raise StepError(
            f"{len(failures)} of {len(targets)} targets of {stage.stage} failed, {done} are done:\n{told}",
            fix=failures[0].fix,
        )
    if errors:
        raise (failures or errors)[0]
    if stage.after is not None and all(target.subject in history.skipped for target in targets):
        raise StepError(
            f"every node of {stage.stage} was skipped, so that there is nothing to look at before the others are begun",
            fix="make room for the pods named above, then run apply again",
        )


async def _away_first(run: Run, stage: Stage, runs: Sequence[TargetRun]) -> Sequence[TargetRun]:
    """Workers that an earlier apply has left cordoned or down go first: until they serve again there is no room for
    others, who are only delayed.
    """
    if is_harmless(stage) or not any(target.begun and isinstance(target.target, Worker) for target in runs):
        return runs
    nodes = await patiently(run.world.clock, run.look.fresh)

    def serves(one: TargetRun) -> bool:
        return not (one.begun and isinstance(one.target, Worker) and is_away(run, one.target, nodes))

    return sorted(runs, key=serves)


async def _side_by_side(run: Run, stage: Stage, runs: Sequence[TargetRun]) -> list[UpgradeError]:
    """Control planes one at a time always: unpacking images on all of them at once makes every etcd and API server slow
    in the same moment, until a load balancer takes all for dead. After more failures than the stage forgives no new
    target starts; those in flight finish their step.
    """
    errors: list[UpgradeError] = []

    async def perform(target: TargetRun) -> None:
        try:
            await target.perform()
        except UpgradeError as error:
            if _may_come_later(run, target, error):
                run.watch(Note(f"{target.target.name} is not prepared, its own stage will see: {error.message}"))
                return
            errors.append(error)
            if not isinstance(error, StoppedError):
                run.failed.add(target.target.name)
            failed = sum(not isinstance(e, StoppedError) for e in errors)
            if failed > stage.max_failures:
                run.stop.ask(f"stopped because {target.subject} failed")
        except BaseException:
            # a bug must not roll on over the other nodes
            run.stop.ask(f"stopped because {target.subject} failed")
            raise

    lanes = (together(perform, lane, at_once=width) for lane, width in _lanes(stage, runs))
    ended = await asyncio.gather(*lanes, return_exceptions=True)
    for bug in ended:
        if bug is not None:
            raise bug
    return errors


def _may_come_later(run: Run, target: TargetRun, error: UpgradeError) -> bool:
    """A half-done hop is worse than a worker that cannot be prepared now: what was not fetched is fetched when it is
    installed. Between two hops nothing is half-done.
    """
    stops = isinstance(error, StoppedError | LockedError)
    worker = isinstance(target.target, Worker)
    return is_harmless(target.stage) and worker and not stops and bool(disturbed(run.plan, run.history, target.hop))


def _lanes(stage: Stage, runs: Sequence[TargetRun]) -> list[tuple[Sequence[TargetRun], int]]:
    """Who may work side by side, and how many of them. The invariants let a parallel stage disturb nothing; what it
    fetches and unpacks loads disks all the same.
    """
    if stage.parallel:
        control_planes = [target for target in runs if isinstance(target.target, ControlPlane)]
        others = [target for target in runs if not isinstance(target.target, ControlPlane)]
        return [(control_planes, 1), (others, stage.at_once or PARALLEL)]
    targets = [run.target for run in runs]
    if any(isinstance(target, ControlPlane | WholeCluster) for target in targets):
        return [(runs, 1)]
    pool = targets[0].pool if isinstance(targets[0], Worker) else None
    size = len(pool.nodes) if pool and isinstance(stage.targets, PoolTargets) else len(runs)
    return [(runs, at_once(stage, size))]


async def _after(run: Run, hop: Hop, stage: Stage) -> None:
    """Soak and pause; a pause ends when apply is run again."""
    if stage.after is None:
        return
    subject = f"{hop.to}/{stage.stage}"
    if subject in run.history.pauses:
        return
    await demand_canary(run, hop, stage)
    if stage.after.soak_seconds:
        run.watch(Note(f"{stage.stage} is done; soaking for {stage.after.soak_seconds} s"))
        await _soak(run, stage.after.soak_seconds)
        await demand_canary(run, hop, stage)
    await patiently(run.world.clock, lambda: lock.note_pause(run.world.cluster, run.fence, subject))
    await run.history.record("pause", subject)
    if stage.after.pause:
        raise StoppedError(f"the plan pauses after {subject}", fix="look around, then run apply again to go on")


async def _soak(run: Run, seconds: int) -> None:
    """In slices, so that a request to stop is heard; the soak begins anew with the next apply."""
    end = run.world.clock.monotonic() + seconds
    while (left := end - run.world.clock.monotonic()) > 0:
        if run.stop.reason:
            raise StoppedError(f"{run.stop.reason} while soaking", fix="run apply again to go on")
        await run.world.clock.sleep(min(left, _SLICE_SECONDS))
