"""Gates before a node is touched: not steps, so that no plan can leave them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.checks.no_upgrade_in_process import NoUpgradeInProcess, somebodys_mark
from kubectl_upgrade.engine.waiting import patiently, until
from kubectl_upgrade.facts.gather import probe_hosts
from kubectl_upgrade.facts.nodes import read_node
from kubectl_upgrade.model.errors import StepError, StoppedError
from kubectl_upgrade.model.facts import Apiserver, Unknown
from kubectl_upgrade.model.names import CORDON_ANNOTATION
from kubectl_upgrade.model.quorum import ailing, ailing_outside, survives_one_stop
from kubectl_upgrade.model.shares import nodes_of
from kubectl_upgrade.steps.base import machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.model.facts import HostFacts, Maybe, NodeObject
    from kubectl_upgrade.model.plan import Plan, Stage
    from kubectl_upgrade.steps.base import Worker
    from kubectl_upgrade.world import World

_ROOM_SECONDS = 300
_ROOM_POLL_SECONDS = 2.0
# members settle within seconds of a kubelet's restart; more means that something is wrong
_SETTLE_SECONDS = 60


async def control_plane_may_stop(  # noqa: PLR0913 - who asks, for which node, and what may be asked
    world: World, plan: Plan, name: str, *, run8: str, begun: bool, api: bool = True
) -> None:
    """StepError unless etcd and the other control planes can do without this node for a while.

    `run8`: the run that asks, whose own cordons count as nobody's. `begun`: it has worked on the node before, so that
    the node's own member may be away; the others may not. Without `api` the nodes alone are asked.
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
        # with a single control plane its API is away together with it
        if not problem and members > 1:
            problem = _others_silent(plan, name, hosts)
            if not problem and api:
                problem = await _others_missing(world, plan, name, run8)
        return problem

    await until(world.clock, f"a healthy control plane before {name} is touched", _SETTLE_SECONDS, missing)


def _others_silent(plan: Plan, name: str, hosts: Mapping[str, Maybe[HostFacts]]) -> str | None:
    """The other API servers have to serve."""
    for entry in plan.control_planes:
        if entry.name == name:
            continue
        host = hosts[entry.name]
        apiserver = host if isinstance(host, Unknown) else host.apiserver
        if not isinstance(apiserver, Apiserver) or not apiserver.ready:
            said = apiserver.said if isinstance(apiserver, Apiserver) else apiserver.reason
            return f"the API server on {entry.name} is not ready: {said}"
    return None


async def _others_missing(world: World, plan: Plan, name: str, run8: str) -> str | None:
    """The other control planes must be as the plan knows them, and nobody else may be at work: a cordon or a mark is
    the earliest sign that somebody is about to stop a node.
    """
    for entry in plan.control_planes:
        # by its name: of 5,000 Nodes, the few control planes matter here
        node = await read_node(world.cluster, entry.name)
        if node is None or node.uid != entry.uid:
            return f"the Node {entry.name} of the plan does not exist any more"
        marked = somebodys_mark(node, run8) if NoUpgradeInProcess.NAME not in _waived(plan) else None
        if marked:
            return f"{entry.name} {marked}"
        if entry.name == name:
            continue
        if not node.ready:
            return f"{entry.name} is not Ready"
        if node.cordoned and not entry.cordoned and node.annotations.get(CORDON_ANNOTATION) != run8:
            return f"{entry.name} was cordoned by somebody since the plan was made"
    return None


def _waived(plan: Plan) -> frozenset[str]:
    return frozenset(waiver.check for waiver in plan.waivers)


async def pool_has_room(run: Run, worker: Worker, stage: Stage, *, begun: bool) -> None:
    """Wait until another node of the pool may be away, and count this one among `run.working_on` from then on.

    Nodes count that are not Ready, whoever took them down, and those that this run has cordoned and had to leave;
    StepError when they alone leave no room for a while, or somebody else is at work on this one. A worker that is
    `begun` and still away keeps its place beside the others that are: it may be down for what is left to do. One that
    was given back since needs a new one.
    """
    world, working_on = run.world, run.working_on
    most = at_once(stage, len(worker.pool.nodes))
    while True:
        _heed_stop(run, worker)
        found = await patiently(world.clock, run.look.fresh)
        _nobody_else_works(run, worker, found)
        down = _down(run, worker, found, begun=begun)
        if len(down) >= most:

            async def no_room() -> str | None:
                _heed_stop(run, worker)
                found = await patiently(world.clock, run.look.fresh)
                return _no_room(_down(run, worker, found, begun=begun), worker, most)

            await until(world.clock, f"room in pool {worker.pool.name}", _ROOM_SECONDS, no_room)
            continue
        if len(down) + len(working_on) < most:
            working_on.add(worker.name)
            return
        await world.clock.sleep(_ROOM_POLL_SECONDS)


def _heed_stop(run: Run, worker: Worker) -> None:
    if run.stop.reason:
        raise StoppedError(f"{worker.name} was not begun: {run.stop.reason}", fix="run apply again to go on")


def _no_room(down: Sequence[str], worker: Worker, most: int) -> str | None:
    if len(down) < most:
        return None
    return (
        f"{len(down)} of its {len(worker.pool.nodes)} nodes are not Ready, or cordoned by this run and left "
        f"({', '.join(down[:5])}), and no more than {most} may be away at once: repair them, or delete their Nodes if "
        "they are gone"
    )


def _nobody_else_works(run: Run, worker: Worker, found: Sequence[NodeObject]) -> None:
    """Nor has anybody brought it above the target: no kubelet goes back."""
    newer = [node for node in found if node.uid == worker.uid and node.kubelet > run.plan.cluster.to]
    if newer:
        raise StepError(f"{worker.name} is at {newer[0].kubelet}, above the target", fix="plan again")
    if NoUpgradeInProcess.NAME in _waived(run.plan):
        return
    for node in found:
        marked = somebodys_mark(node, run.fence.run[:8]) if node.uid == worker.uid else None
        if marked:
            raise StepError(
                f"{node.name} {marked}", fix="let that upgrade end, or remove what is left of it, then run apply again"
            )


def _down(run: Run, worker: Worker, nodes: Sequence[NodeObject], *, begun: bool) -> list[str]:
    """Of the worker's pool, but for those that are being worked on."""
    run8 = run.fence.run[:8]
    begun = begun and is_away(run, worker, nodes)
    excused = run.working_on | ({worker.name} if begun else set())
    troubled = (node for node in nodes if not node.ready or (not begun and _left(node, run8)))
    pool = worker.pool.name
    return [node.name for node in troubled if run.pool_of.get(node.uid) == pool and node.name not in excused]


def is_away(run: Run, worker: Worker, nodes: Sequence[NodeObject]) -> bool:
    """Is it down, or cordoned by this run?"""
    return any(node.uid == worker.uid and (not node.ready or _left(node, run.fence.run[:8])) for node in nodes)


def _left(node: NodeObject, run8: str) -> bool:
    """Cordoned by this run, which does not work there any more."""
    return node.cordoned and node.annotations.get(CORDON_ANNOTATION) == run8


def at_once(stage: Stage, pool_size: int) -> int:
    """How many targets a stage takes at a time; a share is rounded down, at least 1."""
    return nodes_of(stage.max_unavailable or "1", pool_size)
