"""An apply from its first look to its last trace removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.engine import lock
from kubectl_upgrade.engine.clean_up import clean_up
from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.examine import Examined, examine
from kubectl_upgrade.engine.history import History
from kubectl_upgrade.engine.run import Run, Stop
from kubectl_upgrade.engine.schedule import run_stages
from kubectl_upgrade.engine.together import together
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.model.errors import AccessError, LockedError, PlanError, StoppedError, UpgradeError
from kubectl_upgrade.planfile.digest import digest
from kubectl_upgrade.planfile.write import write
from kubectl_upgrade.world import Fence

if TYPE_CHECKING:
    from kubectl_upgrade.engine.events import Watch
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.world import Journal, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A plan that fits its cluster, before anything was changed."""

    plan: Plan
    journal: Journal | None
    """of the run to go on with; None for a new one"""
    examined: Examined


@dataclass(frozen=True, slots=True, kw_only=True)
class Applying:
    """Who applies, and who watches."""

    who: str
    watch: Watch
    stop: Stop


async def look(world: World, plan: Plan) -> Ready:
    """Is the cluster free, is it still as the plan says, and do the checks let us pass? Changes nothing.

    LockedError, PlanError (stale, expired), AccessError or PreflightError when not.
    """
    journal = await world.state.resume(plan.cluster.uid)
    try:
        if journal is None:
            await _nobody_else(world)
            return Ready(plan=plan, journal=None, examined=await examine(world, plan))
        await patiently(world.clock, lambda: lock.own(journal, world.cluster))
        history = await History.load(journal, world.clock)
        _same_plan(history, plan)
        return Ready(plan=plan, journal=journal, examined=await examine(world, plan, history))
    except BaseException:
        if journal is not None:
            await journal.close()
        raise


async def _nobody_else(world: World) -> None:
    found = await lock.holder(world.cluster)
    if found is not None:
        raise LockedError(
            f"the cluster is locked by {found}",
            fix="let that run end, or ask its owner; the lock is Lease kube-system/upgrade-cp",
        )


def _same_plan(history: History, plan: Plan) -> None:
    if history.digest and history.digest != digest(plan):
        raise PlanError(
            f"run {history.journal.run[:8]} is unfinished and was begun with another plan "
            f"(digest {history.digest[:19]}, this one has {digest(plan)[:19]})",
            fix="apply that plan again to go on, or end the run with `kubectl upgrade-cp abort`",
        )


async def execute(world: World, ready: Ready, applying: Applying) -> History:
    """Run the plan, or the rest of it, and leave no trace. The history is returned for the summary.

    StepError, StoppedError or AccessError leave lock, fences and journal for the next apply, but when no node has been
    touched yet: then everything is as before.
    """
    if applying.stop.reason:
        raise StoppedError(f"{applying.stop.reason}; nothing was changed")
    applying.stop.begun = True
    plan = ready.plan
    journal = ready.journal or await world.state.begin(plan.cluster.uid, digest(plan))
    try:
        history = await History.load(journal, world.clock)
        if not history.digest:
            await history.record("run-begins", digest(plan), plan=write(plan))
        run = await claim(world, plan, history, applying)
        try:
            # the cluster may have changed between the first look and the lock
            examined = await examine(world, plan, history) if ready.journal is None else ready.examined
            await together(run.fence_node, plan.control_planes)
            await run_stages(run, examined.absent)
        except UpgradeError:
            if not history.targets_begun:
                await _withdraw(run)
            raise
        applying.watch(Note("all steps are done; removing lock, fences and bundle"))
        await clean_up(run)
    finally:
        await journal.close()
    return history


async def _withdraw(run: Run) -> None:
    """Leave nothing where nothing was begun. What stopped the run says more than what this may meet: that is told."""
    try:
        await clean_up(run)
    except AccessError as error:
        run.watch(Note(f"lock and fences stay for the next apply: {error.message}"))


async def claim(world: World, plan: Plan, history: History, applying: Applying) -> Run:
    """Take the lock, or find it to be this run's."""
    journal = history.journal
    held = await patiently(world.clock, lambda: lock.own(journal, world.cluster))
    fence = Fence(journal.run, held.epoch if held else 1)
    since = world.clock.now().isoformat(timespec="seconds")
    wanted = lock.Claim(fence=fence, nonce=journal.nonce, plan=digest(plan), who=applying.who, since=since)
    try:
        await patiently(world.clock, lambda: lock.acquire(world.cluster, wanted))
    except LockedError:
        if not history.targets_begun:
            await journal.finish()
        raise
    return Run(world=world, plan=plan, fence=fence, history=history, watch=applying.watch, stop=applying.stop)
