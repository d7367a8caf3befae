"""An apply from its first look to its last trace removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import Judgement, blockers, judge
from kubectl_upgrade.engine import lock
from kubectl_upgrade.engine.clean_up import clean_up
from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.history import History
from kubectl_upgrade.engine.run import Run, Stop
from kubectl_upgrade.engine.schedule import run_stages
from kubectl_upgrade.engine.together import together
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.errors import LockedError, PlanError, PreflightError
from kubectl_upgrade.planfile.digest import digest
from kubectl_upgrade.planfile.drift import drift_of
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
    judgements: tuple[Judgement, ...]
    notes: tuple[str, ...]
    absent: frozenset[str]
    """uids of workers that have left the cluster"""


async def look(world: World, plan: Plan) -> Ready:
    """Is the cluster free, is it still as the plan says, and do the checks let us pass? Changes nothing.

    LockedError, PlanError (stale, expired) or PreflightError when not.
    """
    _in_date(world, plan)
    journal = await world.state.resume(plan.cluster.uid)
    try:
        return await _look(world, plan, journal)
    except BaseException:
        if journal is not None:
            await journal.close()
        raise


async def _look(world: World, plan: Plan, journal: Journal | None) -> Ready:
    if journal is None:
        found = await lock.holder(world.cluster)
        if found is not None:
            raise LockedError(
                f"the cluster is locked by {found}",
                fix="let that run end, or ask its owner; the lock is Lease kube-system/upgrade-cp",
            )
        begun: frozenset[str] = frozenset()
    else:
        await patiently(world.clock, lambda: lock.own(journal, world.cluster))
        history = await History.load(journal, world.clock)
        _same_plan(history, plan)
        begun = history.nodes_begun()
    facts = await gather(world)
    drifts = drift_of(plan, facts, begun)
    if drifts.refused:
        told = "\n".join(f"  {drift}" for drift in drifts.refused)
        raise PlanError(f"the plan is stale, the cluster has changed since it was made:\n{told}", fix="make a new plan")
    judgements = judge(facts, Aim(plan.cluster.to, journal.run[:8] if journal else ""), _waived(plan))
    _heed(judgements, begun)
    notes = [f"{name} has left the cluster: skipped" for name in drifts.gone]
    notes += [f"{name} is not in the plan: left alone" for name in drifts.new]
    absent = frozenset(w.uid for pool in plan.pools for w in pool.nodes if w.name in drifts.gone)
    return Ready(plan=plan, journal=journal, judgements=judgements, notes=tuple(notes), absent=absent)


def _in_date(world: World, plan: Plan) -> None:
    today = world.clock.now().date().isoformat()
    for waiver in plan.waivers:
        if waiver.until < today:
            raise PlanError(
                f"the waiver of {waiver.check} ended on {waiver.until} ({waiver.reason})",
                fix="mend what was waived, or plan again with a new waiver",
            )


def _same_plan(history: History, plan: Plan) -> None:
    if history.plan and history.plan != digest(plan):
        raise PlanError(
            f"run {history.journal.run[:8]} is unfinished and was begun with another plan "
            f"(digest {history.plan[:19]}, this one has {digest(plan)[:19]})",
            fix="apply that plan again to go on, or end the run with `kubectl upgrade-cp abort`",
        )


def _waived(plan: Plan) -> frozenset[str]:
    return frozenset(waiver.check for waiver in plan.waivers)


def _heed(judgements: tuple[Judgement, ...], begun: frozenset[str]) -> None:
    """A node that this run works on may be anything but well; its waits judge it."""
    stops = [j for j in blockers(judgements) if j.finding is None or j.finding.node not in begun]
    if stops:
        told = "\n".join(f"  {judgement}" for judgement in stops)
        raise PreflightError(f"{len(stops)} check(s) block:\n{told}", fix="mend what they name, or plan again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Applying:
    """Who applies, and who watches."""

    who: str
    watch: Watch
    stop: Stop


async def execute(world: World, ready: Ready, applying: Applying) -> History:
    """Run the plan, or the rest of it, and leave no trace. The history is returned for the summary.

    StepError, StoppedError or AccessError leave lock, fences and journal for the next apply.
    """
    plan = ready.plan
    journal = ready.journal or await world.state.begin(plan.cluster.uid, digest(plan))
    try:
        history = await History.load(journal, world.clock)
        if not history.plan:
            await history.record("run-begins", digest(plan))
        run = await _claim(world, plan, history, applying)
        await run_stages(run, ready.absent)
        applying.watch(Note("all steps are done; removing lock, fences and bundle"))
        await clean_up(run)
    except BaseException:
        await journal.close()
        raise
    return history


async def _claim(world: World, plan: Plan, history: History, applying: Applying) -> Run:
    """Lock first, then a fence on every control plane, before the first change."""
    journal = history.journal
    held = await lock.own(journal, world.cluster)
    fence = Fence(journal.run, held.epoch if held else 1)
    since = world.clock.now().isoformat(timespec="seconds")
    claim = lock.Claim(fence=fence, nonce=journal.nonce, plan=digest(plan), who=applying.who, since=since)
    await patiently(world.clock, lambda: lock.acquire(world.cluster, claim))
    run = Run(world=world, plan=plan, fence=fence, history=history, watch=applying.watch, stop=applying.stop)
    await together(run.fence_node, plan.control_planes)
    return run
