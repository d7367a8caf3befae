"""How available the API is while the plan runs: a small read and a small write each second, beside the engine."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.engine import lock
from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.waiting import patiently, unanswered
from kubectl_upgrade.model.errors import AccessError, ApiError, ConflictError, NotFoundError, UpgradeError
from kubectl_upgrade.model.names import LOCK_COLLECTION, PROBE_NAME, PROBE_PATH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.world import Clock, Cluster, Json

# how long it may keep the run waiting, once
_MAKE_SECONDS = 10


@dataclass(slots=True)
class Tally:
    """Requests of one kind."""

    requests: int = 0
    failed: int = 0
    twice: bool = False
    """two in a row failed"""
    gap: float = 0.0
    """longest time between two that succeeded, seconds"""

    def __str__(self) -> str:
        return f"{self.requests}, failed {self.failed}, longest gap {self.gap:.1f} s"

    def entry(self) -> Json:
        return {**asdict(self), "gap": round(self.gap, 3)}


class Probe:
    """Counts; it never fails and keeps nobody waiting."""

    def __init__(self, cluster: Cluster, clock: Clock, every_seconds: int) -> None:
        self.reads, self.writes = Tally(), Tally()
        self.refused = ""
        """why it ended before the run: what the API refuses is no failure of the API"""
        self._cluster, self._clock, self._every = cluster, clock, every_seconds

    async def run(self, uid: str) -> None:
        """Until it is cancelled, or the object is gone or another one: then somebody else has ended the run."""

        async def write() -> None:
            at = self._clock.now().isoformat(timespec="microseconds").replace("+00:00", "Z")
            await self._cluster.patch(PROBE_PATH, {"metadata": {"uid": uid}, "spec": {"renewTime": at}})

        async def read() -> None:
            await self._cluster.get(PROBE_PATH)

        await asyncio.gather(self._repeat(read, self.reads), self._repeat(write, self.writes))

    async def _repeat(self, ask: Callable[[], Awaitable[None]], tally: Tally) -> None:
        answered = self._clock.monotonic()
        failing = False
        try:
            while True:
                began = self._clock.monotonic()
                try:
                    await ask()
                except AccessError as error:
                    if isinstance(error, ApiError) and not error.starting and not unanswered(error):
                        self.refused = self.refused or error.message
                        return
                    tally.failed += 1
                    tally.twice = tally.twice or failing
                    failing = True
                else:
                    failing, now = False, self._clock.monotonic()
                    tally.gap, answered = max(tally.gap, now - answered), now
                tally.requests += 1
                # one that was answered late leaves no time to sleep
                await self._clock.sleep(max(0.0, began + self._every - self._clock.monotonic()))
        finally:
            if failing:
                tally.gap = max(tally.gap, self._clock.monotonic() - answered)


@asynccontextmanager
async def measured(run: Run) -> AsyncIterator[None]:
    """Measure beside what is done inside, if the plan says so, and keep the figures in the journal."""
    wanted = run.plan.availability
    uid = await _object(run) if wanted is not None else ""
    if wanted is None or not uid:
        yield
        return
    probe = Probe(run.world.probe or run.world.cluster, run.world.clock, wanted.every_seconds)
    task = asyncio.create_task(probe.run(uid))
    stopped = True
    try:
        yield
        stopped = False
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(ended, Exception):
            run.watch(Note(f"availability was not measured to the end: {ended!r}"))
        if probe.refused:
            run.watch(Note(f"availability was not measured to the end: {probe.refused}"))
        if stopped:  # a run that ends well has a summary
            run.watch(Note(f"the API meanwhile: reads {probe.reads}; writes {probe.writes}"))
        with suppress(UpgradeError):  # whatever ended the run says more
            figures = {"reads": probe.reads.entry(), "writes": probe.writes.entry()}
            await run.history.record("availability", wanted.write, **figures)


async def _object(run: Run) -> str:
    """Uid of the Lease that is written, made if it is not there; empty when it cannot be: nothing is measured then."""
    body = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": PROBE_NAME, "namespace": "kube-system"},
        "spec": {"holderIdentity": run.fence.run[:8]},
    }

    async def make() -> Json:
        try:
            return await run.cluster.create(LOCK_COLLECTION, body)
        except ConflictError:  # an earlier apply's
            return await run.world.cluster.get(PROBE_PATH)

    try:
        made = await patiently(run.world.clock, make, _MAKE_SECONDS)
    except ApiError as error:
        run.watch(Note(f"availability is not measured: {error.message}"))
        return ""
    return str(made["metadata"]["uid"])


async def remove(run: Run) -> None:
    """Delete the Lease while the lock is still there: nobody else's run can have one of that name then."""
    if run.plan.availability is None:
        return
    cluster, clock = run.world.cluster, run.world.clock
    try:
        held = await patiently(clock, lambda: lock.holder(cluster))
        there = await patiently(clock, lambda: cluster.get(PROBE_PATH))
        owner = cluster if held is None else run.cluster
        await patiently(clock, lambda: owner.delete(PROBE_PATH, uid=there["metadata"]["uid"]))
    except (NotFoundError, ConflictError):
        return
    except ApiError as error:
        run.watch(Note(f"Lease kube-system/{PROBE_NAME} stays: {error.message}"))
