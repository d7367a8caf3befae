"""The gate between batches of workers: what is upgraded is Ready, and nothing there has begun to crash."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubectl_upgrade.engine.events import Note
from kubectl_upgrade.engine.gate import at_once
from kubectl_upgrade.engine.waiting import patiently, until
from kubectl_upgrade.facts.crash_loops import read_crash_loops
from kubectl_upgrade.facts.nodes import read_nodes
from kubectl_upgrade.model.errors import StepError, StoppedError
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.plan import PoolTargets
from kubectl_upgrade.model.words import some_of
from kubectl_upgrade.planfile.build_step import moves_kubelets
from kubectl_upgrade.planfile.targets import targets_of
from kubectl_upgrade.steps.base import Worker

if TYPE_CHECKING:
    from kubectl_upgrade.engine.run import Run
    from kubectl_upgrade.facts.crash_loops import CrashLoop
    from kubectl_upgrade.model.plan import Hop, Stage

# what depends on a pod that was just moved may fail until that one is there again
_SETTLE_SECONDS = 300
_POLL_SECONDS = 5.0
# of a big pool, each look reads all pods of the cluster
_LOOKS = 10


@dataclass(slots=True)
class Batches:
    """What one apply has seen of the workers that are done."""

    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _judged: dict[str, int] = field(default_factory=dict)
    """`hop/stage` → how many workers of the hop were done at its last look"""
    _begun: set[str] = field(default_factory=set)
    """hops in which this apply has come to the workers"""
    _untold: bool = True

    async def begin(self, run: Run, hop: Hop) -> None:
        """Before the hop's first worker: remember what crashes without our help."""
        self._begun.add(str(hop.to))
        if str(hop.to) in run.history.crash_loops:
            return
        found = await patiently(run.world.clock, lambda: read_crash_loops(run.world.cluster))
        if isinstance(found, Unknown):
            self._tell_unknown(run, found)
            return
        # a journal that begins in the middle, after a take-over, must not take what the upgrade broke for old
        nodes = await patiently(run.world.clock, lambda: read_nodes(run.world.cluster))
        pooled = {worker.uid for pool in run.plan.pools for worker in pool.nodes}
        new = {node.name for node in nodes if node.uid in pooled and node.kubelet >= hop.to}
        workloads = sorted({loop.workload for loop in found if loop.node not in new})
        await run.history.record("crash-loops", str(hop.to), workloads=workloads)

    async def pass_gate(self, run: Run, hop: Hop, stage: Stage, worker: Worker) -> None:
        """StepError, and nothing new begins, unless the batches before are well; a batch is what works side by side."""
        size = len(worker.pool.nodes)
        batch = max(at_once(stage, size), size // _LOOKS)
        subject = f"{hop.to}/{stage.stage}"
        async with self._looking:
            _heed_stop(run)
            done = sum(run.history.done_in[f"{hop.to}/{one.stage}"] for one in _batches(hop))
            before = self._judged.get(subject)
            if not done or (before is not None and done < before + batch):
                return

            async def wrong() -> str | None:
                return None if run.stop.reason else await self._wrong(run, hop, stage)

            what = f"{done} upgraded worker(s) to be well before {worker.name} is begun"
            try:
                await until(run.world.clock, what, _SETTLE_SECONDS, wrong, every_seconds=_POLL_SECONDS)
            except StepError:
                run.stop.ask("stopped because workers that are upgraded are not well")
                raise
            _heed_stop(run)
            self._judged[subject] = done

    async def after_the_last(self, run: Run, hop: Hop) -> None:
        """The last batch has no gate behind it; what is found there is told."""
        if str(hop.to) not in self._begun:
            return
        loops = await patiently(run.world.clock, lambda: self._new_loops(run, hop))
        if loops:
            run.watch(Note(f"crash-looping since their node was upgraded: {some_of(loops)}"))

    async def _wrong(self, run: Run, hop: Hop, stage: Stage) -> str | None:
        """Nodes that are not Ready count together with those that failed: the plan says how many it bears."""
        done = upgraded(run, hop)
        nodes = {node.uid: node for node in await read_nodes(run.world.cluster)}
        ill = [worker.name for uid, worker in done.items() if uid in nodes and not nodes[uid].ready]
        if ill and len(ill) + len(run.failed) > stage.max_failures:
            return f"{some_of(ill)} not Ready since upgraded"
        old = [w.name for uid, w in done.items() if uid in nodes and nodes[uid].ready and nodes[uid].kubelet < hop.to]
        if old:
            return f"{some_of(old)} at an older kubelet than {hop.to} again"
        loops = await self._new_loops(run, hop)
        if loops:
            return f"pods crash-loop that did not before their node was upgraded: {some_of(loops)}; see their logs"
        return None

    async def _new_loops(self, run: Run, hop: Hop) -> list[str]:
        known = run.history.crash_loops.get(str(hop.to))
        if known is None:
            return []
        found = await read_crash_loops(run.world.cluster)
        if isinstance(found, Unknown):
            self._tell_unknown(run, found)
            return []
        names = {worker.name for worker in upgraded(run, hop).values()}

        def is_new(loop: CrashLoop) -> bool:
            return loop.node in names and loop.workload not in known

        return sorted(str(loop) for loop in found if is_new(loop))

    def _tell_unknown(self, run: Run, unknown: Unknown) -> None:
        if self._untold:
            run.watch(Note(f"whether pods begin to crash-loop is not watched: {unknown.reason}"))
        self._untold = False


def _heed_stop(run: Run) -> None:
    """Whoever has waited here, or behind somebody who has, may be late."""
    if run.stop.reason:
        raise StoppedError(run.stop.reason, fix="run apply again to go on")


def _batches(hop: Hop) -> list[Stage]:
    """Its stages of workers."""
    return [stage for stage in hop.stages if moves_kubelets(stage) and isinstance(stage.targets, PoolTargets)]


def upgraded(run: Run, hop: Hop) -> dict[str, Worker]:
    """Workers of the hop that are done, by uid."""
    return {
        target.uid: target
        for stage in _batches(hop)
        for target in targets_of(run.plan, hop, stage)
        if isinstance(target, Worker) and f"{hop.to}/{stage.stage}/{target.name}" in run.history.targets_done
    }
