"""`rehearse`: the same engine over a simulated cluster."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kubectl_upgrade.cli.plan_file import load_plan
from kubectl_upgrade.cli.progress import Progress
from kubectl_upgrade.cli.running import tell
from kubectl_upgrade.model.errors import StepError, UpgradeError, UsageError, WindowClosedError
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.model.words import some_of

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.faults import Fault

TO = "v1.35.4"
# of applies that are rehearsed, whatever goes wrong
_MOST_FAILURES = 10


def rehearse(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="PLAN", help="Rehearse this plan; without one, a sample cluster."),
    ] = None,
    *,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same rehearsal.")] = 0,
    pace: Annotated[
        float, typer.Option("--pace", min=0, help="Simulated seconds per second; 0 is as fast as possible.")
    ] = 60,
    faults: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="KIND[,key=value...]",
            help="What goes wrong: client-kill, ssh-cut, node-reboot, kubeadm-killed, action-fails or api-unreachable, "
            "with node=, action=, phase=, call=, nth=, seconds=; repeat.",
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what actions print.")] = False,
) -> None:
    """Run a plan on a simulated cluster that looks like the plan's, with the times of a real one; contacts nothing.

    The clock on the left is the simulated one. After a fault that ends an apply, the next one is rehearsed too.
    """
    from kubectl_upgrade.simulation import loop
    from kubectl_upgrade.simulation.sample import from_plan, sample

    planned = _parsed(faults or [])
    if file is None:
        tell("# a sample cluster of 3 control planes and 3 workers, simulated")
        model = sample(seed=seed)
        _add(model, planned)
        loop.run(_sample(model, verbose=verbose), seed=seed, pace=pace)
    else:
        plan = load_plan(file)
        model = from_plan(plan, seed=seed)
        _add(model, planned)
        # the model has a CA of its own: no certificate can be made for a hash
        plan = replace(plan, cluster=replace(plan.cluster, ca_hash=model.ca_hash))
        loop.run(_apply(model, plan, verbose=verbose), seed=seed, pace=pace)
    for words, fault in zip(faults or [], planned, strict=True):
        struck = [point for found, point in model.faults.struck if found == fault]
        tell(f"fault {words}: " + ("; ".join(f"struck {point}" for point in struck) or "never struck"))


def _parsed(faults: list[str]) -> list[Fault]:
    from kubectl_upgrade.simulation.fault_words import parse_fault

    try:
        return [parse_fault(words) for words in faults]
    except ValueError as error:
        raise UsageError(f"--fault: {error}", fix="e.g. --fault client-kill,node=cp1,action=kubeadm-apply") from error


def _add(model: ModelCluster, planned: list[Fault]) -> None:
    for fault in planned:
        if fault.node and fault.node not in model.nodes:
            raise UsageError(
                f"--fault: there is no node {fault.node}", fix=f"such as node={some_of(list(model.nodes), 6)}"
            )
    model.faults.add(*planned)


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
    """Apply; where the plan pauses or a fault ends it, apply again as a person would."""
    from kubectl_upgrade.cli.apply import perform, tell_summary
    from kubectl_upgrade.engine.apply import Applying
    from kubectl_upgrade.engine.run import Stop
    from kubectl_upgrade.simulation.faults import ClientKilled
    from kubectl_upgrade.simulation.world import simulated_world

    last: UpgradeError | None = None
    for _ in range(_pauses(plan) + _MOST_FAILURES):
        world = simulated_world(model)
        applying = Applying(who="rehearsal", watch=Progress(world.clock, verbose=verbose), stop=Stop())
        try:
            history = await perform(world, plan, applying, confirm=False)
        except ClientKilled:
            tell("the client was killed; rehearsing the next apply")
        except UpgradeError as error:
            tell(f"error: {error.message}\n   -> {error.fix}\nrehearsing the next apply")
            last = error
            if isinstance(error, WindowClosedError):
                # somebody comes back when it opens
                model.epoch += max(error.opens - world.clock.now(), timedelta())
        else:
            tell_summary(plan, history)
            return
    raise last or StepError("the client was killed again and again", fix="rehearse with fewer `times=`")


def _pauses(plan: Plan) -> int:
    """How often a person has to come back: after a pause, and when a window opens."""
    stages = [stage for hop in plan.hops for stage in hop.stages]
    paused = sum(stage.after is not None and stage.after.pause for stage in stages)
    return paused + sum(stage.window is not None for stage in stages)
