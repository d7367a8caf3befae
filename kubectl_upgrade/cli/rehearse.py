"""`rehearse`: the same engine over a simulated cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kubectl_upgrade.cli.plan_file import load_plan
from kubectl_upgrade.cli.progress import Progress
from kubectl_upgrade.cli.running import tell
from kubectl_upgrade.model.errors import StoppedError
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.simulation.cluster import ModelCluster

TO = "v1.35.4"


def rehearse(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[PLAN]", help="Rehearse this plan; without one, a sample cluster."),
    ] = None,
    *,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same rehearsal.")] = 0,
    pace: Annotated[
        float, typer.Option("--pace", min=0, help="Simulated seconds per second; 0 is as fast as possible.")
    ] = 60,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what actions print.")] = False,
) -> None:
    """Run a plan on a simulated cluster that looks like the plan's, with the times of a real one; contacts nothing.

    The clock on the left is the simulated one.
    """
    from kubectl_upgrade.simulation import loop
    from kubectl_upgrade.simulation.sample import from_plan, sample

    if file is None:
        tell("# a sample cluster of 3 control planes and 3 workers, simulated")
        loop.run(_sample(sample(seed=seed), verbose=verbose), seed=seed, pace=pace)
    else:
        plan = load_plan(file)
        model = from_plan(plan, seed=seed)
        # the model has a CA of its own: no certificate can be made for a hash
        plan = replace(plan, cluster=replace(plan.cluster, ca_hash=model.ca_hash))
        loop.run(_apply(model, plan, verbose=verbose), seed=seed, pace=pace)


async def _sample(model: ModelCluster, *, verbose: bool) -> None:
    """Plan, show, apply."""
    from kubectl_upgrade.cli.plan import make, write_plan
    from kubectl_upgrade.planner.make_plan import Options
    from kubectl_upgrade.simulation.world import simulated_world

    tell(f"$ kubectl upgrade-cp plan --to {TO} > p.yaml")
    options = Options(waivers={}, waive_until="")
    plan, _ = await make(simulated_world(model), Version.parse(TO), options, "auto")
    write_plan(plan)
    tell("$ kubectl upgrade-cp apply p.yaml")
    await _apply(model, plan, verbose=verbose)


async def _apply(model: ModelCluster, plan: Plan, *, verbose: bool) -> None:
    """Apply; where the plan pauses, apply again as a person would."""
    from kubectl_upgrade.cli.apply import perform, tell_summary
    from kubectl_upgrade.engine.apply import Applying
    from kubectl_upgrade.engine.run import Stop
    from kubectl_upgrade.simulation.world import simulated_world

    for _ in range(_pauses(plan) + 1):
        world = simulated_world(model)
        applying = Applying(who="rehearsal", watch=Progress(world.clock, verbose=verbose), stop=Stop())
        try:
            history = await perform(world, plan, applying, confirm=False)
        except StoppedError as error:
            tell(f"{error.message}; rehearsing the next apply")
        else:
            tell_summary(plan, history)
            return


def _pauses(plan: Plan) -> int:
    return sum(stage.after is not None and stage.after.pause for hop in plan.hops for stage in hop.stages)
