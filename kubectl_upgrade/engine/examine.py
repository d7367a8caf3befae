"""Does a plan still fit its cluster, and do the checks let it pass?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import Judgement, blockers, judge
from kubectl_upgrade.checks.no_upgrade_in_process import NoUpgradeInProcess
from kubectl_upgrade.engine.adopt import disturbed, preparing, settled_targets, steps_by_units
from kubectl_upgrade.engine.marks import worked_on
from kubectl_upgrade.engine.waiting import LOOK_SECONDS, patiently
from kubectl_upgrade.facts.gather import gather, probe_hosts
from kubectl_upgrade.model.errors import AccessError, PlanError, PreflightError
from kubectl_upgrade.model.facts import HostFacts
from kubectl_upgrade.model.run_record import RunRecord
from kubectl_upgrade.planfile.build_step import build_step
from kubectl_upgrade.planfile.drift import drift_of
from kubectl_upgrade.planfile.expected import Progress
from kubectl_upgrade.planfile.targets import targets_of
from kubectl_upgrade.steps.base import Managed
from kubectl_upgrade.steps.drain_node import DrainNode
from kubectl_upgrade.steps.pin_etcd import PinEtcd
from kubectl_upgrade.world import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_upgrade.engine.history import History
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.plan import Hop, Plan, PoolNode
    from kubectl_upgrade.world import World

# what may be wrong with a node that this run works on, until its own waits judge it
_WHILE_WORKED_ON = frozenset({"node-answers", "nodes-ready", "nodes-reachable", "version-skew"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """The cluster fits the plan."""

    judgements: tuple[Judgement, ...]
    notes: tuple[str, ...]
    """for the operator: who is skipped or left alone, and why"""
    absent: frozenset[str]
    """uids of the plan's workers and MachineDeployments that are skipped"""
    begun: frozenset[str]
    """names of nodes and rollouts that the run has begun, by its journal or by what it left on them"""
    prepared: frozenset[str]
    """names of those where it has done nothing but prepare, by what it left on them"""
    settled: tuple[str, ...]
    """`hop/stage/target`s that are done, as the nodes prove"""


async def examine(world: World, plan: Plan, history: History | None = None, *, run: str = "") -> Examined:
    """Gather, compare with the pins, judge.

    `history`: of the run that goes on, or `run`: its id, when its history is elsewhere; neither for a new one.

    PlanError when the plan is stale or a waiver has ended, AccessError when a control plane cannot be compared,
    PreflightError when a check blocks. A run that has begun, and not only prepared, is not stopped by a worker: it
    is skipped or waited for.
    """
    run = history.journal.run if history else run
    # an API server may stop just now: this run's own, when a client died in the middle of it
    facts = await patiently(world.clock, lambda: gather(world, target=plan.cluster.to), LOOK_SECONDS)
    known = begun = disturbed(plan, history) if history else frozenset[str]()
    prepared: frozenset[str] = frozenset()
    if run:
        facts = await _with_suspects(world, plan, facts, begun)
        signs, prepared = _bearing_signs(plan, facts, run)
        begun |= signs
    whole = history is not None and begun == known and not _half_done(plan, history)
    half_done = frozenset[str]() if whole else begun
    if not half_done:
        _in_date(world, plan)
    settled = settled_targets(plan, run, facts)
    drifts = drift_of(plan, facts, _progress(plan, facts, run, history, begun, settled))
    if drifts.unknown:
        raise AccessError(
            f"the cluster cannot be compared with the plan now:\n{_indented(drifts.unknown)}",
            fix="run apply again when the nodes named above answer",
        )
    if drifts.refused:
        raise PlanError(
            f"the plan is stale, the cluster has changed since it was made:\n{_indented(drifts.refused)}",
            fix="end this run with `kubectl upgrade-cp abort`, then make a new plan" if begun else "make a new plan",
        )
    waived = frozenset(waiver.check for waiver in plan.waivers)
    judgements = judge(facts, _aim(plan, facts, run), waived)
    stops = _stops(judgements, facts, half_done)
    if stops:
        raise PreflightError(f"{len(stops)} finding(s) block:\n{_indented(stops)}", fix="mend what they name")
    # what is left is told, and waits of the run itself judge it
    told = tuple(replace(j, result="warn") if j.result == "blocker" else j for j in judgements)
    skipped = {worker.name: worker for worker in drifts.skipped}
    absent = frozenset(target.uid for target in _may_leave(plan) if target.name in skipped)
    notes = [f"{worker.name} {worker.why}: skipped" for worker in drifts.skipped]
    notes += [f"{name} is not in the plan: left alone" for name in drifts.new]
    return Examined(
        judgements=told,
        notes=tuple(notes),
        absent=absent,
        begun=begun,
        prepared=prepared - begun,
        settled=settled,
    )


def _may_leave(plan: Plan) -> Iterator[PoolNode | Managed]:
    """What is skipped when it is gone."""
    yield from (worker for pool in plan.pools for worker in pool.nodes)
    yield from map(Managed.of, plan.managed)


