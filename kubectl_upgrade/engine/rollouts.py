"""What an abort does about rollouts: it takes our word off, and says that they go on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kubectl_upgrade.engine.context import step_context
from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.model.errors import ApiError, StepError
from kubectl_upgrade.model.plan import StepId
from kubectl_upgrade.steps import managed_object
from kubectl_upgrade.steps.base import Managed

if TYPE_CHECKING:
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.model.machines import ClusterTopology, MachineDeployment


async def leave_rollouts(run: Run) -> None:
    """A rollout that has begun is not undone: that would be a second one, of Machines back to where they came from.

    The object says whose it is: the journal may be lost, or another operator's.
    """
    for entry in run.plan.managed:
        try:
            ours = await patiently(run.world.clock, partial(_forget, run, entry))
        except (ApiError, StepError) as error:
            run.watch(Note(f"{managed_object.named(entry)}: {error.message}: left as it is"))
            continue
        if ours:
            run.watch(
                Note(
                    f"{managed_object.named(entry)}: its rollout was begun and goes on by its controllers (it was at "
                    f"{entry.version}); see: {managed_object.get_command(entry)}"
                )
            )


async def _forget(run: Run, entry: MachineDeployment | ClusterTopology) -> bool:
    target = Managed.of(entry)
    return await managed_object.forget(step_context(run, target, StepId("abort", "abort", target.name, "forget")))
