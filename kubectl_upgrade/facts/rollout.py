"""How far a MachineDeployment's rollout is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.machines import Rollout

if TYPE_CHECKING:
    from kubectl_upgrade.world import Json


def rollout(raw: Json) -> Rollout:
    """v1beta2 counts `upToDateReplicas`, the others `updatedReplicas`; what nobody has counted yet is none."""
    status = raw.get("status") or {}
    wanted = (raw.get("spec") or {}).get("replicas")
    updated = status.get("upToDateReplicas", status.get("updatedReplicas"))
    return Rollout(
        observed=int(status.get("observedGeneration") or 0) >= int(raw["metadata"].get("generation", 0)),
        wanted=1 if wanted is None else int(wanted),
        replicas=int(status.get("replicas") or 0),
        updated=int(updated or 0),
        ready=int(status.get("readyReplicas") or 0),
        available=int(status.get("availableReplicas") or 0),
    )
