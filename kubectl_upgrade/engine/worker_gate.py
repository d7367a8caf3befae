"""What has to hold before a worker is begun, beside room in its pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.engine.gate import pool_has_room
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.engine.window import must_fit_window
from kubectl_upgrade.model.errors import StoppedError
from kubectl_upgrade.planfile.build_step import moves_kubelets

if TYPE_CHECKING:
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.model.plan import Hop, Stage
    from kubectl_upgrade.steps.base import Worker


async def worker_may_begin(run: Run, hop: Hop, stage: Stage, worker: Worker, *, begun: bool) -> None:
    """StoppedError or StepError when not. One whose pods are gone already is finished at any hour: half-done it is no
    use to anybody.
    """
    emptied = begun and await is_emptied(run, hop, stage, worker)
    if not emptied:
        must_fit_window(run, hop, stage)
        _drains_are_within_their_limit(run, hop, stage)
    if not emptied and moves_kubelets(stage):
        await run.batches.pass_gate(run, hop, stage, worker)
    await pool_has_room(run, worker, stage, begun=begun)
    if not emptied:
        # to wait for room takes time
        must_fit_window(run, hop, stage)


async def may_be_drained_now(run: Run, hop: Hop, stage: Stage, worker: Worker) -> None:
    """StoppedError when it may not any more: to wait for the drains of others takes time."""
    if not await is_emptied(run, hop, stage, worker):
        must_fit_window(run, hop, stage)
        _drains_are_within_their_limit(run, hop, stage)


async def is_emptied(run: Run, hop: Hop, stage: Stage, worker: Worker) -> bool:
    """Has this run drained it, and has nobody let pods come back since?"""
    drains = [step.name for step in stage.steps if step.do == "drain-node"]
    if not all(f"{hop.to}/{stage.stage}/{worker.name}/{name}" in run.history.steps_done for name in drains):
        return False
    nodes = await patiently(run.world.clock, run.look.fresh)
    return not drains or any(node.uid == worker.uid and node.cordoned for node in nodes)


def _drains_are_within_their_limit(run: Run, hop: Hop, stage: Stage) -> None:
    taken, limit = run.drain_seconds[f"{hop.to}/{stage.stage}"], stage.drain_limit_seconds
    if limit is not None and taken >= limit:
        raise StoppedError(
            f"{hop.to}/{stage.stage}: its drains have taken {taken:.0f} s together, the plan lets them take {limit} s",
            fix="see above what held them up, then run apply again: it goes on, and counts anew",
        )
