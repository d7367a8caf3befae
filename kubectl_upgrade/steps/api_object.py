"""Patching an object of the API only as it was when it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import ConflictError, StepError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json

_TRIES = 10


async def change_object(
    context: StepContext, path: str, read: Callable[[], Awaitable[Json]], decide: Callable[[Json], Json | None]
) -> bool:
    """Patch it as `decide` says of its present state (None: leave it); was there anything to change?

    The patch holds only for the state that was read: others write there too, so a conflict means look again.
    """
    for _ in range(_TRIES):
        found = await read()
        patch = decide(found)
        if patch is None:
            return False
        preconditions = {key: found["metadata"][key] for key in ("uid", "resourceVersion")}
        metadata = {**patch.get("metadata", {}), **preconditions}
        try:
            await context.cluster.patch(path, {**patch, "metadata": metadata})
        except ConflictError as error:
            last = error
        else:
            return True
    kind, name = found.get("kind", "object"), found["metadata"]["name"]
    raise StepError(f"{name}: the {kind} changed under each of {_TRIES} patches: {last.message}", "run apply again")
