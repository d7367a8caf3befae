"""One action at work on one node: what it says, how long it takes, where faults strike it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING

from kubectl_upgrade.simulation.faults import Point, UnplannedError
from kubectl_upgrade.simulation.power import cut, reboot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.faults import Fault, Moment
    from kubectl_upgrade.simulation.node import Node, Unit

KILLED = 137


class ActionFailedError(Exception):
    """The action ends with this exit code after these last words."""

    def __init__(self, exit_code: int, text: str) -> None:
        super().__init__(text)
        self.exit_code = exit_code
        self.text = text


class Running:
    """Handed to the model of an action."""

    def __init__(self, cluster: ModelCluster, node: Node, unit: Unit) -> None:
        self.cluster = cluster
        self.node = node
        self._unit = unit
        self._draw = Random(f"{cluster.seed}/{node.name}/{unit.name}")  # noqa: S311 - reproducible, no secret

    @property
    def run8(self) -> str:
        """First digits of the run, as the unit's name has them."""
        return self._unit.name.split("-")[2]

    def say(self, line: str) -> None:
        self._unit.output += f"{line}\n".encode()

    async def takes(self, low: float, high: float | None = None) -> None:
        """Let time pass: between so many seconds, or within 10 % of the one given."""
        await asyncio.sleep(self.between(low, high))

    def between(self, low: float, high: float | None = None) -> float:
        return self._draw.uniform(low, high) if high is not None else self._draw.uniform(0.9 * low, 1.1 * low)

    @asynccontextmanager
    async def phase(self, name: str) -> AsyncIterator[None]:
        """A part of the action, at whose beginning and end faults may strike."""
        point = Point(node=self.node.name, action=self._unit.action, phase=name)
        await self._strike(point, "before")
        yield
        await self._strike(point, "after")

    async def _strike(self, point: Point, moment: Moment) -> None:
        for fault in self.cluster.faults.due(point, moment):
            await self._suffer(fault)

    async def _suffer(self, fault: Fault) -> None:
        match fault.kind:
            case "kubeadm-killed":
                raise ActionFailedError(KILLED, fault.text or "Killed")
            case "action-fails":
                raise ActionFailedError(fault.exit_code, fault.text or "failed")
            case "node-reboot":
                reboot(self.cluster, self.node)
                # the reboot cancelled this very task: let that take effect
                await asyncio.sleep(0)
            case "ssh-cut":
                cut(self.cluster, self.node, fault.seconds)
            case "client-kill":
                for client in self.cluster.clients:
                    client.kill()
            case _:
                raise UnplannedError(f"{fault.kind} cannot strike inside an action")
