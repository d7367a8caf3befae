"""`validate`: is this a safe plan? Without any cluster."""

from __future__ import annotations

import typer

from kubectl_upgrade.cli.left_behind import left_behind_lines
from kubectl_upgrade.cli.plan_file import PlanFile, plan_bytes


def validate(file: PlanFile) -> None:
    """Check a plan file against schema and invariants, and print its digest; contacts nothing."""
    from kubectl_upgrade.planfile.digest import digest
    from kubectl_upgrade.planfile.validate import validate as judge

    plan = judge(plan_bytes(file), str(file))
    typer.echo(f"{file}: valid, {plan.cluster.from_} -> {plan.cluster.to}")
    typer.echo(f"digest {digest(plan)}")
    for line in left_behind_lines(plan):
        typer.echo(line)
