"""`apply` of 5,000 simulated workers, 10 % at a time: virtual time beside the ideal schedule, CPU, memory."""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import time
from dataclasses import dataclass, field
from heapq import heapify, heapreplace
from typing import TYPE_CHECKING

from bench.figures import MIB, figure
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import judge
from kubectl_upgrade.engine.apply import Applying, execute, look
from kubectl_upgrade.engine.events import StageBegins, StepEnds
from kubectl_upgrade.engine.gate import at_once
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.plan import PARALLEL, PoolTargets
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.targets import targets_of_hop
from kubectl_upgrade.planner.make_plan import Options, make_plan
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.steps.base import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.engine.history import History
    from kubectl_upgrade.model.plan import Hop, Plan, Stage
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.steps.base import Target

_TARGET = Version.parse("v1.35.4")


@dataclass
class Watched:
    """What happened, in virtual time."""

    steps: int = 0
    began: dict[str, float] = field(default_factory=dict)
    """stage → when"""

    def watch(self, event: Event) -> None:
        if isinstance(event, StepEnds):
            self.steps += 1
        if isinstance(event, StageBegins):
            self.began[event.stage] = asyncio.get_running_loop().time()


def main(words: Sequence[str] = ()) -> None:
    """Plan, apply, compare."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale_apply", description=__doc__)
    parser.add_argument("--workers", type=int, default=5000)
    workers: int = parser.parse_args(words).workers
    watched = Watched()
    model = sample(3, workers, pods_per_worker=1)
    cpu = time.process_time()
    plan, history, ended = loop.run(_apply(model, watched))
    cpu = time.process_time() - cpu
    took = ended - watched.began["prepare"]
    ideal = sum(_ideal(plan, history, hop) for hop in plan.hops)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB
    figure(f"apply-{workers}-to-ideal-schedule", took / ideal, "ratio", "<= 1.05")
    figure(f"apply-{workers}-virtual", took, "s", f"<= {1.05 * ideal:.0f}")
    figure(f"apply-{workers}-virtual-workers", ended - watched.began["workers"], "s", "")
    figure(f"apply-{workers}-cpu-per-step", 1000 * cpu / watched.steps, "ms", "<= 5")
    figure(f"apply-{workers}-steps", watched.steps, "", "")
    figure(f"apply-{workers}-memory", memory, "MiB", "<= 400")


async def _apply(model: ModelCluster, watched: Watched) -> tuple[Plan, History, float]:
    options = Options(waivers={}, waive_until="", availability_probe=False, max_unavailable="10%")
    facts = await gather(simulated_world(model))
    plan = make_plan(facts, _TARGET, judge(facts, Aim(_TARGET)), options)
    world = simulated_world(model)
    ready = await look(world, plan)
    history = await execute(world, ready, Applying(who="bench", watch=watched.watch, stop=Stop()))
    return plan, history, asyncio.get_running_loop().time()


def _ideal(plan: Plan, history: History, hop: Hop) -> float:
    """Seconds of the hop if each target did nothing but its steps, each as long as it took, and began as soon as
    another one of its stage was done: no gates, no fences, no lock, no look at what is there.
    """
    total = 0.0
    for stage, targets in zip(hop.stages, targets_of_hop(plan, hop), strict=True):
        total += max(_makespan(history, hop, stage, lane, width) for lane, width in _lanes(stage, targets) if lane)
    return total


def _lanes(stage: Stage, targets: Sequence[Target]) -> Iterator[tuple[list[Target], int]]:
    """As the plan has it: how many side by side."""
    workers: list[Target] = [target for target in targets if isinstance(target, Worker)]
    yield [target for target in targets if not isinstance(target, Worker)], 1
    if stage.parallel:
        yield workers, stage.at_once or PARALLEL
    else:
        yield workers, at_once(stage, len(workers)) if isinstance(stage.targets, PoolTargets) else 1


def _makespan(history: History, hop: Hop, stage: Stage, targets: Sequence[Target], width: int) -> float:
    """Of targets that begin in their order, `width` at a time."""
    free = [0.0] * width
    heapify(free)
    for target in targets:
        ids = (f"{hop.to}/{stage.stage}/{target.name}/{planned.name}" for planned in stage.steps)
        heapreplace(free, free[0] + sum(history.seconds[step] for step in ids))
    return max(free)


if __name__ == "__main__":
    main(sys.argv[1:])
