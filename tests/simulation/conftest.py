"""A person at work on a modelled cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import pytest

from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.world import Fence, Json, Machine, UnitStatus, World

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.cluster import ModelCluster

RUN = "0123456789abcdef" * 2


@dataclass
class Operator:
    """Holds the fence of every node and starts actions, each as a unit of its own."""

    model: ModelCluster
    world: World
    fence: Fence = field(default_factory=lambda: Fence(RUN, 1, "0" * 16))
    units: int = 0

    def machine(self, name: str) -> Machine:
        return Machine(name, self.model.nodes[name].address)

    async def hold(self, *names: str) -> None:
        for name in names or self.model.nodes:
            await self.world.nodes.install(self.machine(name))
            await self.world.nodes.raise_fence(self.machine(name), self.fence)

    async def start(self, node: str, action: str, *args: str, unit: str = "") -> str:
        self.units += 1
        name = unit or f"upgrade-cp-{RUN[:8]}-{self.units:012x}-1"
        await self.world.nodes.start(self.machine(node), self.fence, name, action, args)
        return name

    async def ended(self, node: str, unit: str) -> UnitStatus:
        """Its end, with the whole output."""
        while (await self.world.nodes.wait(self.machine(node), unit, 30)).state == "running":
            pass
        return await self.world.nodes.wait(self.machine(node), unit, 0)

    async def act(self, node: str, action: str, *args: str) -> UnitStatus:
        return await self.ended(node, await self.start(node, action, *args))

    async def fact(self, node: str, name: str) -> list[str]:
        """Lines of one fact that could be observed."""
        found = (await self.world.nodes.probe(self.machine(node), [name]))[name]
        assert found.exit_code == 0, found.text
        return found.text.splitlines()

    async def get(self, path: str) -> Json:
        return await self.world.cluster.get(path)


Operate: TypeAlias = Callable[..., Operator]


@pytest.fixture
def operate() -> Operate:
    """Someone to work on a model, by default on a sample of 3 + 3."""

    def make(model: ModelCluster | None = None) -> Operator:
        chosen = model or sample()
        return Operator(chosen, simulated_world(chosen))

    return make
