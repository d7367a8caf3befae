"""Leave no trace: fences, records and bundle off the nodes, then the lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.engine import availability, lock
from kubectl_upgrade.engine.adopt import disturbed
from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.together import together
from kubectl_upgrade.engine.waiting import patiently, reach
from kubectl_upgrade.facts.nodes import read_nodes
from kubectl_upgrade.model.errors import AccessError
from kubectl_upgrade.planfile.targets import node_targets
from kubectl_upgrade.steps.base import Worker, machine

if TYPE_CHECKING:
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.steps.base import NodeTarget


async def announce_ending(run: Run, how: str) -> None:
    """From here on the nodes' records go, so that nobody may go on with the plan's steps any more.

    `how`: `done` or `aborted`.
    """
    cluster, clock = run.world.cluster, run.world.clock
    if await patiently(clock, lambda: lock.holder(cluster)) is not None:
        await patiently(clock, lambda: lock.note_ending(cluster, run.fence, how))
    await run.history.record("run-ending", how)


async def clean_up(run: Run, without: frozenset[str] = frozenset()) -> None:
    """The lock goes last: as long as it is there, nobody else can find half of our traces.

    `without`: names of nodes to leave alone. AccessError, with the lock kept, when a node that is still in the cluster
    does not answer; LockedError when the lock is not this run's any more.
    """

    async def release(target: NodeTarget) -> None:
        try:
            await reach(run.world.clock, lambda: run.world.nodes.release(machine(target), run.fence))
        except AccessError as error:
            if only_prepared(run, target):
                run.watch(Note(f"{target.name} does not answer; packages of ours there: /var/lib/upgrade-cp"))
                return
            raise AccessError(
                f"{target.name} cannot be cleaned: {error.message}",
                fix=f"run apply again when it answers, or `kubectl upgrade-cp abort --without {target.name}`",
            ) from error

    await together(release, [target for target in await present(run) if target.name not in without])
    for name in sorted(without):
        end = f"kubectl upgrade-cp abort --run {run.fence.run[:8]} PLAN"
        run.watch(Note(f"{name} was left alone; what is ours there: /var/lib/upgrade-cp. Should it come back: {end}"))
    await availability.remove(run)
    await patiently(run.world.clock, lambda: lock.release(run.world.cluster, run.fence))
    await run.history.record("run-ends", run.fence.run)
    await run.history.journal.finish()


def only_prepared(run: Run, target: NodeTarget) -> bool:
    """Is it a worker where nothing was changed? Then it keeps nobody from ending the run."""
    return isinstance(target, Worker) and target.name not in disturbed(run.plan, run.history)


async def present(run: Run) -> tuple[NodeTarget, ...]:
    """Of all that this run has touched, what is still in the cluster."""
    found = await patiently(run.world.clock, lambda: read_nodes(run.world.cluster))
    uids = {node.uid for node in found}
    for target in _touched(run):
        if target.uid not in uids:
            run.watch(Note(f"{target.name} has left the cluster; should it come back: rm -r /var/lib/upgrade-cp there"))
    return tuple(target for target in _touched(run) if target.uid in uids)


def _touched(run: Run) -> tuple[NodeTarget, ...]:
    """Every control plane, and the workers that this run has begun."""
    begun = run.history.nodes_begun() | {node.name for node in run.plan.control_planes}
    return tuple(target for target in node_targets(run.plan) if target.name in begun)
