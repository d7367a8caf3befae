"""`validate`: is this a safe plan? Without any cluster."""

from __future__ import annotations

import typer

from kubectl_upgrade.cli.plan_file import PlanFile, load_plan


def validate(file: PlanFile) -> None:
    """Check a plan file against schema and invariants, and print its digest; contacts nothing."""
    from kubectl_upgrade.planfile.digest import digest

    plan = load_plan(file)
    typer.echo(f"{file}: valid, {plan.cluster.from_} -> {plan.cluster.to}")
    typer.echo(f"digest {digest(plan)}")
