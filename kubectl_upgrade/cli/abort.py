"""`abort`: end a stopped run."""

from __future__ import annotations

from kubectl_upgrade.cli.connection import Connection, connected
from kubectl_upgrade.cli.plan_file import PlanFile, load_plan
from kubectl_upgrade.cli.progress import Progress
from kubectl_upgrade.cli.running import run, tell


@connected
def abort(
    file: PlanFile,
    *,
    connection: Connection,
) -> None:
    """End a stopped run: uncordon and unlabel what it cordoned and labelled, remove its lock and fences.

    Nodes stay at the versions that they have; a new plan goes on from there.
    """
    from kubectl_upgrade.engine.abort import abort as end

    plan = load_plan(file)
    world = connection.world()
    run(world, end(world, plan, Progress(world.clock, verbose=False)))
    tell("the run has ended; make a new plan to go on")
