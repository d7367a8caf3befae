"""Fields of the plan whose values are names in a registry."""

from __future__ import annotations

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.model.plan import ControlPlane, PlannedStep, Pool, Waiver
from kubectl_upgrade.packages import FAMILIES
from kubectl_upgrade.steps import STEPS

# no check but an invariant: a waiver of this name lets kubelets change their minor on nodes that were not drained
DRAIN = "drain"

CHOICES: dict[tuple[type, str], tuple[str, ...]] = {
    (ControlPlane, "packages"): tuple(FAMILIES),
    (Pool, "packages"): tuple(FAMILIES),
    (PlannedStep, "do"): tuple(STEPS),
    (Waiver, "check"): (*CHECKS, DRAIN),
}
