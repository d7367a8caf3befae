"""`show`: a plan as one step after the other, with what each runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kubectl_upgrade.cli.left_behind import left_behind_lines
from kubectl_upgrade.cli.plan_file import PlanFile, load_plan

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Hop, Plan, Stage
    from kubectl_upgrade.steps.base import Step, Target


def show(
    file: PlanFile,
    *,
    text: Annotated[
        bool,
        typer.Option(
            "--text", help="Print all that is installed on a node for this plan: its actions and what they share."
        ),
    ] = False,
) -> None:
    """Print every step on every node in order, with the action and the arguments that it runs there."""
    from kubectl_upgrade.planfile.digest import digest

    plan = load_plan(file)
    typer.echo(f"{plan.cluster.name}: {plan.cluster.from_} -> {plan.cluster.to}")
    typer.echo(f"digest {digest(plan)}")
    for waiver in plan.waivers:
        errors = f", kubeadm may ignore {', '.join(waiver.kubeadm_errors)}" if waiver.kubeadm_errors else ""
        typer.echo(f"waived until {waiver.until}: {waiver.check} ({waiver.reason}){errors}")
    for line in left_behind_lines(plan):
        typer.echo(line)
    actions: dict[str, None] = {}
    for hop in plan.hops:
        for stage in hop.stages:
            _show_stage(plan, hop, stage, actions)
    if text:
        from kubectl_upgrade import node

        shared = [path for path in node.bundle() if not path.startswith("actions/")]
        for path in [*(f"actions/{name}.sh" for name in actions), *shared]:
            typer.echo(f"\n===== {path} =====\n{node.bundle()[path].decode()}")


def _show_stage(plan: Plan, hop: Hop, stage: Stage, actions: dict[str, None]) -> None:
    from kubectl_upgrade.planfile.build_step import build_step
    from kubectl_upgrade.planfile.targets import targets_of

    share = f", at most {stage.max_unavailable} at once" if stage.max_unavailable else ""
    steps = [build_step(planned) for planned in stage.steps]
    lines = [f"\n{hop.to}/{stage.stage}{share}"]
    lines += [
        f"  {target.name:<12} {step.TITLE}{_runs(plan, step, target, actions)}"
        for target in targets_of(plan, hop, stage)
        for step in steps
    ]
    if stage.after and stage.after.soak_seconds:
        lines.append(f"  then soaks for {stage.after.soak_seconds} s")
    if stage.after and stage.after.pause:
        lines.append("  then pauses until apply is run again")
    # at once: of 5,000 workers there are 60,000 lines
    typer.echo("\n".join(lines))


def _runs(plan: Plan, step: Step, target: Target, actions: dict[str, None]) -> str:
    from kubectl_upgrade.steps.base import WholeCluster

    if isinstance(target, WholeCluster):
        return ""
    action = step.action(target, plan.cluster_configuration)
    if action is None:
        return ""
    actions[action.name] = None
    return f"  [{' '.join((action.name, *action.args))}]"
