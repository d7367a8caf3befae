"""Kubelets that a run which is given up has left with the cluster's endpoint get their own API server back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.engine.actions import ActionRunner, newest_attempt, unit_stem
from kubectl_upgrade.engine.events import Note, StepSays
from kubectl_upgrade.facts.gather import probe_hosts
from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.model.plan import ControlPlane, StepId
from kubectl_upgrade.planfile.targets import targets_of
from kubectl_upgrade.steps.base import machine
from kubectl_upgrade.steps.kubelet_via_endpoint import KubeletViaEndpoint
from kubectl_upgrade.steps.kubelet_via_own_apiserver import KubeletViaOwnApiserver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.model.facts import HostFacts, Maybe
    from kubectl_upgrade.steps.base import NodeTarget

_BACK = KubeletViaOwnApiserver()


async def return_kubelet(run: Run, target: NodeTarget) -> None:
    """Run the counterpart of kubelet-via-endpoint, if that has begun there and the plan's own counterpart has not
    succeeded. StepError when the kubelet does not get healthy; abort may be run again.
    """
    pairs = tuple(_pairs(run, target))
    if not isinstance(target, ControlPlane) or not pairs:
        return
    host = (await probe_hosts(run.world.nodes, [machine(target)], ("run",)))[target.name]
    step_id = StepId("abort", "abort", target.name, _BACK.NAME)
    # an abort that was cut short has done it
    if _returned(run, host, step_id) or not any(_is_away(run, host, away, back) for away, back in pairs):
        return
    await run.fence_node(target)
    act = ActionRunner(
        nodes=run.world.nodes,
        clock=run.world.clock,
        machine=machine(target),
        fence=run.fence,
        id=step_id,
        last=newest_attempt(host, unit_stem(run.fence.run, step_id)),
        say=lambda line: run.watch(StepSays(step_id, line)),
    )
    try:
        await act(_BACK.action(target, run.plan.cluster_configuration))
    except StepError as error:
        error.fix = f"put the cause right and abort again, or abort --without {target.name} and then {_by_hand(target)}"
        raise
    run.watch(Note(f"{target.name}: {_BACK.TITLE}: done"))


def left_with_the_endpoint(run: Run, target: NodeTarget) -> str:
    """What to do on a node that no ssh reaches any more, where the run may have left it so; empty when nothing."""
    history = run.history
    # without a journal anything may have been begun
    unsure = target.name in history.adopted or not history.nodes_begun()
    for _, back in _pairs(run, target):
        subject = f"{back.hop}/{back.stage}/{back.target}"
        returned = str(back) in history.steps_done or subject in history.targets_done
        if not returned and (unsure or subject in history.targets_begun):
            return f"its kubelet may still talk to the cluster's endpoint; {_by_hand(target)}"
    return ""


def _by_hand(target: NodeTarget) -> str:
    return f"on {target.name}: {_BACK.by_hand(target)}"


def _pairs(run: Run, target: NodeTarget) -> Iterator[tuple[StepId, StepId]]:
    """Ids of kubelet-via-endpoint and its counterpart, for each stage that has them for this target."""
    for hop in run.plan.hops:
        for stage in hop.stages:
            if target not in targets_of(run.plan, hop, stage):
                continue
            names = {step.do: step.name for step in stage.steps}
            if KubeletViaEndpoint.NAME in names and _BACK.NAME in names:
                away, back = (
                    StepId(str(hop.to), stage.stage, target.name, names[do])
                    for do in (KubeletViaEndpoint.NAME, _BACK.NAME)
                )
                yield away, back


def _is_away(run: Run, host: Maybe[HostFacts], away: StepId, back: StepId) -> bool:
    begun = newest_attempt(host, unit_stem(run.fence.run, away))
    return begun is not None and not _returned(run, host, back)


def _returned(run: Run, host: Maybe[HostFacts], back: StepId) -> bool:
    last = newest_attempt(host, unit_stem(run.fence.run, back))
    return last is not None and (last.state, last.exit_code) == ("exited", 0)
