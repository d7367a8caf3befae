"""Nodes that share a tight budget are not drained at once: one is delayed until the other's drain is over."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubectl_upgrade.engine.waiting import patiently
from kubectl_upgrade.facts.budgets import read_guards
from kubectl_upgrade.facts.drained_pods import must_move
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.steps.drain_forecast import guarded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from kubectl_upgrade.world import World


@dataclass(frozen=True, slots=True)
class Need:
    """What a drain takes of one budget."""

    pods: int
    """of the budget, on this node"""
    room: int
    """evictions that the budget allowed when the drain was about to begin"""


@dataclass(slots=True)
class DrainTurns:
    """Who drains now, and what of which budget."""

    _draining: dict[str, dict[str, Need]] = field(default_factory=dict)
    _ended: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def turn(self, world: World, name: str, waits: Callable[[str], None]) -> AsyncIterator[None]:
        """Hold the node's turn; `waits` is told, once, which node and which budget it waits for."""
        told = False
        while True:
            needs = await _needs(world, name)
            async with self._ended:
                conflict = self._conflict(needs)
                if not conflict:
                    self._draining[name] = needs
                    break
                if not told:
                    waits(conflict)
                told = True
                await self._ended.wait()
        try:
            yield
        finally:
            async with self._ended:
                del self._draining[name]
                self._ended.notify_all()

    def _conflict(self, needs: dict[str, Need]) -> str:
        """What a drain with these needs would take from one that goes on; empty when there is enough for both."""
        for other, theirs in self._draining.items():
            for budget in needs.keys() & theirs.keys():
                mine, its = needs[budget], theirs[budget]
                # what the other one has evicted is missing from the room that is left
                room = max(mine.room, its.room)
                if mine.pods + its.pods > room:
                    return f"{other} is drained first: budget {budget} allows {room} evictions, both take more"
        return ""


async def _needs(world: World, name: str) -> dict[str, Need]:
    """Nothing when budgets may not be read: the Eviction API guards them all the same."""
    guards = await patiently(world.clock, lambda: read_guards(world.cluster))
    if isinstance(guards, Unknown) or not guards:
        return {}
    pods = await patiently(world.clock, lambda: world.cluster.list("/api/v1/pods", fields=f"spec.nodeName={name}"))
    moving = [pod for pod in pods if must_move(pod) and not pod["metadata"].get("deletionTimestamp")]
    found = guarded(moving, guards)
    # to wait for each other's time-out before a budget that never opens would help nobody
    return {str(g.budget): Need(len(chosen), g.budget.allowed) for g, chosen in found.items() if not g.budget.never}
