"""A canary proves something only as a node that was upgraded and is there to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.facts.nodes import read_nodes
from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.model.words import some_of
from kubectl_upgrade.planfile.build_step import moves_kubelets
from kubectl_upgrade.planfile.targets import targets_of
from kubectl_upgrade.steps.base import Worker

if TYPE_CHECKING:
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.model.plan import Hop, Stage


async def demand_canary(run: Run, hop: Hop, stage: Stage) -> None:
    """StepError when no worker of a stage that is to be looked at was upgraded in it and is still in the cluster: one
    that has left, was replaced or was mended past the target shows nothing.
    """
    canaries = [target for target in targets_of(run.plan, hop, stage) if isinstance(target, Worker)]
    if not canaries or not moves_kubelets(stage):
        return
    nodes = await patiently(run.world.clock, lambda: read_nodes(run.world.cluster))
    there = {node.uid for node in nodes if node.kubelet == hop.to}
    if any(canary.uid in there for canary in canaries):
        return
    raise StepError(
        f"of {hop.to}/{stage.stage} no node is in the cluster and at {hop.to} ({some_of([c.name for c in canaries])}), "
        "so that there is nothing to look at before the others are begun",
        fix="end this run with `kubectl upgrade-cp abort`, then make a new plan: it chooses among the nodes that are "
        "there",
    )
