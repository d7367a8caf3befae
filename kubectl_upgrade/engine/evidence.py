"""What a failed step leaves behind, saved while it is fresh, and what a person can do without this tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.facts.gather import probe_hosts
from kubectl_upgrade.model.errors import UpgradeError
from kubectl_upgrade.model.facts import HostFacts
from kubectl_upgrade.steps.base import machine

if TYPE_CHECKING:
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.model.errors import StepError
    from kubectl_upgrade.model.plan import StepId
    from kubectl_upgrade.steps.base import NodeTarget, Step


async def enrich(run: Run, target: NodeTarget, step: Step, step_id: StepId, error: StepError) -> None:
    """Save the node's evidence in the run's folder and tell where; add the command to finish by hand to the fix."""
    by_hand = step.by_hand(target)
    if by_hand:
        error.fix = f"{error.fix}\n      by hand, on {target.name}: {by_hand}"
    try:
        host = (await probe_hosts(run.world.nodes, [machine(target)], ("evidence",)))[target.name]
        evidence = host.evidence if isinstance(host, HostFacts) else host
        if isinstance(evidence, str):
            name = f"{str(step_id).replace('/', '_')}.txt"
            where = await run.history.journal.keep(name, evidence)
            error.message = f"{error.message}\nlogs, containers and disks of {target.name} at that moment: {where}"
        else:
            run.watch(Note(f"no evidence could be taken from {target.name}: {evidence.reason}"))
    except UpgradeError as failure:  # the first error says more
        run.watch(Note(f"no evidence could be kept of {target.name}: {failure.message}"))
