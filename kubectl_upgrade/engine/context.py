"""What a step gets to see of its run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_upgrade.engine.events import Note, StepSays
from kubectl_upgrade.engine.waiting import until
from kubectl_upgrade.steps.base import StepContext

if TYPE_CHECKING:
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.model.plan import StepId
    from kubectl_upgrade.steps.base import Act, Action, Target


def step_context(run: Run, target: Target, step_id: StepId, act: Act | None = None) -> StepContext:
    """The context of one step on one target; without `act` the step has no action."""
    return StepContext(
        plan=run.plan,
        target=target,
        run8=run.fence.run[:8],
        nodes=run.world.nodes,
        cluster=run.cluster,
        clock=run.world.clock,
        act=act or _no_action,
        until=partial(until, run.world.clock),
        say=lambda line: run.watch(StepSays(step_id, line)),
        tell=lambda line: run.watch(Note(f"{target.name}: {line}")),
    )


async def _no_action(action: Action) -> str:
    raise TypeError(f"a step without an action asked for {action.name}")
