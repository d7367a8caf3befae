"""Ending a run before its plan is done, or going on with an ending that was cut short."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_upgrade.engine.adopt import preparations
from kubectl_upgrade.engine.backups import kept_backups
from kubectl_upgrade.engine.claim import take_nodes, take_workers
from kubectl_upgrade.engine.clean_up import announce_ending, clean_up, only_prepared, present
from kubectl_upgrade.engine.context import step_context
from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.give_back import give_back
from kubectl_upgrade.engine.own_apiserver import left_with_the_endpoint, return_kubelet
from kubectl_upgrade.engine.rollouts import leave_rollouts
from kubectl_upgrade.engine.together import together
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.facts.kubeadm_config import PATH, etcd_pin
from kubectl_upgrade.model.errors import StepError, StoppedError
from kubectl_upgrade.model.plan import StepId
from kubectl_upgrade.steps.base import WholeCluster
from kubectl_upgrade.steps.etcd_pin import EDIT, clear_pin, let_go, read_pin
from kubectl_upgrade.steps.pin_etcd import PinEtcd
from kubectl_upgrade.steps.unpin_etcd import UnpinEtcd

if TYPE_CHECKING:
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.steps.base import NodeTarget


async def finish_ending(run: Run, how: str) -> None:
    """Go on with an ending that was cut short; StoppedError when it was not that of a plan that is done."""
    run.watch(Note(f"run {run.fence.run[:8]} was being ended ({how}); going on with that"))
    await take_nodes(run)
    await take_workers(run)
    if how == "aborted":
        await give_up(run, frozenset())
        raise StoppedError("the abort of this run is finished", fix="make a new plan; it says what is left to do")
    await clean_up(run)


async def give_up(run: Run, without: frozenset[str]) -> None:
    """Undo what is ours, say what stays, leave no trace; StepError while an action still runs on a node, LockedError
    when a fence says that somebody has taken the run over.
    """
    targets = await present(run)
    # a run that has prepared has been on every node
    await together(partial(_need_idle, run), [target for target in targets if target.name not in without])
    gone = {node.name for node in run.plan.control_planes} - {target.name for target in targets}
    await take_nodes(run, without | gone)
    await announce_ending(run, "aborted")
    await together(partial(_undo, run, without), targets)
    await _undo_pin(run)
    await leave_rollouts(run)
    await clean_up(run, without)
    for line in kept_backups(run.plan, run.history):
        run.watch(Note(line))
    harmless = preparations(run.plan)
    for subject in sorted(run.history.targets_begun - run.history.targets_done):
        if subject.rpartition("/")[0] not in harmless and ":" not in subject:
            run.watch(Note(f"{subject} was begun and not finished: what kubeadm and the packages did there stays"))


async def _need_idle(run: Run, target: NodeTarget) -> None:
    try:
        running = await run.running_on(target)
    except StepError:
        if only_prepared(run, target):
            return
        raise
    if running:
        raise StepError(
            f"{running} still runs on {target.name}; nothing was changed",
            fix=f"wait for it (there: journalctl -fu {running}), then abort again",
        )


async def _undo(run: Run, without: frozenset[str], target: NodeTarget) -> None:
    if target.name not in without:
        await return_kubelet(run, target)
    elif left_with_the_endpoint(run, target):
        run.watch(Note(f"{target.name}: {left_with_the_endpoint(run, target)}"))
    await give_back(run, target)


async def _undo_pin(run: Run) -> None:
    """A tag of etcd that stays would hold it there in every upgrade that follows. Members that have moved stay. Whose
    it is the ConfigMap says, whatever the plan does.
    """
    context = step_context(run, WholeCluster(), StepId("abort", "abort", "cluster", UnpinEtcd.NAME))
    tags = _tags_set(run)
    found = await patiently(run.world.clock, lambda: run.world.cluster.get(PATH))
    if not tags and etcd_pin(found).run8 != context.run8:
        return
    pin = await patiently(run.world.clock, lambda: read_pin(context))
    if not pin.is_of(context):
        if pin.tag in tags and not pin.beside.run8:
            run.watch(
                Note(
                    f"etcd.local.imageTag is {pin.tag}, as this plan sets it, but nothing says that this run did: it"
                    f" stays, and kubeadm keeps etcd there; if it is not yours, take it out: {EDIT}"
                )
            )
        return
    if pin.tag != pin.beside.set_to:
        await patiently(run.world.clock, lambda: let_go(context))
        run.watch(Note(f"somebody has changed etcd.local.imageTag to {pin.tag} since this run set it: it stays so"))
        return
    await patiently(run.world.clock, lambda: clear_pin(context))
    run.watch(
        Note(f"etcd.local.imageTag is {pin.beside.before} again; members of etcd that have moved stay where they are")
    )


def _tags_set(run: Run) -> set[str]:
    """By pin-etcd of the plan, but for the one that was there."""
    steps = (step for hop in run.plan.hops for stage in hop.stages for step in stage.steps)
    tags = {str(step.with_["tag"]) for step in steps if step.do == PinEtcd.NAME}
    return tags - {run.plan.cluster_configuration.etcd_image_tag}
