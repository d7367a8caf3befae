"""Leave no trace: fences, records and bundle off the nodes, then the lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.engine import lock
from kubectl_upgrade.engine.together import together
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.steps.base import Worker, machine

if TYPE_CHECKING:
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.steps.base import NodeTarget


async def clean_up(run: Run) -> None:
    """The lock goes last: as long as it is there, nobody else can find half of our traces."""
    await together(lambda target: run.world.nodes.release(machine(target), run.fence), touched(run))
    cluster = run.world.cluster
    held = await patiently(run.world.clock, lambda: lock.own(run.history.journal, cluster))
    if held is not None:
        await patiently(run.world.clock, lambda: lock.release(cluster, held))
    await run.history.record("run-ends", run.fence.run)
    await run.history.journal.finish()


def touched(run: Run) -> tuple[NodeTarget, ...]:
    """Every control plane, and the workers that this run has begun."""
    begun = run.history.nodes_begun()
    workers = (Worker(node, pool) for pool in run.plan.pools for node in pool.nodes if node.name in begun)
    return (*run.plan.control_planes, *workers)