def _half_done(plan: Plan, history: History) -> bool:
    """Is a hop begun and not done? Between two hops a cluster is whole, and may be left so: all that would stop a new
    run stops this one there. When every hop is done, cleaning up is left, which nothing shall stop.
    """
    left = [hop for hop in plan.hops if not _is_done(plan, history, hop)]
    return bool(history.adopted) or not left or any(disturbed(plan, history, hop) for hop in left)


def _is_done(plan: Plan, history: History, hop: Hop) -> bool:
    subjects = (
        f"{hop.to}/{stage.stage}/{target.name}" for stage in hop.stages for target in targets_of(plan, hop, stage)
    )
    return history.targets_done.issuperset(subjects)


def _aim(plan: Plan, facts: Facts, run: str) -> Aim:
    """Where the plan leads, and what a person made of its drains."""
    drains = [step for hop in plan.hops for stage in hop.stages for step in stage.steps if step.do == DrainNode.NAME]
    keeps = any(step.with_.get("unmanagedPods") != "delete" for step in drains)
    stops = tuple(hop.to for hop in plan.hops[:-1])
    planned = {worker.name for pool in plan.pools for worker in pool.nodes}
    return Aim(
        plan.cluster.to,
        run[:8],
        stops=stops,
        drains=bool(drains),
        keeps_unmanaged=keeps,
        etcd_tags=dict(_etcd_tags(plan)),
        left_out=frozenset(node.name for node in facts.workers) - planned - set(facts.machines.owners),
    )


def _etcd_tags(plan: Plan) -> Iterator[tuple[str, str]]:
    """Where the plan brings etcd before a hop; that every older member goes there is an invariant."""
    for hop in plan.hops:
        for stage in hop.stages:
            for step in map(build_step, stage.steps):
                if isinstance(step, PinEtcd):
                    yield hop.to.line.removeprefix("v"), step.tag


def _progress(  # noqa: PLR0913, PLR0917 - all that says how far a run is
    plan: Plan, facts: Facts, run: str, history: History | None, begun: frozenset[str], settled: tuple[str, ...]
) -> Progress:
    """By the journal, and by what the nodes prove."""
    done = history.steps_done if history else set()
    targets_done = history.targets_done if history else set()
    return Progress(
        run8=run[:8],
        begun=begun,
        steps_done=frozenset(done | steps_by_units(plan, run, facts.hosts)),
        targets_done=frozenset({*targets_done, *settled}),
    )


def _bearing_signs(plan: Plan, facts: Facts, run: str) -> tuple[frozenset[str], frozenset[str]]:
    """Nodes with this run's label, cordon or unit, rollouts with its word, and nodes with units that prepare: what is
    on the node is known also when every journal is lost.
    """
    marked = {node.name for node in facts.nodes if worked_on(node, run[:8])}
    rolling = facts.machines.rolled_out_by
    marked |= {target.name for target in map(Managed.of, plan.managed) if rolling.get(target.uid) == run[:8]}
    prepared: set[str] = set()
    harmless = preparing(plan, run)
    for name, host in facts.hosts.items():
        record = host.run if isinstance(host, HostFacts) else None
        if isinstance(record, RunRecord) and record.run == run and record.units:
            only_prepared = {unit.unit.rpartition("-")[0] for unit in record.units} <= harmless
            (prepared if only_prepared else marked).add(name)
    return frozenset(marked), frozenset(prepared)


async def _with_suspects(world: World, plan: Plan, facts: Facts, begun: frozenset[str]) -> Facts:
    """Ask also those workers which are not as the plan knows them and were not asked: was it this run?"""
    kubelets = {node.name: node.kubelet for node in facts.workers}
    suspects = [
        Machine(worker.name, worker.address)
        for pool in plan.pools
        for worker in pool.nodes
        if worker.name not in begun | facts.hosts.keys() and kubelets.get(worker.name, pool.kubelet) != pool.kubelet
    ]
    return replace(facts, hosts={**facts.hosts, **await probe_hosts(world.nodes, suspects, ("run",))})


def _in_date(world: World, plan: Plan) -> None:
    today = world.clock.now().date().isoformat()
    for waiver in plan.waivers:
        if waiver.until < today:
            raise PlanError(
                f"the waiver of {waiver.check} ended on {waiver.until} ({waiver.reason})",
                fix="mend what was waived, or plan again with a new waiver",
            )


def _stops(judgements: Sequence[Judgement], facts: Facts, begun: frozenset[str]) -> list[Judgement]:
    """Before the first change every blocker; afterwards those of control planes and of the cluster, for a half-done hop
    is worse than a sick worker, which the gate of its pool counts.
    """
    if not begun:
        return list(blockers(judgements))
    workers = {node.name for node in facts.nodes if not node.control_plane}
    return [j for j in blockers(judgements) if not _excused(j, workers, begun)]


def _excused(judgement: Judgement, workers: set[str], begun: frozenset[str]) -> bool:
    node = judgement.finding.node if judgement.finding else None
    if judgement.check == NoUpgradeInProcess.NAME:
        return False  # two upgrades at once are worse than one that waits
    if CHECKS[judgement.check].ONLY_BEFORE:
        return True
    return node in workers or (node in begun and judgement.check in _WHILE_WORKED_ON)


def _indented(lines: Sequence[object]) -> str:
    return "\n".join(f"  {line}" for line in lines)
