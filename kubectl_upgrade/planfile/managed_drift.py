"""How MachineDeployments and topologies differ from what the plan pins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.steps.base import Managed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.machines import ClusterTopology, MachineDeployment
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.model.version import Version


def managed_skipped(plan: Plan, facts: Facts, begun: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Name and why: this plan cannot upgrade it any more. What could not be read is judged by its step.

    `begun`: names of targets that the run has begun to work on. Of one whose rollout is under way it may be that no
    Machine is a node: its step sees whether the object itself is gone.
    """
    if facts.machines.unread:
        return
    found: dict[tuple[str, str, str], tuple[str, Version | None, str]] = {
        ("MachineDeployment", one.namespace, one.name): (one.uid, one.version, one.paused)
        for one in facts.machines.deployments
    }
    found |= {
        ("Cluster", one.namespace, one.name): (one.uid, one.topology, "it" if one.paused else "")
        for one in facts.machines.topologies
    }
    for kind, entries in (("MachineDeployment", plan.machine_deployments), ("Cluster", plan.cluster_topologies)):
        for entry in entries:
            now = found.get((kind, entry.namespace, entry.name))
            why = _why(plan, entry, now, begun)
            if why:
                yield Managed.of(entry).name, why


def _why(
    plan: Plan,
    entry: MachineDeployment | ClusterTopology,
    now: tuple[str, Version | None, str] | None,
    begun: frozenset[str],
) -> str:
    started = Managed.of(entry).name in begun
    if now is None:
        return "" if started else "has left the cluster"
    uid, version, paused = now
    if uid != entry.uid:
        return "was replaced since the plan was made"
    if version is None:
        return "says no version any more"
    if version > plan.cluster.to:
        return f"is at {version} by now, above the target"
    if version != entry.version and not started:
        return f"is at {version} by now, the plan knows it at {entry.version}"
    return f"is paused by {paused}" if paused and not started else ""
