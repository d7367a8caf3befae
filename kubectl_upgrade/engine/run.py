"""A run: what all its targets share."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubectl_upgrade.engine.batches import Batches
from kubectl_upgrade.engine.drain_turns import DrainTurns
from kubectl_upgrade.engine.guarded import GuardedCluster
from kubectl_upgrade.engine.nodes_look import NodesLook
from kubectl_upgrade.engine.waiting import reach
from kubectl_upgrade.facts.gather import probe_hosts
from kubectl_upgrade.model.errors import StepError, UpgradeError
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.run_record import RunRecord
from kubectl_upgrade.steps.base import machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_upgrade.engine.events import Watch
    from kubectl_upgrade.engine.history import History
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.steps.base import NodeTarget
    from kubectl_upgrade.world import Fence, World
    from kubectl_upgrade.world.backup_folder import BackupFolder


@dataclass(slots=True)
class Stop:
    """Asks the engine to stop at the next safe point: between two steps."""

    reason: str = ""
    begun: bool = False
    """from now on, stopping means to finish the running step"""

    def ask(self, reason: str) -> None:
        """The first reason stays."""
        self.reason = self.reason or reason


@dataclass(slots=True, kw_only=True)
class Run:
    """One execution of a plan by the holder of its fence."""

    world: World
    plan: Plan
    fence: Fence
    history: History
    watch: Watch
    stop: Stop
    working_on: set[str] = field(default_factory=set)
    """names of the workers in flight"""
    failed: set[str] = field(default_factory=set)
    """names of targets that failed in this apply and are borne by their stage's maxFailures"""
    drains: DrainTurns = field(default_factory=DrainTurns)
    drain_seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """`hop/stage` → what the drains of this apply took in it"""
    batches: Batches = field(default_factory=Batches)
    fenced: set[str] = field(default_factory=set)
    backup_to: BackupFolder | None = None
    """where backups are brought, off the nodes"""
    look: NodesLook = field(init=False)
    pool_of: Mapping[str, str] = field(init=False)
    """uid of a worker → name of its pool"""

    def __post_init__(self) -> None:
        self.look = NodesLook(self.world)
        self.pool_of = {node.uid: pool.name for pool in self.plan.pools for node in pool.nodes}

    @property
    def cluster(self) -> GuardedCluster:
        return GuardedCluster(self.world.cluster, self.fence)

    async def fence_node(self, target: NodeTarget) -> None:
        """Bring the bundle and raise the fence, once for each node and apply."""
        if target.name not in self.fenced:
            clock, nodes, place = self.world.clock, self.world.nodes, machine(target)
            await reach(clock, lambda: nodes.install(place))
            await reach(clock, lambda: nodes.raise_fence(place, self.fence))
            self.fenced.add(target.name)

    async def take_fence_back(self, target: NodeTarget) -> None:
        """The run has gone on, or ended, without this client: a fence that it has raised late, on a fresh node, would
        stay there for ever. A node heeds this only from that very fence; what has run there is never forgotten.
        """
        host = (await probe_hosts(self.world.nodes, [machine(target)], ("run",)))[target.name]
        record = host if isinstance(host, Unknown) else host.run
        if isinstance(record, RunRecord) and not record.units:
            with suppress(UpgradeError):
                await self.world.nodes.release(machine(target), self.fence)

    async def running_on(self, target: NodeTarget) -> str | None:
        """Name of a unit of ours that runs there now."""
        host = (await probe_hosts(self.world.nodes, [machine(target)], ("run",)))[target.name]
        record = host if isinstance(host, Unknown) else host.run
        if not isinstance(record, RunRecord):
            raise StepError(
                f"{target.name}: what runs there could not be read: {record.reason}",
                fix=f"abort again when it answers, or abort --without {target.name} if it never will",
            )
        return next((unit.unit for unit in record.units if unit.state == "running"), None)
