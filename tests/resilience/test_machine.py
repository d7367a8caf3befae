"""Lock, fences and journals under every order of what operators, crashes and others may do to them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kubectl_upgrade.engine import lock
from kubectl_upgrade.engine.guarded import GuardedCluster
from kubectl_upgrade.model.errors import ConflictError, LockedError, StepError, UpgradeError
from kubectl_upgrade.model.names import EPOCH_ANNOTATION, LOCK_PATH
from kubectl_upgrade.simulation.loop import VirtualLoop
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.world import Fence, Machine

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from kubectl_upgrade.world import Journal, World

T = TypeVar("T")
UID = "3f2b7c1e-0000-4000-8000-0123456789ab"
NAMES = ("ann", "bob", "cleo")
WHO = st.sampled_from(NAMES)
NODE = st.sampled_from(("cp1", "w1"))


@dataclass
class Operator:
    """A process of the tool, or none, over a state folder that outlives it."""

    name: str
    folder: Folder
    world: World
    journal: Journal | None = None
    fence: Fence | None = None
    pending: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """patches that it was about to send when it stood still; nothing else is done until it wakes"""


class LockFenceJournal(RuleBasedStateMachine):
    """The engine's own functions, one small step at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.model = sample(1, 1)
        self.people = {
            name: Operator(name, folder, simulated_world(self.model, folder))
            for number, name in enumerate(NAMES)
            for folder in [Folder(number, name)]
        }
        self.epochs: dict[str, Fence | None] = {"cp1": None, "w1": None}
        self.units = 0
        self.intents: set[str] = set()
        self.late: list[str] = []

    def teardown(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.do(asyncio.wait(tasks) if tasks else asyncio.sleep(0))
        self.loop.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def machine(self, name: str) -> Machine:
        return Machine(name, self.model.nodes[name].address)

    async def _enter(self, person: Operator, epoch: int, *, create: bool) -> None:
        assert person.journal is not None
        fence = Fence(person.journal.run, epoch, lock.owner(person.journal.nonce))
        claim = lock.Claim(fence=fence, nonce=person.journal.nonce, plan="p", who=person.name, since="now")
        try:
            await lock.take(person.world.cluster, claim, create=create)
        except LockedError:
            await person.journal.close()
            person.journal = None
            raise
        nodes = person.world.nodes
        await nodes.install(self.machine("cp1"))
        try:
            await nodes.raise_fence(self.machine("cp1"), fence)
        except LockedError:  # somebody took the lock away under a run: its fences keep everybody else out
            if create:
                await lock.release(person.world.cluster, fence)
            await person.journal.close()
            person.journal = None
            raise
        person.fence = fence

    @rule(who=WHO)
    def begin(self, who: str) -> None:
        person = self.people[who]
        if person.journal is not None or person.pending:
            return

        async def work() -> None:
            person.journal = await person.world.state.resume(UID) or await person.world.state.begin(UID, "p")
            held = await lock.holder(person.world.cluster)
            await self._enter(person, held.epoch if held is not None else 1, create=True)

        with suppress(LockedError):
            self.do(work())

    @rule(who=WHO)
    def take_over(self, who: str) -> None:
        person = self.people[who]

        async def work() -> None:
            held = await lock.holder(person.world.cluster)
            if held is None or person.journal is not None:
                return
            person.journal = await person.world.state.adopt(UID, held.run, "p")
            await self._enter(person, held.epoch + 1, create=False)
            # the node in flight is changed, so that what the old client prepared meets another one
            guarded = GuardedCluster(person.world.cluster, person.fence)  # type: ignore[arg-type]
            for name in ("cp1", "w1"):
                said = {"metadata": {"annotations": {EPOCH_ANNOTATION: f"{held.run[:8]}-{held.epoch + 1}"}}}
                await guarded.patch(f"/api/v1/nodes/{name}", said)

        with suppress(LockedError):
            self.do(work())

    @rule(who=WHO, node=NODE)
    def act(self, who: str, node: str) -> None:
        """Intent, fence, lock, start: as the engine does it."""
        person = self.people[who]
        if person.fence is None or person.pending:
            return
        self.units += 1
        unit = f"upgrade-cp-{person.fence.run[:8]}-{self.units:012x}-1"

        async def work() -> None:
            assert person.journal is not None
            assert person.fence is not None
            await person.journal.append({"event": "step-begins", "subject": unit})
            self.intents.add(unit)
            await person.world.nodes.install(self.machine(node))
            await person.world.nodes.raise_fence(self.machine(node), person.fence)
            if node == "w1":
                await lock.demand(person.world.cluster, person.fence)
            words = ["v1.34.4", "apt"]
            await person.world.nodes.start(self.machine(node), person.fence, unit, "restart-kubelet", words)
            if node == "w1":  # on a control plane the fence decides, also when somebody took the lock away
                await self._must_hold(person, f"start {unit}")

        with suppress(LockedError, StepError):
            self.do(work())

    async def _must_hold(self, person: Operator, what: str) -> None:
        """Whoever acts holds the lock, or nobody does: a person took it away."""
        held = await lock.holder(self.people["ann"].world.cluster)
        mine = person.fence
        if held is not None and mine is not None and (held.run, held.epoch) != (mine.run, mine.epoch):
            self.late.append(what)

    @rule(who=WHO, node=NODE)
    def write(self, who: str, node: str) -> None:
        person = self.people[who]
        if person.fence is None or person.pending:
            return
        guarded = GuardedCluster(person.world.cluster, person.fence)

        async def work() -> None:
            path = f"/api/v1/nodes/{node}"
            version = (await guarded.get(path))["metadata"]["resourceVersion"]
            body = {"metadata": {"resourceVersion": version, "annotations": {"by": person.name}}}
            await guarded.patch(path, body)
            await self._must_hold(person, f"patch {node}")

        with suppress(LockedError, ConflictError):
            self.do(work())

    @rule(node=NODE)
    def stand_still_before_writing(self, node: str) -> None:
        """Whoever holds the lock has read node and lock, and the laptop's lid is closed."""
        for person in self.people.values():
            if person.fence is not None:
                self._stand_still(person, node)

    def _stand_still(self, person: Operator, node: str) -> None:
        async def work() -> None:
            path = f"/api/v1/nodes/{node}"
            version = (await person.world.cluster.get(path))["metadata"]["resourceVersion"]
            await lock.demand(person.world.cluster, person.fence)  # type: ignore[arg-type]
            body = {"metadata": {"resourceVersion": version, "annotations": {"late": person.name}}}
            person.pending.append((path, body))

        with suppress(LockedError):
            self.do(work())

    @rule()
    def wake(self) -> None:
        """The requests go out. After a take-over the nodes have changed, and they fail.

        Where the lock was merely taken away, the fences are still the sleeper's: a new run gets no further than its
        lock, and the one request that was on its way may land.
        """
        for person in self.people.values():
            self._wake(person)

    def _wake(self, person: Operator) -> None:
        pending, person.pending = person.pending, []

        async def work() -> None:
            for path, body in pending:
                with suppress(ConflictError):
                    await person.world.cluster.patch(path, body)
                    if self.model.nodes["cp1"].fence != person.fence:
                        await self._must_hold(person, f"late patch of {path}")

        self.do(work())

    @rule(who=WHO)
    def crash(self, who: str) -> None:
        """Kill -9; the state folder stays."""
        old = self.people[who]
        for client in self.model.clients:
            if getattr(old.world.nodes, "_client", None) is client:
                client.kill()
        self.people[who] = Operator(who, old.folder, simulated_world(self.model, old.folder))

    @rule(node=NODE)
    def wait(self, node: str) -> None:
        """What runs there ends."""
        self.do(asyncio.sleep(120))
        assert all(unit.state != "running" for unit in self.model.nodes[node].units.values())

    @precondition(lambda self: self.model.landed)
    @rule()
    def unlock(self) -> None:
        """Somebody deletes the lock; the fences stay."""
        world = simulated_world(self.model, Folder(99, "somebody"))

        async def work() -> None:
            held = await lock.holder(world.cluster)
            if held is not None:
                await world.cluster.delete(LOCK_PATH, uid=held.uid)

        self.do(work())

    @rule(who=WHO)
    def end(self, who: str) -> None:
        """Nodes first, the lock last."""
        person = self.people[who]
        if person.fence is None or person.journal is None or person.pending:
            return

        async def work() -> None:
            for name in ("cp1", "w1"):
                await person.world.nodes.release(self.machine(name), person.fence)  # type: ignore[arg-type]
            await lock.release(person.world.cluster, person.fence)  # type: ignore[arg-type]
            await person.journal.finish()  # type: ignore[union-attr]
            await person.journal.close()  # type: ignore[union-attr]
            person.journal = person.fence = None

        with suppress(UpgradeError):
            self.do(work())

    @invariant()
    def nobody_acts_for_a_run_that_another_holds(self) -> None:
        assert self.late == []

    @invariant()
    def no_act_without_intent(self) -> None:
        for node in self.model.nodes.values():
            assert set(node.units) <= self.intents

    @invariant()
    def epochs_never_go_down(self) -> None:
        for name, before in self.epochs.items():
            now = self.model.nodes[name].fence
            if before is not None and now is not None and before.run == now.run:
                assert now.epoch >= before.epoch
            self.epochs[name] = now

    @invariant()
    def nothing_runs_beside_something_else(self) -> None:
        for node in self.model.nodes.values():
            assert sum(unit.state == "running" for unit in node.units.values()) <= 1


LockFenceJournal.TestCase.settings = settings(
    max_examples=300, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestLockFenceJournal = LockFenceJournal.TestCase
