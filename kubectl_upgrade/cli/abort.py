"""`abort`: end a stopped run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kubectl_upgrade.cli.applying import applying_for
from kubectl_upgrade.cli.connection import Connection, connected
from kubectl_upgrade.cli.plan_file import load_plan
from kubectl_upgrade.cli.running import run, tell


@connected
def abort(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="PLAN", help="The run's plan; needed for a run that this machine does not know."),
    ] = None,
    *,
    connection: Connection,
    wanted: Annotated[str, typer.Option("--run", metavar="RUN", help="End this run, begun elsewhere.")] = "",
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="NODE", help="A node that no ssh reaches any more; repeat."),
    ] = None,
) -> None:
    """End a stopped run: uncordon and unlabel what it cordoned and labelled, remove its lock and fences.

    Nodes stay at the versions that they have; a new plan goes on from there.
    """
    from kubectl_upgrade.engine.abort import abort as end

    plan = load_plan(file) if file is not None else None
    world = connection.world()
    applying = applying_for(world)
    run(world, end(world, applying, frozenset(without or ()), run=wanted, plan=plan))
    tell("the run has ended; make a new plan to go on")
