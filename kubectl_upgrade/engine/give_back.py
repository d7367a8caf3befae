"""Taking off a Node what the run wrote there: its cordon and its mark."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_upgrade.engine.context import step_context
from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.marks import worked_on
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.facts.nodes import node_object, read_nodes
from kubectl_upgrade.model.errors import NotFoundError
from kubectl_upgrade.model.plan import StepId
from kubectl_upgrade.planfile.targets import node_targets
from kubectl_upgrade.steps.base import Worker
from kubectl_upgrade.steps.uncordon_node import UncordonNode
from kubectl_upgrade.steps.unmark_node import UnmarkNode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.model.facts import NodeObject
    from kubectl_upgrade.steps.base import NodeTarget, Step, Target


async def give_back(run: Run, target: NodeTarget) -> None:
    """Undo what is this run's there, and say so."""
    for step in (UncordonNode(), UnmarkNode()):
        try:
            changed = await patiently(run.world.clock, partial(_undo, run, target, step))
        except NotFoundError:
            return
        if changed:
            run.watch(Note(f"{target.name}: {step.TITLE}: done"))


async def give_back_absent(run: Run, absent: frozenset[str]) -> None:
    """Of workers that are skipped (`absent`: their uids), those that are still there: a run that is done with them
    leaves none of them cordoned.
    """
    if absent:
        nodes = await patiently(run.world.clock, lambda: read_nodes(run.world.cluster))
        await _give_back_those(run, (t for t in node_targets(run.plan) if t.uid in absent), nodes)


async def give_back_skipped(run: Run, target: Target) -> None:
    """The same of one that turned out to be none of this plan's while it was worked on."""
    if not isinstance(target, Worker):
        return
    path = f"/api/v1/nodes/{target.name}"
    try:
        node = node_object(await patiently(run.world.clock, lambda: run.world.cluster.get(path)))
    except NotFoundError:
        return
    await _give_back_those(run, (target,), (node,))


async def _give_back_those(run: Run, targets: Iterable[NodeTarget], nodes: Iterable[NodeObject]) -> None:
    """A Node that only bears the name of one is another machine's."""
    ours = {node.uid for node in nodes if worked_on(node, run.fence.run[:8])}
    for target in targets:
        if target.uid in ours:
            await give_back(run, target)


async def _undo(run: Run, target: NodeTarget, step: Step) -> bool:
    context = step_context(run, target, StepId("abort", "abort", target.name, step.NAME))
    if await step.done(context):
        return False
    await step.run(context)
    return True
