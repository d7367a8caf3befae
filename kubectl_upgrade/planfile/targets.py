"""Which nodes a stage works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.machines import ClusterTopology
from kubectl_upgrade.model.plan import PoolTargets
from kubectl_upgrade.steps.base import Managed, Target, WholeCluster, Worker

if TYPE_CHECKING:
    from kubectl_upgrade.model.machines import MachineDeployment
    from kubectl_upgrade.model.plan import Hop, Plan, Pool, Stage
    from kubectl_upgrade.steps.base import NodeTarget

# targets that controllers of the cluster replace node by node
MANAGED = frozenset({"machineDeployments", "clusterTopologies"})


def node_targets(plan: Plan) -> tuple[NodeTarget, ...]:
    """Every node of the plan: control planes, then workers pool by pool."""
    return (*plan.control_planes, *(Worker(node, pool) for pool in plan.pools for node in pool.nodes))


def targets_of(plan: Plan, hop: Hop, stage: Stage) -> tuple[Target, ...]:
    """The stage's targets in the order in which they start."""
    return targets_of_hop(plan, hop)[hop.stages.index(stage)]


def targets_of_hop(plan: Plan, hop: Hop) -> tuple[tuple[Target, ...], ...]:
    """The targets of each stage of the hop.

    `all` is the control planes, then the workers. A pool's stage takes those of its nodes, in their order, that no
    earlier stage of the hop on that pool took. Names that the plan has not are left out: load refuses such a plan.
    """
    pools = {pool.name: tuple(Worker(node, pool) for node in pool.nodes) for pool in plan.pools}
    everyone = node_targets(plan)
    by_name: dict[str, Target] = {target.name: target for target in everyone}
    taken = dict.fromkeys(pools, 0)
    stages: list[tuple[Target, ...]] = []
    for stage in hop.stages:
        chosen = stage.targets
        if isinstance(chosen, PoolTargets):
            start = taken.get(chosen.pool, 0)
            nodes = pools.get(chosen.pool, ())[start:][: chosen.count]
            taken[chosen.pool] = start + len(nodes)
            stages.append(nodes)
        elif isinstance(chosen, tuple):
            stages.append(tuple(by_name[name] for name in chosen if name in by_name))
        elif chosen in MANAGED:
            stages.append(_managed(plan, hop, chosen))
        else:
            stages.append(everyone if chosen == "all" else (WholeCluster(chosen),))
    return tuple(stages)


def _managed(plan: Plan, hop: Hop, chosen: str) -> tuple[Managed, ...]:
    """Those below the hop's version. What a topology owns moves with its Cluster alone."""
    entries: tuple[MachineDeployment | ClusterTopology, ...] = plan.cluster_topologies
    if chosen == "machineDeployments":
        entries = tuple(entry for entry in plan.machine_deployments if not entry.topology)
    return tuple(Managed.of(entry) for entry in entries if entry.version < hop.to)


def rolled_out(plan: Plan, hop: Hop) -> tuple[MachineDeployment, ...]:
    """MachineDeployments whose Machines are replaced in this hop, by themselves or with their Cluster."""
    moved = {
        target.entry
        for stage, targets in zip(hop.stages, targets_of_hop(plan, hop), strict=True)
        if stage.targets in MANAGED
        for target in targets
        if isinstance(target, Managed)
    }
    clusters = {(entry.namespace, f"Cluster/{entry.name}") for entry in moved if isinstance(entry, ClusterTopology)}
    return tuple(
        entry
        for entry in plan.machine_deployments
        if entry in moved or (entry.topology and (entry.namespace, entry.owner) in clusters)
    )


def _moved(plan: Plan, hop: Hop) -> frozenset[str]:
    """Names of nodes that get a kubelet in this hop."""
    return frozenset(
        target.name
        for stage, targets in zip(hop.stages, targets_of_hop(plan, hop), strict=True)
        if any(step.do == "install-kubelet" for step in stage.steps)
        for target in targets
    )


def staying_pools(plan: Plan, hop: Hop) -> tuple[Pool, ...]:
    """Those of which no node gets a kubelet in this hop, as they were when the plan was made."""
    moved = _moved(plan, hop)
    return tuple(pool for pool in plan.pools if not any(node.name in moved for node in pool.nodes))


def left_behind(plan: Plan) -> tuple[str, ...]:
    """Names of nodes, and of MachineDeployments, whose kubelets no stage brings to the plan's target, though they are
    not there yet.
    """
    last = [hop for hop in plan.hops if hop.to == plan.cluster.to]
    reached = {name for hop in last for name in _moved(plan, hop)}
    reached |= {Managed.of(entry).name for hop in last for entry in rolled_out(plan, hop)}
    kubelets = {node.name: node.versions.kubelet for node in plan.control_planes}
    kubelets |= {node.name: pool.kubelet for pool in plan.pools for node in pool.nodes}
    kubelets |= {Managed.of(entry).name: entry.version for entry in plan.machine_deployments}
    return tuple(name for name, kubelet in kubelets.items() if kubelet != plan.cluster.to and name not in reached)
