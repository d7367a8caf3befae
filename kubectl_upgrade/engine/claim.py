"""Taking the lock and the fences: for a new run, for one that goes on, and for one that is taken over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.engine import lock
from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.history import History
from kubectl_upgrade.engine.marks import worked_on
from kubectl_upgrade.engine.run import Run
from kubectl_upgrade.engine.together import together
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.facts.gather import probe_hosts
from kubectl_upgrade.facts.nodes import read_nodes
from kubectl_upgrade.model.errors import ConflictError, LockedError, NodeUnreachableError, NotFoundError
from kubectl_upgrade.model.facts import HostFacts, Unknown
from kubectl_upgrade.model.names import EPOCH_ANNOTATION
from kubectl_upgrade.model.run_record import RunRecord
from kubectl_upgrade.model.words import some_of
from kubectl_upgrade.planfile.digest import digest
from kubectl_upgrade.planfile.targets import node_targets
from kubectl_upgrade.planfile.write import write
from kubectl_upgrade.steps.base import machine
from kubectl_upgrade.world import Fence

if TYPE_CHECKING:
    from kubectl_upgrade.engine.apply import Applying
    from kubectl_upgrade.model.facts import Maybe, NodeObject
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.steps.base import NodeTarget
    from kubectl_upgrade.world import Journal, World


async def enter(world: World, plan: Plan, journal: Journal, applying: Applying, epoch: int = 0) -> Run:
    """A Run on this journal, at this epoch or the journal's own; nothing is taken yet."""
    history = await History.load(journal, world.clock)
    if journal.damaged:
        applying.watch(Note(f"the journal was damaged; what could not be read is in {journal.damaged}"))
    if not history.digest:
        await history.record("run-begins", digest(plan), plan=write(plan))
    if epoch > history.epoch:
        await history.record("takes-over", str(epoch))
    fence = Fence(journal.run, history.epoch, lock.owner(journal.nonce))
    return Run(world=world, plan=plan, fence=fence, history=history, watch=applying.watch, stop=applying.stop)


async def take_lock(run: Run, who: str, *, create: bool) -> lock.Holder:
    """Create the lock (if it may be that there is none), or find it to be this run's; LockedError when somebody else
    holds it.
    """
    since = run.world.clock.now().isoformat(timespec="seconds")
    journal = run.history.journal
    wanted = lock.Claim(fence=run.fence, nonce=journal.nonce, plan=digest(run.plan), who=who, since=since)
    try:
        return await patiently(run.world.clock, lambda: lock.take(run.world.cluster, wanted, create=create))
    except LockedError:
        if not run.history.nodes_begun():
            await journal.finish()
        raise


async def take_nodes(run: Run, without: frozenset[str] = frozenset()) -> None:
    """Raise the fence on every control plane (but those `without`); after a take-over also keep the old client off the
    nodes in flight.
    """
    fenced = [node for node in run.plan.control_planes if node.name not in without]
    await together(run.fence_node, fenced)
    try:
        await patiently(run.world.clock, lambda: lock.demand(run.world.cluster, run.fence))
    except LockedError:
        await together(run.take_fence_back, fenced)
        raise
    epoch = str(run.fence.epoch)
    if run.fence.epoch > 1 and epoch not in run.history.taken_over:
        nodes = await patiently(run.world.clock, lambda: read_nodes(run.world.cluster))
        in_flight = {node.name: node for node in nodes if worked_on(node, run.fence.run[:8])}
        targets = [target for target in node_targets(run.plan) if target.name in in_flight]
        await together(lambda target: _keep_off(run, target, in_flight[target.name], without), targets)
        await run.history.record("taken-over", epoch)


async def _keep_off(run: Run, target: NodeTarget, node: NodeObject, without: frozenset[str]) -> None:
    """A worker may be dead: the lock keeps the old client off it too, and its own steps raise its fence later."""
    try:
        if target.name not in without:
            await run.fence_node(target)
    except NodeUnreachableError as error:
        run.watch(Note(f"{target.name} does not answer, so that its fence is not raised yet: {error.message}"))
    await _annotate(run, node)


async def take_workers(run: Run, without: frozenset[str] = frozenset()) -> None:
    """Find every worker that bears a sign of the run (label, cordon, fence), remember it, and raise its fence where it
    answers; those `without` are not asked.

    For a run that is to be ended. Asks all of them, whatever the journal says: it may be elsewhere, have been damaged,
    or be an old copy.
    """
    targets = node_targets(run.plan)
    hosts = await probe_hosts(run.world.nodes, [machine(t) for t in targets if t.name not in without], ("run",))
    nodes = await patiently(run.world.clock, lambda: read_nodes(run.world.cluster))
    signs = {node.name for node in nodes if worked_on(node, run.fence.run[:8])}
    signs |= {name for name, host in hosts.items() if _fenced_by(host, run.fence.run)}
    signed = [target for target in targets if target.name in signs]
    for target in signed:
        if target.name not in run.history.nodes_begun():
            await run.history.record("adopted", target.name)
    await together(run.fence_node, [target for target in signed if isinstance(hosts.get(target.name), HostFacts)])
    unknown = [n.name for n in nodes if isinstance(hosts.get(n.name), Unknown) and n.name not in signs]
    if silent := sorted(set(unknown) - run.history.nodes_begun()):
        run.watch(Note(f"what is ours there could not be read, for they do not answer: {some_of(silent, 10)}"))


def _fenced_by(host: Maybe[HostFacts], run: str) -> bool:
    record = host.run if isinstance(host, HostFacts) else None
    return isinstance(record, RunRecord) and record.run == run


async def _annotate(run: Run, node: NodeObject) -> None:
    """Change the Node, so that a patch which the old client prepared for its former state fails with 409."""
    said = {EPOCH_ANNOTATION: f"{run.fence.run[:8]}-{run.fence.epoch}"}
    body = {"metadata": {"uid": node.uid, "annotations": said}}
    try:
        await patiently(run.world.clock, lambda: run.cluster.patch(f"/api/v1/nodes/{node.name}", body))
    except (NotFoundError, ConflictError):
        return  # it has left the cluster
