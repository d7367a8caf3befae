"""Gates before a node is touched: not steps, so that no plan can leave them out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_upgrade.engine.waiting import patiently, until
from kubectl_upgrade.facts.gather import probe_hosts
from kubectl_upgrade.facts.nodes import read_nodes
from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.model.facts import Apiserver, Unknown
from kubectl_upgrade.model.names import CORDON_ANNOTATION
from kubectl_upgrade.model.quorum import ailing, ailing_outside, survives_one_stop
from kubectl_upgrade.steps.base import machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_upgrade.model.facts import HostFacts, Maybe
    from kubectl_upgrade.model.plan import Plan, Pool, Stage
    from kubectl_upgrade.steps.base import Worker
    from kubectl_upgrade.world import World

_ROOM_SECONDS = 300
_ROOM_POLL_SECONDS = 2.0
# members settle within seconds of a kubelet's restart; more means that something is wrong
_SETTLE_SECONDS = 60


async def control_plane_may_stop(world: World, plan: Plan, name: str, *, run8: str, begun: bool) -> None:
    """StepError unless etcd and the other control planes can do without this node for a while.

    `run8`: the run that asks, whose own cordons count as nobody's. `begun`: it has worked on the node before, so that
    the node's own member may be away; the others may not.
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
        hosts = await probe_hosts(world.nodes, asked, ("etcd" if stacked else "external-etcd", "apiserver"))
        problem = ailing(hosts, members, away=members - len(asked)) if stacked else ailing_outside(hosts)
        if problem:
            return problem
        # with a single control plane its API is away together with it
        return await _others_missing(world, plan, name, run8, hosts) if members > 1 else None

    await until(world.clock, f"a healthy control plane before {name} is touched", _SETTLE_SECONDS, missing)


async def _others_missing(
    world: World, plan: Plan, name: str, run8: str, hosts: Mapping[str, Maybe[HostFacts]]
) -> str | None:
    """The other control planes must serve, and be as the plan knows them: a cordon is the earliest sign that somebody
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
        host = hosts[entry.name]
        apiserver = host if isinstance(host, Unknown) else host.apiserver
        if not isinstance(apiserver, Apiserver) or not apiserver.ready:
            said = apiserver.said if isinstance(apiserver, Apiserver) else apiserver.reason
            return f"the API server on {entry.name} is not ready: {said}"
        if node.cordoned and not entry.cordoned and node.annotations.get(CORDON_ANNOTATION) != run8:
            return f"{entry.name} was cordoned by somebody since the plan was made"
    return None


async def pool_has_room(world: World, worker: Worker, stage: Stage, working_on: set[str]) -> None:
    """Wait until another node of the pool may be away, and count this one among `working_on` from then on.

    Nodes that are not Ready count, whoever took them down, also those that this run has upgraded; StepError when they
    alone leave no room for a while.
    """
    most = at_once(stage, len(worker.pool.nodes))
    while True:
        down = await _down(world, worker.pool, working_on)
        if len(down) >= most:
            await until(
                world.clock,
                f"room in pool {worker.pool.name}",
                _ROOM_SECONDS,
                partial(_no_room, world, worker, most, working_on),
            )
            continue
        if len(down) + len(working_on) < most:
            working_on.add(worker.name)
            return
        await world.clock.sleep(_ROOM_POLL_SECONDS)


async def _no_room(world: World, worker: Worker, most: int, working_on: set[str]) -> str | None:
    down = await _down(world, worker.pool, working_on)
    if len(down) < most:
        return None
    return (
        f"{len(down)} of its {len(worker.pool.nodes)} nodes are not Ready ({', '.join(down[:5])}), "
        f"and no more than {most} may be away at once: repair them, or delete their Nodes if they are gone"
    )


async def _down(world: World, pool: Pool, working_on: set[str]) -> list[str]:
    found = {node.uid: node for node in await patiently(world.clock, lambda: read_nodes(world.cluster))}
    return [n.name for n in pool.nodes if n.name not in working_on and n.uid in found and not found[n.uid].ready]


def at_once(stage: Stage, pool_size: int) -> int:
    """How many targets a stage takes at a time; a share is rounded down, at least 1."""
    share = stage.max_unavailable or "1"
    if share.endswith("%"):
        return max(1, pool_size * int(share.removesuffix("%")) // 100)
    return int(share)
