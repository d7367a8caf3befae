"""The plan file argument of several commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from kubectl_upgrade.model.errors import UsageError

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Plan

PlanFile: TypeAlias = Annotated[Path, typer.Argument(metavar="PLAN", help="The plan file, as `plan` wrote it.")]


def load_plan(path: Path) -> Plan:
    """Read and judge; UsageError when there is no such file, PlanError when it is no safe plan."""
    from kubectl_upgrade.planfile.read import load

    return load(plan_bytes(path), str(path))


def plan_bytes(path: Path) -> bytes:
    """The file as it is; UsageError when there is none."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"the plan {path} cannot be read: {error.strerror}", fix="make one: kubectl upgrade-cp plan > p.yaml"
        ) from error
