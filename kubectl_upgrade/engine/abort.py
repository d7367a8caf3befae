"""End a stopped run: undo what is ours, say what stays."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_upgrade.engine import lock
from kubectl_upgrade.engine.clean_up import clean_up, touched
from kubectl_upgrade.engine.context import step_context
from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.history import History
from kubectl_upgrade.engine.run import Run, Stop
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.model.errors import NotFoundError, PlanError, StepError
from kubectl_upgrade.model.plan import StepId
from kubectl_upgrade.planfile.digest import digest
from kubectl_upgrade.steps.base import machine
from kubectl_upgrade.steps.uncordon_node import UncordonNode
from kubectl_upgrade.steps.unmark_node import UnmarkNode
from kubectl_upgrade.world import Fence

if TYPE_CHECKING:
    from kubectl_upgrade.engine.events import Watch
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.steps.base import NodeTarget, Step
    from kubectl_upgrade.world import Journal, World


async def abort(world: World, plan: Plan, watch: Watch) -> None:
    """Uncordon and unlabel what this run cordoned and labelled, then remove fences, bundle and lock.

    What kubeadm and the package manager did stays. PlanError when there is no such run; StepError when an action still
    runs on a node.
    """
    journal = await world.state.resume(plan.cluster.uid)
    if journal is None:
        raise PlanError(
            "this machine knows no unfinished run on that cluster",
            fix="abort where the run was started; `kubectl -n kube-system get lease upgrade-cp -o yaml` names it",
        )
    try:
        await _abort(world, plan, watch, journal)
    finally:
        await journal.close()


async def _abort(world: World, plan: Plan, watch: Watch, journal: Journal) -> None:
    history = await History.load(journal, world.clock)
    if history.plan not in {"", digest(plan)}:
        raise PlanError(
            f"run {journal.run[:8]} was begun with another plan (digest {history.plan[:19]})",
            fix="give the plan that the run was begun with",
        )
    held = await patiently(world.clock, lambda: lock.own(journal, world.cluster))
    if held is not None:
        fence = Fence(journal.run, held.epoch)
        run = Run(world=world, plan=plan, fence=fence, history=history, watch=watch, stop=Stop())
        await _nothing_runs(run)
        for target in touched(run):
            await _undo(run, target)
        await clean_up(run)
    else:
        await journal.finish()
    for subject in sorted(history.targets_begun - history.targets_done):
        watch(Note(f"{subject} was begun and not finished: what kubeadm and the packages did there stays"))


async def _nothing_runs(run: Run) -> None:
    for target in touched(run):
        running = await run.running_on(target)
        if running:
            raise StepError(
                f"{running} still runs on {target.name}; nothing was changed",
                fix=f"wait for it (`journalctl -fu {running}` on {machine(target).address}), then abort again",
            )


async def _undo(run: Run, target: NodeTarget) -> None:
    for step in (UncordonNode(), UnmarkNode()):
        try:
            changed = await patiently(run.world.clock, partial(_undo_step, run, target, step))
        except NotFoundError:
            run.watch(Note(f"{target.name} has left the cluster"))
            return
        if changed:
            run.watch(Note(f"{target.name}: {step.TITLE}: done"))


async def _undo_step(run: Run, target: NodeTarget, step: Step) -> bool:
    context = step_context(run, target, StepId("abort", "abort", target.name, step.NAME))
    if await step.done(context):
        return False
    await step.run(context)
    return True
