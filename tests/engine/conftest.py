"""The engine over the simulation: an operator who plans, applies, and applies again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.etcd_way import question
from kubectl_upgrade.checks.judge import judge
from kubectl_upgrade.engine.apply import Applying, execute, look
from kubectl_upgrade.engine.events import StageBegins
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.engine.schedule import Limits
from kubectl_upgrade.facts import rendered
from kubectl_upgrade.facts.gather import ask_control_planes, gather
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planner.make_plan import Options, make_plan
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.engine.history import History
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.state import Folder


def taken_apart(model: ModelCluster) -> set[str]:
    """Nodes where something but preparation has run."""
    harmless = {"apt-fetch-packages", "pull-images", "backup-etcd"}
    return {record.node for record in model.trace if record.action not in harmless}


@dataclass
class Operator:
    """Someone with a state folder."""

    model: ModelCluster
    folder: Folder | None = None
    stop: Stop = field(default_factory=Stop)
    events: list[Event] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)
    heed: Callable[[Event], None] | None = None

    async def plan(self, to: str = "v1.35.4", options: Options | None = None) -> Plan:
        target = Version.parse(to)
        chosen = options or Options(waivers={}, waive_until="", availability_probe=False)
        world = simulated_world(self.model, self.folder)
        facts = await gather(world, also=(rendered.NAME,))
        further = question(facts, target)
        facts = await ask_control_planes(world, facts, further) if further else facts
        return make_plan(facts, target, judge(facts, Aim(target), chosen.waivers), chosen)

    async def apply(self, plan: Plan, take_over: str = "") -> History:
        """A new process each time."""
        self.stop = Stop()
        world = simulated_world(self.model, self.folder)
        ready = await look(world, plan, take_over)
        applying = Applying(who="ops@test", watch=self._watch, stop=self.stop, limits=self.limits)
        return await execute(world, ready, applying)

    def _watch(self, event: Event) -> None:
        self.events.append(event)
        if self.heed is not None:
            self.heed(event)


@pytest.fixture
def operator() -> Operator:
    return Operator(sample())


def once_begun(operator: Operator, stage: str, do: Callable[[], object]) -> None:
    """Do it when the stage begins, after the checks have judged."""

    def heed(event: Event) -> None:
        if isinstance(event, StageBegins) and event.stage == stage:
            operator.heed = None
            do()

    operator.heed = heed
