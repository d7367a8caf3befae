"""End a stopped run: one of this machine's, or with its id and its plan anybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.engine import lock
from kubectl_upgrade.engine.claim import enter, take_lock, take_nodes, take_workers
from kubectl_upgrade.engine.ending import give_up
from kubectl_upgrade.engine.history import History
from kubectl_upgrade.engine.take_over import find_run
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.facts.gather import NAMESPACE
from kubectl_upgrade.model.errors import AccessError, UsageError
from kubectl_upgrade.planfile.digest import digest
from kubectl_upgrade.planfile.read import read

if TYPE_CHECKING:
    from kubectl_upgrade.engine.apply import Applying
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.world import World


async def abort(
    world: World,
    applying: Applying,
    without: frozenset[str] = frozenset(),
    *,
    run: str = "",
    plan: Plan | None = None,
) -> None:
    """End a run on the cluster: uncordon and unlabel what it cordoned and labelled, remove fences, bundle and lock.
    What kubeadm and the package manager did stays.

    `run`: its id, for one that was begun elsewhere; its `plan` is needed then. `without`: names of nodes that no ssh
    reaches any more. UsageError when there is no such run; StepError when an action still runs on a node.
    """
    if run:
        await _end_anybodys(world, applying, without, run, plan)
    else:
        await _end_own(world, applying, without, plan)


async def _end_own(world: World, applying: Applying, without: frozenset[str], plan: Plan | None) -> None:
    namespace = await patiently(world.clock, lambda: world.cluster.get(NAMESPACE))
    journal = await world.state.resume(namespace["metadata"]["uid"])
    if journal is None:
        held = await patiently(world.clock, lambda: lock.holder(world.cluster))
        raise UsageError(
            "this machine knows no unfinished run on that cluster",
            fix=f"{held} can be ended where it was begun, or with `abort --run {held.run[:8]} PLAN`"
            if held is not None
            else "nothing holds the cluster; apply a plan",
        )
    try:
        history = await History.load(journal, world.clock)
        if not history.plan and plan is None:  # killed before it wrote its first word, or its journal was damaged
            if await patiently(world.clock, lambda: lock.holder(world.cluster)) is None:
                await journal.finish()
                return
            raise UsageError(f"the history of run {journal.run[:8]} is lost", fix="give its plan too: abort PLAN")
        own = await enter(world, plan or read(history.plan.encode(), "the run's plan"), journal, applying)
        await take_lock(own, applying.who, create=True)
        # who took the run over knows of a worker that was only prepared when it asks there
        if journal.damaged or not history.plan or own.fence.epoch > 1:
            await take_workers(own, without)
        await give_up(own, without)
    finally:
        await journal.close()


async def _end_anybodys(
    world: World, applying: Applying, without: frozenset[str], wanted: str, plan: Plan | None
) -> None:
    if plan is None:
        raise UsageError("ending a run that was begun elsewhere needs its plan file", fix=f"abort --run {wanted} PLAN")
    found = await find_run(world, plan, wanted, without)
    if found.offline:
        raise AccessError("the API does not answer, and an abort gives back what is ours there", fix="mend it first")
    journal = await world.state.adopt(plan.cluster.uid, found.run, digest(plan))
    try:
        taken = await enter(world, plan, journal, applying, found.epoch)
        await take_lock(taken, applying.who, create=found.holder is None)
        await take_nodes(taken, without)
        await take_workers(taken, without)
        await give_up(taken, without)
    finally:
        await journal.close()
