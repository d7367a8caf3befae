"""What a run is doing: from the cluster, or from the nodes alone when the API is away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kubectl_upgrade.engine import lock
from kubectl_upgrade.engine.history import Past
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.facts.gather import MANY_WORKERS, NAMESPACE, probe_hosts, sample
from kubectl_upgrade.facts.nodes import read_nodes
from kubectl_upgrade.model.errors import AccessError, ApiError, UsageError
from kubectl_upgrade.model.facts import HostFacts, Unknown
from kubectl_upgrade.model.names import CORDON_ANNOTATION, RUN_LABEL
from kubectl_upgrade.model.run_record import LastOutput, RunRecord
from kubectl_upgrade.planfile.read import read
from kubectl_upgrade.planfile.targets import node_targets
from kubectl_upgrade.world import Machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_upgrade.model.facts import Maybe, NodeObject
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.model.run_record import UnitRecord
    from kubectl_upgrade.world import KnownRun, World

_API_SECONDS = 10
_FACTS = ("run", "last-output")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """One node that a run holds or works on."""

    name: str
    said: str
    """`no answer: …` when ssh does not get through, else empty"""
    run: str
    """run id in its fence, empty when there is none"""
    ready: bool | None
    """None without the API"""
    cordoned_by_run: bool
    working: bool
    """bears a run's label"""
    action: str
    """the newest action with its arguments, empty when none was begun"""
    state: str
    """of that action: `running`, `exited 1`, `interrupted`"""
    since: str
    """when it was started, by the node's clock"""
    output: tuple[str, ...]
    """its last lines"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All of it."""

    api: str
    """`answers`, or why it does not"""
    run: str
    """run id; empty when nothing holds the cluster"""
    epoch: int
    who: str
    since: str
    step: str
    """what the lock says is being done: `hop/stage/target`"""
    ending: str
    plan: str
    """digest"""
    ours: bool
    """this machine's state folder can go on with it"""
    nodes: tuple[NodeStatus, ...]
    next: str
    """what to type now"""


async def status_of(world: World, plan: Plan | None = None) -> Status:
    """Ask the API, then the nodes. Without the API the nodes are those of `plan`, else of the unfinished run that this
    machine knows; UsageError when it knows none or several, AccessError when nothing answers at all.
    """
    known = await world.state.unfinished()
    held: lock.Holder | None = None
    nodes: tuple[NodeObject, ...] = ()
    api = "answers"
    try:
        held = await patiently(world.clock, lambda: lock.holder(world.cluster), _API_SECONDS)
        nodes = await read_nodes(world.cluster)
        uid = (await world.cluster.get(NAMESPACE))["metadata"]["uid"]
        known = [run for run in known if run.cluster_uid == uid]
        machines = [Machine(n.name, n.internal_ip) for n in nodes if n.internal_ip and _concerned(n)]
    except ApiError as error:
        api = error.message
        machines = _machines(plan or _known_plan(known), known)
    hosts = await probe_hosts(world.nodes, machines, _FACTS)
    if api != "answers" and all(isinstance(host, Unknown) for host in hosts.values()):
        raise AccessError(f"neither the API nor any control plane answers: {api}", fix="see the network and the nodes")
    if api == "answers" and held is None and not _fences(hosts):
        hosts |= await _left_on_workers(world, nodes)
    objects = {node.name: node for node in nodes}
    found = tuple(_node(name, host, objects.get(name)) for name, host in hosts.items())
    fences = _fences(hosts)
    run = held.run if held is not None else min((fence.run for fence in fences), default="")
    ours = any(_goes_on(one, held, fences) for one in known if one.run == run)
    return _status(api, held, found, run, ours=ours)


async def _left_on_workers(world: World, nodes: Sequence[NodeObject]) -> dict[str, Maybe[HostFacts]]:
    """Workers with the fence of a run that was ended without them; of many workers a sample is asked."""
    workers = [n for n in nodes if not n.control_plane and not n.windows and n.internal_ip]
    asked = workers if len(workers) <= MANY_WORKERS else sample(workers)
    hosts = await probe_hosts(world.nodes, [Machine(node.name, node.internal_ip) for node in asked], _FACTS)
    return {name: host for name, host in hosts.items() if _fences({name: host})}


def _fences(hosts: Mapping[str, Maybe[HostFacts]]) -> list[RunRecord]:
    records = [host.run for host in hosts.values() if isinstance(host, HostFacts)]
    return [record for record in records if isinstance(record, RunRecord) and record.run]


