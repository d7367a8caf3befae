"""A seed reproduces a run bit for bit."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import AccessError
from kubectl_upgrade.simulation.faults import Fault
from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.sample import sample

if TYPE_CHECKING:
    from tests.simulation.conftest import Operate, Operator

_IN_ANOTHER_PROCESS = """
import asyncio, hashlib
from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.world import Fence, Machine

async def main(model):
    world, fence, seen = simulated_world(model), Fence("a" * 32, 1, "0" * 16), []
    async def one(index, node):
        machine = Machine(node.name, node.address)
        await world.nodes.install(machine)
        await world.nodes.raise_fence(machine, fence)
        unit = f"upgrade-cp-aaaaaaaa-{index:012x}-1"
        await world.nodes.start(machine, fence, unit, "apt-install-kubeadm", ("1.35.4", "v1.35"))
        seen.append((await world.nodes.wait(machine, unit, 30), node.name, world.clock.monotonic()))
    async with asyncio.TaskGroup() as group:
        for index, node in enumerate(model.nodes.values()):
            group.create_task(one(index, node))
    seen.append(await world.cluster.list("/api/v1/pods"))
    return seen

model = sample(seed=7)
print(hashlib.sha256(repr((run(main(model), seed=7), model.trace)).encode()).hexdigest())
"""


async def _upgrade_beside_faults(operator: Operator) -> list[object]:
    seen: list[object] = []

    async def one(name: str, *action: str) -> None:
        try:
            await operator.hold(name)
            seen.append((name, await operator.act(name, *action)))
        except AccessError as error:
            seen.append((name, error.message))

    await asyncio.gather(*(one(name, "apt-install-kubeadm", "1.35.4", "v1.35") for name in operator.model.nodes))
    await operator.world.clock.sleep(10)
    await one("cp1", "kubeadm-apply", "v1.35.4", "none", "none")
    seen.append(await operator.world.cluster.list("/api/v1/nodes"))
    return [*seen, operator.world.clock.monotonic(), operator.model.trace, operator.model.faults.struck]


def _once(operate: Operate, seed: int) -> list[object]:
    model = sample(seed=seed)
    model.faults.add(Fault(kind="ssh-cut", moment="", probability=0.05, times=3, call="nodes.wait"))
    return run(_upgrade_beside_faults(operate(model)), seed=seed)


def test_two_runs_of_a_seed_are_equal(operate: Operate) -> None:
    for seed in (1, 2):
        assert _once(operate, seed) == _once(operate, seed)


def test_another_seed_is_another_run(operate: Operate) -> None:
    assert _once(operate, 1) != _once(operate, 2)


def test_hash_randomisation_changes_nothing() -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-c", _IN_ANOTHER_PROCESS],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
