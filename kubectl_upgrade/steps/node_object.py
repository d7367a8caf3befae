"""Reading and patching the target's Node without touching one that only bears its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import ConflictError, StepError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json

_TRIES = 10


def path(context: StepContext) -> str:
    """The Node's path in the API."""
    return f"/api/v1/nodes/{context.node.name}"


async def read(context: StepContext) -> Json:
    """The Node as it is; StepError when another machine took its name since the plan was made."""
    node = await context.cluster.get(path(context))
    uid = node["metadata"]["uid"]
    if uid != context.node.uid:
        raise StepError(
            f"{context.node.name}: the Node was replaced since the plan was made (uid {context.node.uid}, now {uid})",
            fix="make a new plan",
        )
    return node


async def change(context: StepContext, decide: Callable[[Json], Json | None]) -> bool:
    """Patch the Node as `decide` says of its present state (None: leave it); was there anything to change?

    The patch holds only for the state that was read: its kubelet writes there too, so a conflict means look again.
    """
    for _ in range(_TRIES):
        node = await read(context)
        patch = decide(node)
        if patch is None:
            return False
        preconditions = {key: node["metadata"][key] for key in ("uid", "resourceVersion")}
        metadata = {**patch.get("metadata", {}), **preconditions}
        try:
            await context.cluster.patch(path(context), {**patch, "metadata": metadata})
        except ConflictError as error:
            last = error
        else:
            return True
    raise StepError(
        f"{context.node.name}: the Node changed under each of {_TRIES} patches: {last.message}", "run apply again"
    )
