"""`abort`: end a stopped run."""

from __future__ import annotations

from typing import Annotated

import typer

from kubectl_upgrade.cli.applying import applying_for
from kubectl_upgrade.cli.connection import Connection, connected
from kubectl_upgrade.cli.running import run, tell


@connected
def abort(
    *,
    connection: Connection,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="NODE", help="A node that no ssh reaches any more; repeat."),
    ] = None,
) -> None:
    """End this machine's stopped run: uncordon and unlabel what it cordoned and labelled, remove its lock and fences.

    Nodes stay at the versions that they have; a new plan goes on from there.
    """
    from kubectl_upgrade.engine.abort import abort as end

    world = connection.world()
    run(world, end(world, applying_for(world), frozenset(without or ())))
    tell("the run has ended; make a new plan to go on")
