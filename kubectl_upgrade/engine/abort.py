"""End a stopped run: undo what is ours, say what stays."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_upgrade.engine.apply import claim
from kubectl_upgrade.engine.clean_up import clean_up, present
from kubectl_upgrade.engine.context import step_context
from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.history import History
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.facts.gather import NAMESPACE
from kubectl_upgrade.model.errors import NotFoundError, StepError, UsageError
from kubectl_upgrade.model.plan import StepId
from kubectl_upgrade.planfile.read import read
from kubectl_upgrade.steps.uncordon_node import UncordonNode
from kubectl_upgrade.steps.unmark_node import UnmarkNode

if TYPE_CHECKING:
    from kubectl_upgrade.engine.apply import Applying
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.steps.base import NodeTarget, Step
    from kubectl_upgrade.world import World


async def abort(world: World, applying: Applying, without: frozenset[str] = frozenset()) -> None:
    """End this machine's unfinished run on the cluster: uncordon and unlabel what it cordoned and labelled, then remove
    fences, bundle and lock. What kubeadm and the package manager did stays.

    `without`: names of nodes that ssh cannot reach any more. UsageError when there is no such run; StepError when an
    action still runs on a node.
    """
    namespace = await world.cluster.get(NAMESPACE)
    journal = await world.state.resume(namespace["metadata"]["uid"])
    if journal is None:
        raise UsageError(
            "this machine knows no unfinished run on that cluster",
            fix="abort where the run was started; `kubectl -n kube-system get lease upgrade-cp -o yaml` says where",
        )
    try:
        history = await History.load(journal, world.clock)
        if not history.plan:  # killed before it wrote its first word: nothing was touched
            await journal.finish()
            return
        run = await claim(world, read(history.plan.encode(), "the run's plan"), history, applying)
        await _end(run, without)
    finally:
        await journal.close()


async def _end(run: Run, without: frozenset[str]) -> None:
    targets = await present(run)
    for target in targets:
        running = None if target.name in without else await run.running_on(target)
        if running:
            raise StepError(
                f"{running} still runs on {target.name}; nothing was changed",
                fix=f"wait for it (there: journalctl -fu {running}), then abort again",
            )
    for target in targets:
        await _undo(run, target)
    await clean_up(run, without)
    for subject in sorted(run.history.targets_begun - run.history.targets_done):
        run.watch(Note(f"{subject} was begun and not finished: what kubeadm and the packages did there stays"))


async def _undo(run: Run, target: NodeTarget) -> None:
    for step in (UncordonNode(), UnmarkNode()):
        try:
            changed = await patiently(run.world.clock, partial(_undo_step, run, target, step))
        except NotFoundError:
            return
        if changed:
            run.watch(Note(f"{target.name}: {step.TITLE}: done"))


async def _undo_step(run: Run, target: NodeTarget, step: Step) -> bool:
    context = step_context(run, target, StepId("abort", "abort", target.name, step.NAME))
    if await step.done(context):
        return False
    await step.run(context)
    return True
