"""MachineDeployments and topologies as the plan pins them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.machines import ClusterTopology, MachineDeployment
from kubectl_upgrade.model.words import natural
from kubectl_upgrade.planner.hops import ManagedEntries

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.machines import DeploymentObject


def managed_of(facts: Facts) -> ManagedEntries:
    """Those of this cluster that can move; what is left alone the check machine-deployments tells."""
    chosen = [entry for one in facts.machines.deployments if (entry := entry_of(one)) is not None]
    return ManagedEntries(
        tuple(sorted(chosen, key=lambda entry: (entry.namespace, natural(entry.name)))),
        tuple(
            ClusterTopology(namespace=one.namespace, name=one.name, uid=one.uid, api=one.api, version=one.topology)
            for one in sorted(facts.machines.topologies, key=lambda one: (one.namespace, natural(one.name)))
            if one.topology is not None and not one.paused
        ),
    )


def entry_of(one: DeploymentObject) -> MachineDeployment | None:
    """As the plan pins it; None for one that cannot be moved."""
    if one.version is None or one.paused or one.strategy not in {"RollingUpdate", "OnDelete"}:
        return None
    return MachineDeployment(
        namespace=one.namespace,
        name=one.name,
        uid=one.uid,
        api=one.api,
        replicas=one.rollout.wanted,
        version=one.version,
        strategy="OnDelete" if one.strategy == "OnDelete" else "RollingUpdate",
        max_surge=one.max_surge,
        max_unavailable=one.max_unavailable,
        owner=one.owner,
        topology=one.topology,
    )
