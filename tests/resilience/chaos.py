"""Random schedules of faults and of people, each drawn from a seed.

`python -m tests.resilience.chaos [--seeds N] [--first K]`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from kubectl_upgrade.engine.abort import abort
from kubectl_upgrade.engine.actions import unit_stem
from kubectl_upgrade.engine.lock import hashed
from kubectl_upgrade.model.errors import PlanError, UpgradeError
from kubectl_upgrade.model.names import CORDON_ANNOTATION
from kubectl_upgrade.model.plan import StepId
from kubectl_upgrade.planfile.targets import targets_of
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.power import cut, reboot
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.world import simulated_world
from tests.resilience.crash_matrix import undisturbed
from tests.resilience.figures import complain, figure
from tests.resilience.landed import LOCK, Quorum, stale_changes
from tests.resilience.world import TO, Operator, cluster, difference, lock_of, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from kubectl_upgrade.engine.history import History
    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.world import Json

# of an undisturbed run of three control planes and a worker; faults are thrown at it and a little beyond
_POINTS = 3000
_ROUNDS = 20


@dataclass
class Outcome:
    """How one seed ended."""

    seed: int
    injected: int = 0
    stops: list[str] = field(default_factory=list)
    wrong: str = ""


@dataclass
class Story:
    """One cluster, its people, and what they met."""

    random: Random
    model: ModelCluster
    outcome: Outcome
    wanted: dict[str, Any]
    """where an undisturbed run ends"""
    cordoned: str = ""
    """a worker that somebody has cordoned"""
    stale: bool = False
    """the last apply said so"""
    people: list[Operator] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.first = Operator(self.model, self.model.folder)
        self.people.append(self.first)
        self.quorum = Quorum(self.model)

    def another(self) -> Operator:
        name = f"other{len(self.people)}"
        self.people.append(Operator(self.model, Folder(100 + len(self.people), name), name))
        return self.people[-1]


def run_seed(seed: int) -> Outcome:
    """One whole story."""
    outcome = Outcome(seed)
    random = Random(seed)  # noqa: S311 - reproducible, no secret
    model = cluster(control_planes=random.choice((3, 3, 3, 1)), seed=seed)
    wanted = undisturbed(len(model.control_planes)).state
    try:
        outcome.wrong = loop.run(_live(Story(random, model, outcome, wanted)), seed=seed)
    except Exception as bug:  # noqa: BLE001 - a broken seed must not hide the others
        outcome.wrong = f"{type(bug).__name__}: {bug}"
    outcome.injected += len(model.faults.struck)
    return outcome


async def _live(story: Story) -> str:
    if story.random.random() < 0.2:
        story.cordoned = "w1"
        await _cordon(story, "w1", unschedulable=True)
    plan = await story.first.plan()
    story.model.faults.points = 0
    _plant(story)
    operator = story.first
    watch = asyncio.create_task(story.quorum.watch())
    for number in range(_ROUNDS):
        done, operator, plan = await _round(story, operator, plan, calm=number > _ROUNDS // 2)
        if done:
            watch.cancel()
            return await _judge(story, plan)
    watch.cancel()
    return f"not finished after {_ROUNDS} rounds: {story.outcome.stops[-3:]}"


def _plant(story: Story) -> None:
    """One to six faults, at points drawn from the seed."""
    random, faults = story.random, story.model.faults
    for _ in range(random.randint(1, 6)):
        nth, node = random.randint(1, _POINTS), random.choice(sorted(story.model.nodes))
        seconds = random.choice((1.0, 10.0, 60.0, 200.0))
        kind = random.randrange(7)
        if kind == 0:
            faults.add(Fault(kind="client-kill", moment="", nth=nth))
        elif kind == 1:
            faults.acts[nth] = partial(_happen, story, partial(cut, story.model, story.model.nodes[node], seconds))
        elif kind == 2:
            faults.acts[nth] = partial(_happen, story, partial(reboot, story.model, story.model.nodes[node]))
        elif kind == 3:
            faults.add(Fault(kind="api-unreachable", moment="", nth=nth // 3, seconds=min(seconds, 120.0)))
        elif kind == 4:
            faults.add(Fault(kind="kubeadm-killed", moment="", nth=random.randint(1, 200)))
        elif kind == 5:
            faults.add(Fault(kind="action-fails", moment="", nth=random.randint(1, 250)))
        else:
            faults.add(Fault(kind="client-freeze", moment="", nth=nth, seconds=seconds * 5))


def _happen(story: Story, what: Callable[[], None]) -> None:
    """A moment later: whoever crosses the point may run on that very node."""
    story.outcome.injected += 1
    story.model.later(0.0, what)


async def _round(story: Story, operator: Operator, plan: Plan, *, calm: bool) -> tuple[bool, Operator, Plan]:
    """What somebody does next: done or not, by whom and with which plan it goes on."""
    if story.stale:  # the message says: abort, plan anew
        story.stale = False
        return False, operator, await _give_up(story, operator, plan)
    choice = 0.0 if calm else story.random.random()
    if choice < 0.55:
        return await _apply(story, operator, plan), operator, plan
    if choice < 0.75:
        heir = story.another()
        return await _overtake(story, operator, heir, plan), heir, plan
    if choice < 0.85:
        rival = story.another()
        results = await asyncio.gather(_apply(story, operator, plan), _apply(story, rival, plan))
        winner = rival if await _owns(story, rival) else operator
        # a plan that leaves only workers to do may be begun again by the slower one
        return any(results) and not await _held(story), winner, plan
    return False, operator, await _give_up(story, operator, plan)


async def _apply(story: Story, operator: Operator, plan: Plan) -> bool:
    """By whoever may: with --take-over where another folder holds the run, or a fence of a lost one stands."""
    held = await _held(story) or _left_behind(story)
    take_over = held if held and not await _knows(story, operator, held) else ""
    return await _ended(story, operator.apply(plan, take_over), plan)


async def _ended(story: Story, apply: Coroutine[Any, Any, History], plan: Plan) -> bool:
    """Is everything done? What stopped it otherwise is kept; then somebody waits a while."""
    before = len(story.model.landed)
    try:
        await apply
    except ClientKilled:
        story.outcome.stops.append("killed")
    except PlanError as error:
        story.outcome.stops.append(f"PlanError: {error.message}")
        story.stale = True
        return await _at_target(story, plan) and not await _held(story)
    except UpgradeError as error:
        _demand_true(story, error, before)
        story.outcome.stops.append(f"{type(error).__name__}: {error.message}")
    else:
        return True
    await asyncio.sleep(story.random.choice((0, 30, 300)))
    return False


def _demand_true(story: Story, error: UpgradeError, before: int) -> None:
    """What a message claims is so."""
    if "nothing was changed" in error.message:
        changed = [landed for landed in story.model.landed[before:] if LOCK not in landed.what]
        if changed:
            raise AssertionError(f"{error.message!r}, but {changed[0]}")


async def _overtake(story: Story, operator: Operator, heir: Operator, plan: Plan) -> bool:
    """The first one works, or stands still; the other takes over after a while."""
    old = asyncio.create_task(_apply(story, operator, plan))
    await asyncio.sleep(story.random.uniform(0, 900))
    done = await _apply(story, heir, plan)
    return (bool(await old) or done) and not await _held(story)


async def _give_up(story: Story, operator: Operator, plan: Plan) -> Plan:
    """Abort, then a new plan; when that fails the old one goes on."""
    try:
        held = await _held(story) or _left_behind(story)
        if held and not await _knows(story, operator, held):
            await abort(operator.world(), operator.applying(), run=held, plan=plan)
        elif held:
            await abort(operator.world(), operator.applying())
        return await operator.plan()
    except (UpgradeError, ClientKilled) as error:
        story.outcome.stops.append(f"abort: {type(error).__name__}: {error}")
        await asyncio.sleep(story.random.choice((0, 30, 300)))
        return plan


async def _held(story: Story) -> str:
    """The run that holds the lock, empty when none does."""
    found = await lock_of(story.model)
    return found.run if found is not None else ""


def _left_behind(story: Story) -> str:
    """A run that no lock names and a fence does, as LockedError tells; empty when there is none."""
    fences = [node.fence for node in story.model.nodes.values() if node.fence is not None]
    return fences[0].run if fences else ""


async def _knows(story: Story, operator: Operator, run: str) -> bool:
    """May the operator go on with the run by `apply` alone? Its nonce is the lock's."""
    newest = [runs[-1] for runs in operator.folder.runs.values() if runs]
    mine = [stored for stored in newest if stored.run == run and not stored.finished]
    found = await lock_of(story.model)
    return any(found is None or hashed(stored.nonce) == found.nonce_hash for stored in mine)


