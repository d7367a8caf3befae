"""What of a run the nodes themselves prove, for whoever goes on without its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.engine.actions import unit_stem
from kubectl_upgrade.model.facts import HostFacts
from kubectl_upgrade.model.names import CORDON_ANNOTATION
from kubectl_upgrade.model.plan import ControlPlane, StepId
from kubectl_upgrade.model.run_record import RunRecord
from kubectl_upgrade.planfile.build_step import build_step, is_harmless
from kubectl_upgrade.planfile.targets import targets_of
from kubectl_upgrade.steps.base import WholeCluster, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_upgrade.engine.history import Past
    from kubectl_upgrade.model.facts import Facts, Maybe
    from kubectl_upgrade.model.plan import Hop, Plan, Stage
    from kubectl_upgrade.steps.base import NodeTarget, Target


def settled_targets(plan: Plan, run: str, facts: Facts) -> tuple[str, ...]:
    """Subjects (`hop/stage/target`) that must have been done, since a later target was begun: a node knows a unit of
    it, or a control plane bears the run's cordon.

    Hops, the stages of control planes and of the cluster, and the targets within a stage of control planes come one
    after the other. Workers may be chosen in any order (`--only`), and targets of a parallel stage end in any order, so
    that each is judged by its own records.
    """
    walked = list(_walk(plan))
    begun = [
        index
        for index, (hop, stage, target) in enumerate(walked)
        if not isinstance(target, WholeCluster)
        and _stems(plan, run, hop, stage, target) & _units(facts.hosts, run, target)
    ]
    last = _drained(walked, run, facts, begun[-1] if begun else -1)
    if last < 0:
        return ()
    last_hop = walked[last][0]
    return tuple(
        f"{hop.to}/{stage.stage}/{target.name}"
        for hop, stage, target in walked[:last]
        if hop != last_hop or not (stage.parallel or isinstance(target, Worker))
    )


def _drained(walked: Sequence[tuple[Hop, Stage, Target]], run: str, facts: Facts, last: int) -> int:
    """The target in flight: `last`, or after it a control plane that is cordoned already and knows no unit yet."""
    cordoned = {node.name for node in facts.nodes if node.annotations.get(CORDON_ANNOTATION) == run[:8]}
    drains = [
        index
        for index, (_, stage, target) in enumerate(walked)
        if isinstance(target, ControlPlane)
        and target.name in cordoned
        and any(step.do == "drain-node" for step in stage.steps)
    ]
    return last if last in drains else next((index for index in drains if index > last), last)


def steps_by_units(plan: Plan, run: str, hosts: Mapping[str, Maybe[HostFacts]]) -> set[str]:
    """Ids of the steps whose action has succeeded, as the nodes' own records say."""
    succeeded = {
        unit.unit.rpartition("-")[0]
        for host in hosts.values()
        if isinstance(host, HostFacts) and isinstance(host.run, RunRecord) and host.run.run == run
        for unit in host.run.units
        if (unit.state, unit.exit_code) == ("exited", 0)
    }
    if not succeeded:
        return set()
    ids = (
        StepId(str(hop.to), stage.stage, target.name, planned.name)
        for hop, stage, target in _walk(plan)
        for planned in stage.steps
    )
    return {str(step_id) for step_id in ids if unit_stem(run, step_id) in succeeded}


def preparations(plan: Plan) -> frozenset[str]:
    """`hop/stage` of each stage that only prepares."""
    return frozenset(f"{hop.to}/{stage.stage}" for hop in plan.hops for stage in hop.stages if is_harmless(stage))


def disturbed(plan: Plan, history: Past, hop: Hop | None = None) -> frozenset[str]:
    """Names of nodes that the run has begun to take apart, in this hop or in any: in a stage that only prepares,
    nothing is. What was adopted may have been begun in any of them.
    """
    harmless = preparations(plan)
    subjects = history.targets_begun if hop is None else begun_in(history, hop)
    split = (subject.rpartition("/") for subject in subjects)
    return frozenset(name for stage, _, name in split if stage not in harmless) | history.adopted


def begun_in(history: Past, hop: Hop) -> frozenset[str]:
    """Subjects of the hop's targets that were begun."""
    return frozenset(subject for subject in history.targets_begun if subject.startswith(f"{hop.to}/"))


def preparing(plan: Plan, run: str) -> frozenset[str]:
    """Stems of all units that only prepare."""
    return frozenset(
        unit_stem(run, StepId(str(hop.to), stage.stage, target.name, planned.name))
        for hop, stage, target in _walk(plan)
        if is_harmless(stage)
        for planned in stage.steps
    )


def _walk(plan: Plan) -> Iterator[tuple[Hop, Stage, Target]]:
    for hop in plan.hops:
        for stage in hop.stages:
            for target in targets_of(plan, hop, stage):
                yield hop, stage, target


def _stems(plan: Plan, run: str, hop: Hop, stage: Stage, target: NodeTarget) -> set[str]:
    """Of the units that the target's actions have in this stage."""
    return {
        unit_stem(run, StepId(str(hop.to), stage.stage, target.name, planned.name))
        for planned in stage.steps
        if build_step(planned).action(target, plan.cluster_configuration) is not None
    }


def _units(hosts: Mapping[str, Maybe[HostFacts]], run: str, target: NodeTarget) -> set[str]:
    """Stems of the run's units that the node knows."""
    host = hosts.get(target.name)
    record = host.run if isinstance(host, HostFacts) else None
    if not isinstance(record, RunRecord) or record.run != run:
        return set()
    return {unit.unit.rpartition("-")[0] for unit in record.units}