def _goes_on(known: KnownRun, held: lock.Holder | None, fences: Sequence[RunRecord]) -> bool:
    """May `apply` alone go on with the run here, or has somebody taken it over: in the lock, or on the nodes while the
    API was away?
    """
    past = Past()
    for entry in known.entries:
        past.take(entry)
    owner = lock.owner(known.nonce)
    taken = any(f.run == known.run and f.epoch >= past.epoch and f.owner != owner for f in fences)
    return not taken and (held is None or held.nonce_hash == lock.hashed(known.nonce))


def _concerned(node: NodeObject) -> bool:
    return node.control_plane or RUN_LABEL in node.labels or CORDON_ANNOTATION in node.annotations


def _known_plan(known: Sequence[KnownRun]) -> Plan:
    plans = [entry["plan"] for run in known for entry in run.entries if entry["event"] == "run-begins"]
    if len(plans) != 1:
        raise UsageError(
            f"the API does not answer, and this machine knows {len(plans) or 'no'} unfinished runs",
            fix="give the run's plan, so that its nodes can be asked: kubectl upgrade-cp status PLAN",
        )
    return read(plans[0].encode(), "the run's plan")


def _machines(plan: Plan, known: Sequence[KnownRun]) -> list[Machine]:
    """Control planes, and the workers that the journal has in flight."""
    states: dict[str, str] = {}
    for run in known:
        for entry in run.entries:
            if entry["event"] in {"target-begins", "target-done", "target-skipped"}:
                states[entry["subject"].rpartition("/")[2]] = entry["event"]
    names = {node.name for node in plan.control_planes} | {n for n, s in states.items() if s == "target-begins"}
    return [Machine(target.name, target.address) for target in node_targets(plan) if target.name in names]


def _node(name: str, host: Maybe[HostFacts], node: NodeObject | None) -> NodeStatus:
    record = host if isinstance(host, Unknown) else host.run
    output = host if isinstance(host, Unknown) else host.last_output
    unit = _newest(record) if isinstance(record, RunRecord) else None
    return NodeStatus(
        name=name,
        said=f"no answer: {record.reason}" if isinstance(record, Unknown) else "",
        run=record.run if isinstance(record, RunRecord) else "",
        ready=node.ready if node is not None else None,
        cordoned_by_run=node is not None and node.cordoned and CORDON_ANNOTATION in node.annotations,
        working=node is not None and RUN_LABEL in node.labels,
        action=" ".join(unit.action) if unit is not None else "",
        state=_state(unit) if unit is not None else "",
        since=datetime.fromtimestamp(unit.started, UTC).isoformat(timespec="seconds") if unit is not None else "",
        output=output.lines if isinstance(output, LastOutput) else (),
    )


def _newest(record: RunRecord) -> UnitRecord | None:
    """The one that runs, else the one that was started last."""
    return max(record.units, key=lambda unit: (unit.state == "running", unit.started), default=None)


def _state(unit: UnitRecord) -> str:
    return f"exited {unit.exit_code}" if unit.state == "exited" else unit.state


def _status(api: str, held: lock.Holder | None, nodes: tuple[NodeStatus, ...], run: str, *, ours: bool) -> Status:
    return Status(
        api=api,
        run=run,
        epoch=held.epoch if held is not None else 0,
        who=held.who if held is not None else "",
        since=held.since if held is not None else "",
        step=held.step if held is not None else "",
        ending=held.ending if held is not None else "",
        plan=held.plan if held is not None else "",
        ours=ours,
        nodes=nodes,
        next=_next(run, nodes, ours=ours),
    )


def _next(run: str, nodes: tuple[NodeStatus, ...], *, ours: bool) -> str:
    if not run:
        return "nothing holds the cluster: kubectl upgrade-cp plan"
    busy = [node.name for node in nodes if node.state == "running"]
    going = f"an action runs on {', '.join(busy)} and needs nobody; " if busy else ""
    if ours:
        return f"{going}to go on: kubectl upgrade-cp apply PLAN; to end it: kubectl upgrade-cp abort"
    return (
        f"{going}its operator goes on with: kubectl upgrade-cp apply PLAN; "
        f"if they cannot: kubectl upgrade-cp apply PLAN --take-over {run[:8]}, "
        f"or to end it: kubectl upgrade-cp abort --run {run[:8]} PLAN"
    )