async def _owns(story: Story, operator: Operator) -> bool:
    return await _knows(story, operator, await _held(story))


async def _at_target(story: Story, plan: Plan) -> bool:
    nodes = story.model.nodes.values()
    return plan.cluster.to == TO and all(node.kubelet.version == TO for node in nodes)


async def _cordon(story: Story, name: str, *, unschedulable: bool) -> None:
    api = simulated_world(story.model).cluster
    await api.patch(f"/api/v1/nodes/{name}", {"spec": {"unschedulable": unschedulable or None}})


async def _judge(story: Story, plan: Plan) -> str:
    """Everything that must hold at the end."""
    model = story.model
    model.faults.clear()
    await asyncio.sleep(600)
    if story.cordoned:
        node = await simulated_world(model).cluster.get(f"/api/v1/nodes/{story.cordoned}")
        if not node["spec"].get("unschedulable") or CORDON_ANNOTATION in node["metadata"].get("annotations", {}):
            return f"the cordon of {story.cordoned}, which is not ours, is gone"
        await _cordon(story, story.cordoned, unschedulable=False)
    found = await state_of(model)
    return (
        difference(found, story.wanted)
        or _twice(model)
        or stale_changes(model)
        or _without_intent(story, plan)
        or next(iter(model.stopped_together + story.quorum.began_beside), "")
    )


