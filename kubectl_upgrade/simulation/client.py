"""One process of the tool as the cluster meets it: its calls take time, suffer faults, and end when it is killed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubectl_upgrade.model.errors import ApiError, NodeUnreachableError
from kubectl_upgrade.simulation.faults import ClientKilled, UnplannedError
from kubectl_upgrade.simulation.power import cut, reboot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.faults import Fault, Moment, Point


@dataclass(frozen=True, slots=True)
class Landed:
    """A change that has reached a node or the API."""

    client: int
    """its place in the cluster's list of clients"""
    time: float
    what: str


class Client:
    """Every call of a World goes through it."""

    def __init__(self, cluster: ModelCluster) -> None:
        self.cluster = cluster
        self.killed = False
        self.frozen_until = 0.0
        self._calls: dict[asyncio.Task[Any], None] = {}
        cluster.clients.append(self)

    def kill(self) -> None:
        """End as by kill -9: what is under way ends here; what reached a node or the API stays."""
        self.killed = True
        for task in self._calls:
            if task is not asyncio.current_task():
                task.cancel()

    @asynccontextmanager
    async def call(self, point: Point, seconds: float = 0) -> AsyncIterator[None]:
        """A call that takes so long: half of it before the effect, which is the body, and half of it after."""
        self.check()
        task = asyncio.current_task()
        if task is None or task in self._calls:
            raise UnplannedError(f"{point}: calls of the World come from tasks, one at a time")
        self._calls[task] = None
        try:
            self._strike(point, "before")
            await self._thaw()
            await asyncio.sleep(seconds / 2)
            yield
            await asyncio.sleep(seconds / 2)
            self._strike(point, "after")
            await self._thaw()
        except asyncio.CancelledError:
            if not self.killed:
                raise
            task.uncancel()
            raise ClientKilled from None
        finally:
            del self._calls[task]

    def landed(self, what: str) -> None:
        """A change by this client has reached a node or the API."""
        self.cluster.landed.append(Landed(self.cluster.clients.index(self), self.cluster.now, what))

    async def _thaw(self) -> None:
        left = self.frozen_until - self.cluster.now
        if left > 0:
            await asyncio.sleep(left)
            await self._thaw()  # it may have been frozen anew meanwhile

    def check(self) -> None:
        """Nothing is done for a dead client, nor in a cluster whose model broke."""
        self.cluster.raise_bug()
        if self.killed:
            raise ClientKilled

    def _strike(self, point: Point, moment: Moment) -> None:
        for fault in self.cluster.faults.due(point, moment):
            self._suffer(fault, point)

    def _suffer(self, fault: Fault, point: Point) -> None:
        cluster = self.cluster
        match fault.kind:
            case "ssh-cut":
                cut(cluster, cluster.nodes[point.node], fault.seconds)
                raise NodeUnreachableError(
                    f"ssh to {point.node}: {fault.text or 'connection lost'}", fix="run apply again"
                )
            case "api-unreachable":
                cluster.api_cut_until = cluster.now + fault.seconds
                raise ApiError(
                    f"{point.call} {point.path}: {fault.text or 'connection lost'}", fix="run apply again", status=0
                )
            case "node-reboot":
                reboot(cluster, cluster.nodes[point.node or fault.node])
            case "client-freeze":
                self.frozen_until = max(self.frozen_until, cluster.now + fault.seconds)
            case "client-kill":
                for client in cluster.clients:
                    client.kill()
                raise ClientKilled
            case _:
                raise UnplannedError(f"{fault.kind} cannot strike at {point}")
