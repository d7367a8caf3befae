"""Reading and patching the target's Node without touching one that only bears its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.steps.api_object import change_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json


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
    return await change_object(context, path(context), lambda: read(context), decide)
