"""`apply`: run a reviewed plan, or the rest of one."""

from __future__ import annotations

import sys
from pathlib import Path
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
    from kubectl_upgrade.engine.schedule import Limits
    from kubectl_upgrade.engine.take_over import Found
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.world import World
    from kubectl_upgrade.world.backup_folder import BackupFolder


@connected
def apply(
    file: PlanFile,
    *,
    connection: Connection,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed where there is no terminal.")] = False,
    pinned: Annotated[
        str, typer.Option("--digest", metavar="sha256:...", help="Refuse the plan unless it has this digest.")
    ] = "",
    take_over: Annotated[
        str,
        typer.Option(
            "--take-over", metavar="RUN", help="Go on with this run, begun elsewhere or with a lost state folder."
        ),
    ] = "",
    pause_after: Annotated[
        str, typer.Option("--pause-after", metavar="STAGE", help="Stop when this stage is done; or HOP/STAGE.")
    ] = "",
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NODE",
            help="Of the workers and MachineDeployments (namespace:name), only this one for now; repeat.",
        ),
    ] = None,
    backup_to: Annotated[
        Path | None,
        typer.Option(
            "--backup-to", metavar="DIR", help="Bring the backups off the control planes, too; they hold every Secret."
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what runs on the nodes, line by line.")
    ] = False,
) -> None:
    """Do exactly what the plan says, after another look at the cluster; run again, it goes on where it stopped.

    Ctrl-C stops after the running step. Nothing that runs on a node is ever killed. A run that somebody else began, or
    whose state folder is lost, goes on with --take-over: its old client is kept out from then on.
    """
    from kubectl_upgrade.planfile.digest import digest

    plan = load_plan(file)
    limits = _limits(plan, pause_after, frozenset(only or ()))
    if pinned and pinned != digest(plan):
        raise PlanError(f"{file} has digest {digest(plan)}, not {pinned}", fix="apply the file that was reviewed")
    if not yes and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", fix="add --yes")
    folder = _backup_folder(plan, backup_to)
    world = connection.world()
    applying = applying_for(world, verbose=verbose, limits=limits, backup_to=folder)
    try:
        history = run(world, perform(world, plan, applying, confirm=not yes, take_over=take_over), applying.stop)
    except UpgradeError as error:
        error.fix = error.fix.replace("run apply again", f"run `kubectl upgrade-cp apply {file}` again")
        raise
    tell_summary(plan, history)


def _limits(plan: Plan, pause_after: str, only: frozenset[str]) -> Limits:
    """UsageError for a stage or a worker that the plan does not have."""
    from kubectl_upgrade.engine.schedule import Limits

    stages = dict.fromkeys(stage.stage for hop in plan.hops for stage in hop.stages)
    if pause_after and pause_after not in {*stages, *(f"{hop.to}/{s.stage}" for hop in plan.hops for s in hop.stages)}:
        raise UsageError(f"the plan has no stage {pause_after}", fix=f"its stages: {', '.join(stages)}")
    known = {node.name for pool in plan.pools for node in pool.nodes}
    known |= {f"{entry.namespace}:{entry.name}" for entry in plan.managed}
    strange = sorted(only - known)
    if strange:
        raise UsageError(f"--only: the plan has no worker {', '.join(strange)}", fix="see `show` for its workers")
    return Limits(pause_after=pause_after, only=only)


def _backup_folder(plan: Plan, path: Path | None) -> BackupFolder | None:
    """UsageError when nothing can be written there, or the plan makes no backups."""
    from kubectl_upgrade.engine.backups import backs_up
    from kubectl_upgrade.world.backup_folder import BackupFolder

    if path is None:
        return None
    if not any(backs_up(stage) for hop in plan.hops for stage in hop.stages):
        raise UsageError("--backup-to: the plan has no backup-etcd, so that there will be nothing to bring")
    return BackupFolder.at(path)


async def perform(world: World, plan: Plan, applying: Applying, *, confirm: bool, take_over: str = "") -> History:
    """Look, ask, run."""
    from kubectl_upgrade.engine.apply import execute, look

    ready = await look(world, plan, take_over)
    if ready.examined is not None:
        tell_judgements(ready.examined.judgements)
        for note in ready.examined.notes:
            tell(f"  note  {note}")
    if ready.taking is not None:
        tell(f"taking over run {ready.taking.run[:8]}{_held_by(ready.taking)}")
    if ready.journal is not None:
        tell(f"going on with run {ready.journal.run[:8]}")
    if confirm and not await _confirmed(plan):
        if ready.journal is not None:
            await ready.journal.close()
        raise StoppedError("not confirmed; nothing was changed")
    return await execute(world, ready, applying)


def _held_by(found: Found) -> str:
    """Whose it is, so that nobody takes over from a colleague who is at work."""
    held = found.holder
    at = f", last at {held.step}" if held is not None and held.step else ""
    return f", begun by {held.who} at {held.since}{at}" if held is not None else ", named by the fences on the nodes"


async def _confirmed(plan: Plan) -> bool:
    nodes = len(plan.control_planes) + sum(len(pool.nodes) for pool in plan.pools)
    way = " to ".join(map(str, (plan.cluster.from_, *(hop.to for hop in plan.hops))))
    tell(f"\nThis upgrades {plan.cluster.name} ({nodes} nodes) from {way}.")
    return await ask("Only `yes` goes on: ") == "yes"


def tell_summary(plan: Plan, history: History) -> None:
    """What was reached and where the time went."""
    from kubectl_upgrade.engine.backups import kept_backups
    from kubectl_upgrade.report.availability import availability_lines, availability_of
    from kubectl_upgrade.report.times import times_of

    tell_times(times_of(history))
    for line in availability_lines(availability_of(history)):
        tell(line)
    backups = list(kept_backups(plan, history))
    for line in (*left_behind_lines(plan), *backups):
        tell(f"\n{line}")
    but = " but the backups" if backups else ""
    tell(f"\n{plan.cluster.name} is at {plan.cluster.to}; no lock, label, cordon or file of ours is left{but}")
