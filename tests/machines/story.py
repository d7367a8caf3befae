"""What both stories share: our own look at a cluster, and our own step on one of its MachineDeployments."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from kubectl_upgrade.engine.waiting import until
from kubectl_upgrade.facts.machines import read_machines
from kubectl_upgrade.facts.node_owners import belonging
from kubectl_upgrade.facts.nodes import read_nodes
from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.model.machines import DeploymentObject, Machines
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.read import load
from kubectl_upgrade.planner.managed import entry_of
from kubectl_upgrade.steps.base import Action, Managed, StepContext
from kubectl_upgrade.steps.upgrade_machine_deployment import UpgradeMachineDeployment
from kubectl_upgrade.world import Cluster
from kubectl_upgrade.world.clock import RealClock
from tests.lab.errors import TimedOutError

PLAN = Path(__file__).parents[2] / "plans" / "three-control-planes.yaml"


class Story:
    """Tells what happens as it happens; the test reads it, and so does the documentation."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._clock = RealClock()
        self._began = self._clock.monotonic()

    def tell(self, line: str) -> None:
        print(f"{self._clock.monotonic() - self._began:6.1f} s  {line}", flush=True)  # noqa: T201 - it is a program

    async def look(self) -> Machines:
        """As `plan` looks."""
        found = await read_machines(self.cluster)
        return belonging(found, await read_nodes(self.cluster))

    async def settled(self, name: str) -> DeploymentObject:
        """When the MachineDeployment is at rest; TimedOutError when it does not come to it."""
        said = ""
        for _ in range(600):
            found = [one for one in (await self.look()).deployments if one.name == name]
            now = "; ".join(f"{one}: {one.rollout}" for one in found)
            if now != said:
                self.tell(now)
                said = now
            if found and found[0].rollout.done:
                return found[0]
            await self._clock.sleep(1)
        raise TimedOutError(f"{name} does not come to rest: {said}")

    async def kubelets(self) -> list[str]:
        """Of all nodes."""
        return sorted({str(node.kubelet) for node in await read_nodes(self.cluster)})

    async def upgrade(self, name: str, version: str, *, stall_seconds: int = 600) -> StepError | None:
        """The step, as the engine would run it; what it failed with."""
        (found,) = [one for one in (await self.look()).deployments if one.name == name]
        entry = entry_of(found)
        if entry is None:
            raise RuntimeError(f"{found} cannot be planned")
        self.tell(f"plan: {entry}")
        step = UpgradeMachineDeployment(version=Version.parse(version), stall_seconds=stall_seconds)
        context = self._context(entry)
        try:
            if await step.done(context):
                self.tell("already done")
            else:
                await step.run(context)
                self.tell(f"done: kubelets {await self.kubelets()}")
        except StepError as error:
            self.tell(f"failed: {error.message}\nfix: {error.fix}")
            return error
        return None

    def _context(self, entry: Any) -> StepContext:
        async def no_action(action: Action) -> str:
            del action
            raise TypeError("this step has no action")

        plan = replace(load(PLAN.read_bytes(), str(PLAN)), machine_deployments=(entry,))
        nothing: Any = None
        return StepContext(
            plan=plan,
            target=Managed.of(entry),
            run8="01234567",
            nodes=nothing,
            cluster=self.cluster,
            clock=self._clock,
            act=no_action,
            until=partial(until, self._clock),
            say=self.tell,
            tell=self.tell,
        )
