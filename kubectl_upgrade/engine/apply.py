"""An apply from its first look to its last trace removed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubectl_upgrade.engine import lock
from kubectl_upgrade.engine.adopt import disturbed
from kubectl_upgrade.engine.availability import measured
from kubectl_upgrade.engine.claim import enter, take_lock, take_nodes
from kubectl_upgrade.engine.clean_up import announce_ending, clean_up
from kubectl_upgrade.engine.ending import finish_ending
from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.examine import Examined, examine
from kubectl_upgrade.engine.give_back import give_back_absent
from kubectl_upgrade.engine.history import History
from kubectl_upgrade.engine.offline import finish_in_flight
from kubectl_upgrade.engine.schedule import Limits, run_stages
from kubectl_upgrade.engine.take_over import Found, all_fenced, find_run, run_records
from kubectl_upgrade.engine.waiting import LOOK_SECONDS, patiently, unanswered
from kubectl_upgrade.model.errors import AccessError, ApiError, LockedError, PlanError, StoppedError, UpgradeError
from kubectl_upgrade.planfile.digest import digest
from kubectl_upgrade.world import Fence

if TYPE_CHECKING:
    from kubectl_upgrade.engine.events import Watch
    from kubectl_upgrade.engine.run import Run, Stop
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.world import Journal, World
    from kubectl_upgrade.world.backup_folder import BackupFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A plan that fits its cluster, before anything was changed."""

    plan: Plan
    journal: Journal | None = None
    """of the run to go on with; None for a new one, or one that is taken over"""
    taking: Found | None = None
    """the run to take over"""
    examined: Examined | None = None
    """None when there is nothing to judge: the run is being ended, or the API is away"""
    locked: bool = False
    """the lock was there, and this run's: it is not made anew when it is gone a moment later"""
    offline: bool = False
    """the API is away; this run's fences say that it may finish over ssh what it is about"""
    ending: str = ""
    """the run was being ended: `done` or `aborted`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applying:
    """Who applies, who watches, and how far it goes."""

    who: str
    watch: Watch
    stop: Stop
    limits: Limits = field(default_factory=Limits)
    backup_to: BackupFolder | None = None


async def look(world: World, plan: Plan, take_over: str = "") -> Ready:
    """Is the cluster free, is it still as the plan says, and do the checks let us pass? Changes nothing.

    `take_over`: id of the run to go on with although it was begun elsewhere. LockedError, PlanError (stale, expired),
    AccessError, PreflightError or UsageError when not.
    """
    if take_over:
        return await _look_over(world, plan, take_over)
    journal = await world.state.resume(plan.cluster.uid)
    if journal is None:
        return await _look_first(world, plan)
    try:
        return await _look_again(world, plan, journal)
    except BaseException:
        await journal.close()
        raise


async def _look_first(world: World, plan: Plan) -> Ready:
    """For a new run."""
    found = await patiently(world.clock, lambda: lock.holder(world.cluster), LOOK_SECONDS)
    if found is not None:
        raise lock.locked(found)
    return Ready(plan=plan, examined=await examine(world, plan))


async def _look_over(world: World, plan: Plan, wanted: str) -> Ready:
    found = await find_run(world, plan, wanted)
    if found.holder is None and not found.everywhere:
        # its records went with its fences: gone on with, it would do everything again
        raise PlanError(
            f"run {found.run[:8]} was ended: no lock names it, and its fence is left on some nodes only",
            fix=f"remove what is left of it: `abort --run {found.run[:8]} PLAN`; then make a new plan",
        )
    ending = found.holder.ending if found.holder is not None else ""
    if found.offline or ending:
        return Ready(plan=plan, taking=found, offline=found.offline, ending=ending, locked=found.holder is not None)
    examined = await examine(world, plan, run=found.run)
    return Ready(plan=plan, taking=found, examined=examined, locked=found.holder is not None)


async def _look_again(world: World, plan: Plan, journal: Journal) -> Ready:
    """For a run that this state folder knows."""
    history = await History.load(journal, world.clock)
    same_plan(history, plan)
    try:
        held = await patiently(world.clock, lambda: lock.holder(world.cluster), LOOK_SECONDS)
    except ApiError as error:
        fence = Fence(journal.run, history.epoch, lock.owner(journal.nonce))
        if not unanswered(error) or not all_fenced(await run_records(world, plan), fence):
            raise
        return Ready(plan=plan, journal=journal, offline=True)
    if held is not None and (held.run, held.nonce_hash) != (journal.run, lock.hashed(journal.nonce)):
        raise lock.locked(held)
    if held is None and history.nodes_begun() and not history.ending:
        await _not_ended_elsewhere(world, plan, history)
    ending = history.ending or (held.ending if held is not None else "")
    if ending:
        return Ready(plan=plan, journal=journal, ending=ending, locked=held is not None)
    examined = await examine(world, plan, history)
    return Ready(plan=plan, journal=journal, examined=examined, locked=held is not None)


async def _not_ended_elsewhere(world: World, plan: Plan, history: History) -> None:
    """Without lock and fences nothing of the run is left: whoever took it over has ended it."""
    if all(not record.run for record in (await run_records(world, plan)).values()):
        await history.record("run-ends", "elsewhere")
        await history.journal.finish()
        raise PlanError(
            f"run {history.journal.run[:8]} was ended elsewhere: its lock and its fences are gone",
            fix="make a new plan; it says what is left to do",
        )


def same_plan(history: History, plan: Plan) -> None:
    """PlanError unless the run began with this plan: by the history, and where that was lost by what was written beside
    it.
    """
    begun_with = history.digest or history.journal.digest
    if begun_with != digest(plan):
        raise lock.another_plan(history.journal.run, begun_with, digest(plan))


async def execute(world: World, ready: Ready, applying: Applying) -> History:
    """Run the plan, or the rest of it, and leave no trace. The history is returned for the summary.

    StepError, StoppedError or AccessError leave lock, fences and journal for the next apply, but when no node has been
    touched yet: then everything is as before.
    """
    if applying.stop.reason:
        raise StoppedError(f"{applying.stop.reason}; nothing was changed")
    applying.stop.begun = True
    journal = ready.journal or await _journal(world, ready)
    try:
        run = await enter(world, ready.plan, journal, applying, ready.taking.epoch if ready.taking else 0)
        run.backup_to = applying.backup_to
        held = await _take(run, ready, applying)
        if ready.ending or held.ending:
            await finish_ending(run, ready.ending or held.ending)
        else:
            fresh = ready.journal is None and ready.taking is None
            await _run_plan(run, held, applying.limits, fresh=fresh)
        return run.history
    finally:
        await journal.close()


async def _take(run: Run, ready: Ready, applying: Applying) -> lock.Holder:
    """The lock, as soon as there is an API to take it from."""
    try:
        if ready.offline:
            await finish_in_flight(run, known=ready.taking is None)
        return await take_lock(run, applying.who, create=not ready.locked)
    except PlanError:
        if ready.taking is not None:
            # a journal that begins with another plan must not be gone on with
            await run.history.journal.finish()
        raise


async def _journal(world: World, ready: Ready) -> Journal:
    plan = ready.plan
    if ready.taking is None:
        return await world.state.begin(plan.cluster.uid, digest(plan))
    return await world.state.adopt(plan.cluster.uid, ready.taking.run, digest(plan))


async def _run_plan(run: Run, held: lock.Holder, limits: Limits, *, fresh: bool) -> None:
    """`fresh`: this client began the run, so that its journal knows everything that the run did."""
    for pause in set(held.paused) - run.history.pauses:
        await run.history.record("pause", pause)
    try:
        # the old client reads the lock before each step, but while the API is away only a fence keeps it off a node
        taking_over = run.fence.epoch > 1 and str(run.fence.epoch) not in run.history.taken_over
        if taking_over:
            await take_nodes(run)
        # the cluster may have changed between the first look and the lock
        examined = await examine(run.world, run.plan, run.history)
        await _adopt(run, examined)
        if not taking_over:
            await take_nodes(run)
        await give_back_absent(run, examined.absent)
        async with measured(run):
            await run_stages(run, examined.absent, limits)
    except UpgradeError:
        if fresh and not run.history.nodes_begun():
            await _withdraw(run)
        raise
    run.watch(Note("all steps are done; removing lock, fences and bundle"))
    await announce_ending(run, "done")
    await clean_up(run)


async def _adopt(run: Run, examined: Examined) -> None:
    """Remember what the nodes know of this run and its journal does not: it was lost, or is another operator's."""
    for name in sorted(examined.begun - disturbed(run.plan, run.history)):
        await run.history.record("adopted", name)
    for name in sorted(examined.prepared - run.history.nodes_begun()):
        await run.history.record("prepared", name)
    for subject in examined.settled:
        if subject not in run.history.targets_done:
            await run.history.record("target-done", subject, between=0)


async def _withdraw(run: Run) -> None:
    """Leave nothing where nothing was begun. What stopped the run says more than what this may meet: that is told."""
    try:
        await clean_up(run)
    except (AccessError, LockedError) as error:
        run.watch(Note(f"lock and fences stay for the next apply: {error.message}"))
