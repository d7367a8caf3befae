"""Reading and patching what controllers roll out, a MachineDeployment or a Cluster, and only the one of the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.machines import is_paused, rolled_out_by
from kubectl_upgrade.model.errors import ConflictError, NotFoundError, StepError
from kubectl_upgrade.model.machines import MachineDeployment
from kubectl_upgrade.model.names import ROLLOUT_ANNOTATION
from kubectl_upgrade.steps.base import Managed

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.model.machines import ClusterTopology
    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json

_TRIES = 10


def entry_of(context: StepContext) -> MachineDeployment | ClusterTopology:
    """What the step works on."""
    if not isinstance(context.target, Managed):
        raise TypeError(f"{context.target.name} is no MachineDeployment and no Cluster")
    return context.target.entry


def path(entry: MachineDeployment | ClusterTopology) -> str:
    """Its path in the API."""
    resource = "machinedeployments" if isinstance(entry, MachineDeployment) else "clusters"
    return f"/apis/{entry.api}/namespaces/{entry.namespace}/{resource}/{entry.name}"


def named(entry: MachineDeployment | ClusterTopology) -> str:
    """As an error says it."""
    kind = "MachineDeployment" if isinstance(entry, MachineDeployment) else "Cluster"
    return f"{kind} {entry.namespace}/{entry.name}"


def get_command(entry: MachineDeployment | ClusterTopology) -> str:
    """What shows a person its Machines. Both groups have a resource of that name."""
    group = entry.api.partition("/")[0]
    return f"kubectl -n {entry.namespace} get machinedeployments.{group},machinesets.{group},machines.{group}"


async def read(context: StepContext) -> Json | None:
    """As it is; None when it is gone; StepError when another one has its name."""
    entry = entry_of(context)
    try:
        found = await context.cluster.get(path(entry))
    except NotFoundError:
        return None
    uid = found["metadata"]["uid"]
    if uid != entry.uid:
        raise StepError(
            f"{named(entry)} was replaced since the plan was made (uid {entry.uid}, now {uid})", fix="make a new plan"
        )
    return found


async def change(context: StepContext, decide: Callable[[Json], Json | None]) -> bool:
    """Patch it as `decide` says of its present state (None: leave it); was there anything to change?

    The patch holds only for the state that was read; its controllers write there too.
    """
    entry = entry_of(context)
    for _ in range(_TRIES):
        found = await read(context)
        patch = decide(found) if found is not None else None
        if found is None or patch is None:
            return False
        preconditions = {key: found["metadata"][key] for key in ("uid", "resourceVersion")}
        metadata = {**patch.get("metadata", {}), **preconditions}
        try:
            await context.cluster.patch(path(entry), {**patch, "metadata": metadata})
        except ConflictError as error:
            last = error
        else:
            return True
    raise StepError(f"{named(entry)} changed under each of {_TRIES} patches: {last.message}", "run apply again")


def is_ours(raw: Json, run8: str) -> bool:
    """Has this run given it its version, and not finished with it?"""
    return rolled_out_by(raw) == run8


async def forget(context: StepContext) -> bool:
    """Take this run's word off it; was it there?"""

    def without(raw: Json) -> Json | None:
        if not is_ours(raw, context.run8):
            return None
        return {"metadata": {"annotations": {ROLLOUT_ANNOTATION: None}}}

    return await change(context, without)


def demand_running(entry: MachineDeployment | ClusterTopology, raw: Json) -> None:
    """StepError for one that is paused: nobody would act on its new version before somebody lets go of it."""
    if is_paused(raw):
        raise StepError(
            f"{named(entry)} is paused: nothing would be rolled out",
            fix="end its pause, then run apply again; to leave it alone, abort and make a new plan",
        )