def _twice(model: ModelCluster) -> str:
    """A unit's stem names run and step: it succeeds once."""
    done = Counter(record.unit.rpartition("-")[0] for record in model.trace if record.exit_code == 0)
    twice = [stem for stem, count in done.items() if count > 1]
    return f"done twice: {twice}" if twice else ""


def _without_intent(story: Story, plan: Plan) -> str:
    """Each action of this plan has its intent in some journal, written before."""
    begun: dict[str, float] = {}
    kept = [stored for person in story.people for runs in person.folder.runs.values() for stored in runs]
    for stored in kept:
        for text in stored.entries:
            _note_intent(begun, stored.run, json.loads(text), story.model)
    stems = {unit_stem(stored.run, step_id) for stored in kept for step_id in _step_ids(plan)}
    for record in story.model.trace:
        stem = record.unit.rpartition("-")[0]
        if stem in stems and begun.get(stem, float("inf")) > record.started + 0.001:
            return f"{record.action} on {record.node} began at {record.started} without an intent"
    return ""


def _note_intent(begun: dict[str, float], run: str, entry: Json, model: ModelCluster) -> None:
    if entry["event"] == "step-begins":
        hop, stage, target, step = entry["subject"].split("/")
        at = (datetime.fromisoformat(entry["at"]) - model.epoch).total_seconds()
        stem = unit_stem(run, StepId(hop, stage, target, step))
        begun[stem] = min(at, begun.get(stem, at))


def _step_ids(plan: Plan) -> list[StepId]:
    return [
        StepId(str(hop.to), stage.stage, target.name, planned.name)
        for hop in plan.hops
        for stage in hop.stages
        for target in targets_of(plan, hop, stage)
        for planned in stage.steps
    ]


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.resilience.chaos")
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args(words)
    seeds = range(given.first, given.first + given.seeds)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        outcomes = [told(outcome) for outcome in pool.map(run_seed, seeds, chunksize=16)]
    return report(outcomes)


def told(outcome: Outcome) -> Outcome:
    """What is wrong is said at once: ten thousand seeds take half an hour."""
    if outcome.wrong:
        stops = "\n  ".join(stop.partition("\n")[0] for stop in outcome.stops)
        complain(f"seed {outcome.seed}: {outcome.wrong}\n  {stops}")
    return outcome


def report(outcomes: Sequence[Outcome]) -> int:
    """Print figures; 1 when anything was wrong."""
    wrong = [outcome for outcome in outcomes if outcome.wrong]
    figure("chaos-wrong", len(wrong), "seeds", "== 0")
    figure("chaos-survived", sum(not o.wrong and not o.stops for o in outcomes), "seeds", ">= 1")
    figure("chaos-stopped-safe", sum(not o.wrong and bool(o.stops) for o in outcomes), "seeds", ">= 1")
    figure("chaos-injected", sum(outcome.injected for outcome in outcomes), "faults", ">= 1")
    figure("chaos-refused", sum("LockedError" in stop for o in outcomes for stop in o.stops), "applies", ">= 1")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
