"""`plan` on a real API server, whose nodes the simulation plays: `python -m bench.scale.plan_once KUBECONFIG`."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from kubectl_upgrade.cli.plan import make, write_plan
from kubectl_upgrade.cli.running import run
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.read import load
from kubectl_upgrade.planner.make_plan import Options
from kubectl_upgrade.simulation.client import Client
from kubectl_upgrade.simulation.nodes import SimulatedNodes
from kubectl_upgrade.simulation.sample import add_worker, sample
from kubectl_upgrade.world import World
from kubectl_upgrade.world.clock import RealClock
from kubectl_upgrade.world.kubeconfig import KubernetesOptions
from kubectl_upgrade.world.kubernetes import KubernetesCluster
from kubectl_upgrade.world.state import FolderState, default_root

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.world import FactOutput, Machine

FROM, TO = "v1.34.4", "v1.35.4"


class PlayedNodes(SimulatedNodes):
    """Three control planes, and each worker from when it is asked."""

    def __init__(self, model: ModelCluster) -> None:
        super().__init__(Client(model))
        self._model = model

    async def probe(self, machine: Machine, facts: Sequence[str]) -> Mapping[str, FactOutput]:
        if machine.name not in self._model.nodes:
            add_worker(self._model, machine.name, machine.address)
        return await super().probe(machine, facts)


def main(kubeconfig: str) -> None:
    """What `kubectl upgrade-cp plan --to` does, with its own parts."""
    clock, model = RealClock(), sample(3, 0, FROM)
    model.epoch = clock.now() - timedelta(seconds=clock.monotonic())  # an event loop's time is the monotonic clock's
    world = World(
        nodes=PlayedNodes(model),
        cluster=KubernetesCluster(KubernetesOptions(kubeconfig=kubeconfig)),
        clock=clock,
        state=FolderState(default_root()),
    )
    made, _ = run(world, make(world, Version.parse(TO), Options(waivers={}, waive_until=""), "auto"))
    load(write_plan(made).encode(), "the plan")


if __name__ == "__main__":
    main(sys.argv[1])
