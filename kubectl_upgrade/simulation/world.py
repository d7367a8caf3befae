"""A World over a modelled cluster."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from kubectl_upgrade.simulation.api import SimulatedApi
from kubectl_upgrade.simulation.client import Client
from kubectl_upgrade.simulation.faults import Point
from kubectl_upgrade.simulation.nodes import SimulatedNodes
from kubectl_upgrade.simulation.state import MemoryState
from kubectl_upgrade.world import World

if TYPE_CHECKING:
    from datetime import datetime

    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.state import Folder


def simulated_world(cluster: ModelCluster, folder: Folder | None = None) -> World:
    """A new process of the tool: a second World over the same cluster and folder goes on where the first was killed.

    `folder` is the state folder, the cluster's own when none is given. It runs on a `VirtualLoop` (loop.run).
    """
    client = Client(cluster)
    return World(
        nodes=SimulatedNodes(client),
        cluster=SimulatedApi(client),
        clock=VirtualClock(client),
        state=MemoryState(client, folder or cluster.folder),
    )


class VirtualClock:
    """Clock: the loop's time."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return self._client.cluster.epoch + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds: float) -> None:
        async with self._client.call(Point(call="clock.sleep"), max(seconds, 0)):
            pass
