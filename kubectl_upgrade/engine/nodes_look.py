"""A fresh look at all Nodes that everybody shares who asks before it begins: 500 lists of 5,000 Nodes would be many."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.nodes import read_nodes

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import NodeObject
    from kubectl_upgrade.world import World

# those who ask within so many seconds get one look
_TOGETHER_SECONDS = 1.0
# of the time, at most one part in so many goes into looking: the API server has other clients
_PAUSE = 4


class NodesLook:
    """As if each who asks had listed the Nodes alone: what it gets was never read before it asked."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._one_at_a_time = asyncio.Lock()
        self._not_begun: asyncio.Future[tuple[NodeObject, ...] | None] | None = None
        self._next = float("-inf")

    async def fresh(self) -> tuple[NodeObject, ...]:
        """All Nodes, by name; whatever read_nodes raises, for all who share the look."""
        while True:
            shared = self._not_begun
            if shared is None:
                return await self._lead()
            found = await asyncio.shield(shared)
            if found is not None:
                return found

    async def _lead(self) -> tuple[NodeObject, ...]:
        """Look for all who ask until it begins; should this one be cancelled, they find another who looks."""
        coming = self._not_begun = asyncio.get_running_loop().create_future()
        try:
            async with self._one_at_a_time:
                found = await self._look(coming)
        except asyncio.CancelledError:
            coming.set_result(None)
            raise
        except BaseException as error:
            coming.set_exception(error)
            coming.exception()  # asyncio would complain if nobody shared it
            raise
        finally:
            self._begins(coming)
        coming.set_result(found)
        return found

    async def _look(self, coming: asyncio.Future[tuple[NodeObject, ...] | None]) -> tuple[NodeObject, ...]:
        clock = self._world.clock
        await asyncio.sleep(0)  # whoever asks in this very moment belongs to it
        wait = self._next - clock.monotonic()
        if wait > 0:
            await clock.sleep(wait)
        self._begins(coming)
        began = clock.monotonic()
        try:
            return await read_nodes(self._world.cluster)
        finally:
            took = clock.monotonic() - began
            self._next = began + max(_TOGETHER_SECONDS, _PAUSE * took)

    def _begins(self, coming: asyncio.Future[tuple[NodeObject, ...] | None]) -> None:
        """Whoever asks from now on gets a later one."""
        if self._not_begun is coming:
            self._not_begun = None
