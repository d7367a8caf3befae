"""Gates before a node is touched: not steps, so that no plan can leave them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.engine.waiting import patiently, until
from kubectl_upgrade.facts.gather import probe_hosts
from kubectl_upgrade.facts.nodes import read_nodes
from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.model.quorum import ailing, survives_one_stop
from kubectl_upgrade.steps.base import machine

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Plan, Pool, Stage
    from kubectl_upgrade.world import World

# members settle within seconds of a kubelet's restart; more means that something is wrong
_SETTLE_SECONDS = 60


async def control_plane_may_stop(world: World, plan: Plan, name: str, *, begun: bool) -> None:
    """StepError unless etcd and the other control planes can do without this node for a while.

    `begun`: this run has worked on the node before, so that its own member may be away; the others may not.
    """
    members = len(plan.control_planes)
    stacked = plan.cluster_configuration.etcd == "stacked"
    if stacked and members > 1 and not survives_one_stop(members, members):
        raise StepError(
            f"{members} etcd members keep no quorum when one stops",
            fix="add a control plane (an odd number of members), then make a new plan",
        )
    asked = [machine(node) for node in plan.control_planes if not (begun and node.name == name)]

    async def missing() -> str | None:
        if stacked:
            hosts = await probe_hosts(world.nodes, asked, ("etcd",))
            problem = ailing(hosts, members, away=members - len(asked))
            if problem:
                return problem
        # with a single control plane its API is away together with it
        return await _others_missing(world, plan, name) if members > 1 else None

    await until(world.clock, f"a healthy control plane before {name} is touched", _SETTLE_SECONDS, missing)


async def _others_missing(world: World, plan: Plan, name: str) -> str | None:
    """Cordons and readiness of the other control planes against the plan: a cordon is the earliest sign that somebody
    else is about to stop a node.
    """
    found = {node.name: node for node in await read_nodes(world.cluster)}
    for entry in plan.control_planes:
        node = found.get(entry.name)
        if node is None or node.uid != entry.uid:
            return f"the Node {entry.name} of the plan does not exist any more"
        if entry.name == name:
            continue
        if not node.ready:
            return f"{entry.name} is not Ready"
        if node.cordoned and not entry.cordoned:
            return f"{entry.name} was cordoned by somebody since the plan was made"
    return None


async def pool_has_room(world: World, pool: Pool, stage: Stage, *, begun: frozenset[str]) -> None:
    """StepError when as many of the pool's nodes are down as the stage allows: those count, whoever took them down."""
    found = {node.uid: node for node in await patiently(world.clock, lambda: read_nodes(world.cluster))}
    down = [n.name for n in pool.nodes if n.name not in begun and n.uid in found and not found[n.uid].ready]
    if len(down) >= at_once(stage, len(pool.nodes)):
        raise StepError(
            f"{len(down)} of pool {pool.name}'s {len(pool.nodes)} nodes are not Ready ({', '.join(down[:5])}); "
            f"maxUnavailable {stage.max_unavailable or 1} leaves no room for another",
            fix="repair them (or delete their Nodes if they are gone), then run apply again",
        )


def at_once(stage: Stage, pool_size: int) -> int:
    """How many targets a stage takes at a time; a share is rounded down, at least 1."""
    share = stage.max_unavailable or "1"
    if share.endswith("%"):
        return max(1, pool_size * int(share.removesuffix("%")) // 100)
    return int(share)
