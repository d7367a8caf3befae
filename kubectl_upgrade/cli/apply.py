"""`apply`: run a reviewed plan, or the rest of one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from kubectl_upgrade.cli.applying import applying_for
from kubectl_upgrade.cli.connection import Connection, connected
from kubectl_upgrade.cli.findings import tell_judgements
from kubectl_upgrade.cli.left_behind import left_behind_lines
from kubectl_upgrade.cli.plan_file import PlanFile, load_plan
from kubectl_upgrade.cli.progress import tell_times
from kubectl_upgrade.cli.running import ask, run, tell
from kubectl_upgrade.model.errors import PlanError, StoppedError, UpgradeError, UsageError

if TYPE_CHECKING:
    from kubectl_upgrade.engine.apply import Applying
    from kubectl_upgrade.engine.history import History
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.world import World


@connected
def apply(
    file: PlanFile,
    *,
    connection: Connection,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed where there is no terminal.")] = False,
    pinned: Annotated[
        str, typer.Option("--digest", metavar="sha256:...", help="Refuse the plan unless it has this digest.")
    ] = "",
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what runs on the nodes, line by line.")
    ] = False,
) -> None:
    """Do exactly what the plan says, after another look at the cluster; run again, it goes on where it stopped.

    Ctrl-C stops after the running step. Nothing that runs on a node is ever killed.
    """
    from kubectl_upgrade.planfile.digest import digest

    plan = load_plan(file)
    if pinned and pinned != digest(plan):
        raise PlanError(f"{file} has digest {digest(plan)}, not {pinned}", fix="apply the file that was reviewed")
    if not yes and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", fix="add --yes")
    world = connection.world()
    applying = applying_for(world, verbose=verbose)
    try:
        history = run(world, perform(world, plan, applying, confirm=not yes), applying.stop)
    except UpgradeError as error:
        error.fix = error.fix.replace("run apply again", f"run `kubectl upgrade-cp apply {file}` again")
        raise
    tell_summary(plan, history)


async def perform(world: World, plan: Plan, applying: Applying, *, confirm: bool) -> History:
    """Look, ask, run."""
    from kubectl_upgrade.engine.apply import execute, look

    ready = await look(world, plan)
    tell_judgements(ready.examined.judgements)
    for note in ready.examined.notes:
        tell(f"  note  {note}")
    if ready.journal is not None:
        tell(f"going on with run {ready.journal.run[:8]}")
    if confirm and not await _confirmed(plan):
        if ready.journal is not None:
            await ready.journal.close()
        raise StoppedError("not confirmed; nothing was changed")
    return await execute(world, ready, applying)


async def _confirmed(plan: Plan) -> bool:
    nodes = len(plan.control_planes) + sum(len(pool.nodes) for pool in plan.pools)
    tell(f"\nThis upgrades {plan.cluster.name} ({nodes} nodes) from {plan.cluster.from_} to {plan.cluster.to}.")
    return await ask("Only `yes` goes on: ") == "yes"


def tell_summary(plan: Plan, history: History) -> None:
    """What was reached and where the time went."""
    from kubectl_upgrade.report.times import times_of

    tell_times(times_of(history))
    for line in left_behind_lines(plan):
        tell(f"\n{line}")
    tell(f"\n{plan.cluster.name} is at {plan.cluster.to}; no lock, label, cordon or file of ours is left")
