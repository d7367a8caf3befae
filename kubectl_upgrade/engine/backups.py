"""Backups that a run makes: bringing them off the nodes, and telling where they stay."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.waiting import reach
from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.model.plan import ControlPlane
from kubectl_upgrade.planfile.targets import targets_of
from kubectl_upgrade.steps.base import machine
from kubectl_upgrade.world import BACKUP_PARTS, BACKUP_SUMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.engine.history import History
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.model.plan import Hop, Plan, Stage
    from kubectl_upgrade.world.backup_folder import NodeBackup

BACKUPS = "/var/backups/upgrade-cp"


def backs_up(stage: Stage) -> bool:
    """Does the stage make backups?"""
    return any(step.do == "backup-etcd" for step in stage.steps)


def kept_backups(plan: Plan, history: History) -> Iterator[str]:
    """A line for each hop whose backups lie on nodes, for whoever reads how the run ended."""
    for hop in plan.hops:
        names = [target.name for stage in hop.stages for target in _saved(plan, hop, stage, history)]
        if names:
            yield (
                f"backups of etcd and /etc/kubernetes stay on {', '.join(dict.fromkeys(names))}: "
                f"{BACKUPS}/{history.journal.run[:8]}-{hop.to} on each; they hold every Secret of the cluster"
            )


def _saved(plan: Plan, hop: Hop, stage: Stage, history: History) -> Iterator[ControlPlane]:
    """Targets that have made theirs, as far as this journal knows."""
    names = {step.name for step in stage.steps if step.do == "backup-etcd"}
    for target in targets_of(plan, hop, stage):
        subject = f"{hop.to}/{stage.stage}/{target.name}"
        done = subject in history.targets_done or any(f"{subject}/{name}" in history.steps_done for name in names)
        if names and done and isinstance(target, ControlPlane):
            yield target


async def fetch_backups(run: Run, hop: Hop, stage: Stage) -> None:
    """Of a stage that is done, bring each node's backup to the operator's folder, if there is one.

    Also of a stage that an earlier apply has done: what has come before is not brought again.
    """
    if run.backup_to is None or not backs_up(stage):
        return
    for target in targets_of(run.plan, hop, stage):
        if isinstance(target, ControlPlane):
            place = run.backup_to.of(run.plan.cluster.name, run.fence.run[:8], str(hop.to), target.name)
            if not place.complete:
                await _fetch(run, str(hop.to), target, place)
            run.watch(Note(f"{target.name}: its backup is in {place.folder}; it holds every Secret of the cluster"))


async def _fetch(run: Run, version: str, target: ControlPlane, place: NodeBackup) -> None:
    place.make()
    found: dict[str, str] = {}
    for name in (BACKUP_SUMS, *BACKUP_PARTS):
        fetch = partial(run.world.nodes.fetch, machine(target), run.fence, version, name, place.new(name))
        found[name] = await reach(run.world.clock, fetch)
    for name, wanted in place.sums().items():
        if found[name] != wanted:
            raise StepError(
                f"{target.name}: {name} came as sha256 {found[name]}, on the node it was written as {wanted}",
                fix="see the node's disk and its backup there; run apply again to fetch it anew",
            )
    place.keep()
