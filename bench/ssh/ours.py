"""The five steps by our own layers: `python -m bench.ssh.ours CONFIG BASE ADDRESS...`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.ssh.steps import STEPS
from kubectl_upgrade.engine.actions import ActionRunner
from kubectl_upgrade.model.plan import StepId
from kubectl_upgrade.steps.base import Action
from kubectl_upgrade.world import Fence, Machine
from kubectl_upgrade.world.clock import RealClock
from kubectl_upgrade.world.nodes import SshNodes
from kubectl_upgrade.world.ssh import Ssh, SshOptions
from tests.world.stubs import stubbed

_FENCE = Fence("0123456789abcdef" * 2, 1, "0123456789abcdef")


async def main(config: Path, base: Path, addresses: list[str]) -> None:
    """Bundle, fence and five actions on each machine, as apply does it."""
    actions = {f"{name}.sh": text.format(file='"$UPGRADE_CP_KEEP/file"') for name, text in STEPS.items()}
    with TemporaryDirectory() as stubs, TemporaryDirectory() as sockets:
        bundle = stubbed(Path(stubs), actions)
        nodes = SshNodes(
            Ssh(SshOptions(config=config, connect_timeout_seconds=60, folder=Path(sockets) / "s")), bundle, str(base)
        )
        try:
            await asyncio.gather(*(_one(nodes, Machine(f"n{n}", address)) for n, address in enumerate(addresses)))
        finally:
            await nodes.close()


async def _one(nodes: SshNodes, machine: Machine) -> None:
    await nodes.install(machine)
    await nodes.raise_fence(machine, _FENCE)
    for name in STEPS:
        act = ActionRunner(
            nodes=nodes,
            clock=RealClock(),
            machine=machine,
            fence=_FENCE,
            id=StepId("v1.35.4", "bench", machine.name, name),
            last=None,
            say=lambda _: None,
        )
        await act(Action(name, (), 60))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
