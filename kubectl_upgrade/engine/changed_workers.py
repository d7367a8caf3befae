"""Workers that left, were replaced or joined while the run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.facts.nodes import node_object, read_nodes
from kubectl_upgrade.model.errors import AccessError, NotFoundError, PreflightError
from kubectl_upgrade.model.words import some_of
from kubectl_upgrade.steps.base import Worker

if TYPE_CHECKING:
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.steps.base import Target

# how long to ask the API whether a failed worker is still there
_LEFT_SECONDS = 30


async def why_not_ours(run: Run, target: Target) -> str:
    """Why a worker that failed is none of this plan's: its Node is gone, is another machine's or above the target by
    now; empty when it is ours.
    """
    if not isinstance(target, Worker):
        return ""
    path = f"/api/v1/nodes/{target.name}"
    try:
        node = node_object(await patiently(run.world.clock, lambda: run.world.cluster.get(path), _LEFT_SECONDS))
    except NotFoundError:
        return "has left the cluster"
    except (AccessError, KeyError, ValueError):
        return ""  # the first error says more
    if node.uid != target.uid:
        return "was replaced since the plan was made"
    return f"is at {node.kubelet} by now, above the target" if node.kubelet > run.plan.cluster.to else ""


async def tell_joined(run: Run) -> None:
    """At the end: who is not in the plan, and stays as it is."""
    known = {node.uid for pool in run.plan.pools for node in pool.nodes}
    try:
        found = await patiently(run.world.clock, lambda: read_nodes(run.world.cluster))
    except (AccessError, PreflightError):
        return  # all that was planned is done
    others = [node for node in found if not node.control_plane and not node.windows and node.uid not in known]
    old = [node for node in others if node.kubelet < run.plan.cluster.to]
    joined = [f"{node.name} ({node.kubelet})" for node in old]
    if joined:
        run.watch(Note(f"not in the plan, and left as they are: {some_of(joined)}; plan again for them"))
