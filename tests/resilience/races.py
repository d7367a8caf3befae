"""Who wins when several want the same cluster, and what an old client can still do when it wakes.

`python -m tests.resilience.races [--seeds N]`
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from random import Random
from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import LockedError, PlanError, StepError, UpgradeError
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.state import Folder
from kubectl_upgrade.simulation.world import simulated_world
from tests.resilience.crash_matrix import undisturbed
from tests.resilience.figures import complain, figure
from tests.resilience.landed import stale_changes
from tests.resilience.world import Operator, cluster, difference, lock_of, state_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.simulation.cluster import ModelCluster

RACERS = 8
# longer than a whole run: the old client wakes when the new one is somewhere, or done
_FROZEN = (30.0, 300.0, 1200.0, 4000.0)


def race(seed: int) -> str:
    """Eight operators with the same plan, at the same moment; why it went wrong, empty when one won."""

    async def story() -> str:
        model = cluster(1, 1, seed)
        racers = [Operator(model, Folder(n, f"racer{n}"), f"racer{n}") for n in range(RACERS)]
        plan = await racers[0].plan()
        ended = await asyncio.gather(*(_try(racer, plan, seed + n) for n, racer in enumerate(racers)))
        winners = [n for n, error in enumerate(ended) if error is None]
        losers = [error for error in ended if error is not None]
        if len(winners) != 1:
            return f"{len(winners)} winners: {[str(error)[:200] for error in losers]}"
        strange = [error for error in losers if not isinstance(error, LockedError)]
        if strange:
            return f"a loser was told {strange[0]!r}"
        mute = [str(error) for error in losers if "racer" not in str(error)]
        return f"a loser was not told who won: {mute[0]}" if mute else stale_changes(model)

    return _safely(story, seed)


async def _try(racer: Operator, plan: Plan, seed: int) -> UpgradeError | None:
    await asyncio.sleep(Random(seed).random() / 5)  # noqa: S311 - reproducible, no secret
    try:
        await racer.apply(plan)
    except UpgradeError as error:
        return error
    return None


def takers(seed: int) -> str:
    """A run is stopped; three want to take it over at once: one at most goes on, the others are told."""
    random = Random(seed)  # noqa: S311 - reproducible, no secret

    async def story() -> str:
        model = cluster(random.choice((1, 3)), 1, seed)
        first = Operator(model, model.folder)
        plan = await first.plan()
        model.faults.add(Fault(kind="client-kill", moment="", nth=model.faults.points + random.randint(60, 900)))
        with contextlib.suppress(ClientKilled):
            await first.apply(plan)
        held = await lock_of(model)
        if held is None:
            return ""
        heirs = [Operator(model, Folder(n, f"heir{n}"), f"heir{n}") for n in range(3)]
        ended = await asyncio.gather(*(_take(heir, plan, held.run, seed + n) for n, heir in enumerate(heirs)))
        if sum(error is None for error in ended) > 1:
            return "two of them finished the run"
        strange = [e for e in ended if e is not None and not isinstance(e, LockedError)]
        if strange:
            return f"a taker was told {strange[0]!r}"
        if all(ended):  # each was faster than another: the run stands still, and whoever tries again goes on
            again = await _take(heirs[0], plan, held.run, seed)
            if again is not None:
                return f"nobody won, and then: {again!r}"
        await asyncio.sleep(600)
        return stale_changes(model) or difference(await state_of(model), wanted[len(model.control_planes)])

    wanted = {count: undisturbed(count).state for count in (1, 3)}
    return _safely(story, seed)


async def _take(heir: Operator, plan: Plan, run: str, seed: int) -> UpgradeError | None:
    await asyncio.sleep(Random(seed).random() / 5)  # noqa: S311 - reproducible, no secret
    try:
        await heir.apply(plan, run)
    except UpgradeError as error:
        return error
    return None


def wake(seed: int) -> str:
    """The old client stands still at some boundary, another takes over, the old one wakes: it changes nothing more but
    what it was about to send.
    """
    random = Random(seed)  # noqa: S311 - reproducible, no secret

    async def story() -> str:
        model = cluster(random.choice((1, 3)), 1, seed)
        old, heir = Operator(model, model.folder), Operator(model, Folder(9, "heir"), "heir")
        plan = await old.plan()
        points = len(undisturbed_points[len(model.control_planes)])
        nth = model.faults.points + random.randint(60, points)
        model.faults.add(Fault(kind="client-freeze", moment="", nth=nth, seconds=random.choice(_FROZEN)))
        sleeping = asyncio.create_task(_try(old, plan, 0))
        while not model.faults.struck and not sleeping.done():
            await simulated_world(model).clock.sleep(1)
        held = await lock_of(model)
        if held is None or sleeping.done():
            await sleeping
            return ""
        told = await _take(heir, plan, held.run, seed)
        woken = await sleeping
        return _judge_wake(model, told, woken) or await _finish(model, heir, plan)

    undisturbed_points = {count: undisturbed(count).points for count in (1, 3)}
    return _safely(story, seed)


def _judge_wake(model: ModelCluster, told: UpgradeError | None, woken: UpgradeError | None) -> str:
    if told is not None and not isinstance(told, (LockedError, PlanError, StepError)):
        return f"the heir was told {told!r}"
    if woken is None and told is None and not _ended_by_old(model):
        return "both say that they finished the run"
    return stale_changes(model)


def _ended_by_old(model: ModelCluster) -> bool:
    """It had nothing left to do but to say so."""
    last = [landed for landed in model.landed if landed.what.startswith("delete") and "upgrade-cp" in landed.what]
    return len(last) == 1


async def _finish(model: ModelCluster, heir: Operator, plan: Plan) -> str:
    """Whatever the two did to each other, one more apply ends it."""
    held = await lock_of(model)
    if held is not None:
        error = await _take(heir, plan, held.run, 0)
        if error is not None:
            return f"it cannot be finished: {error!r}"
    return ""


def _safely(story: object, seed: int) -> str:
    try:
        return str(loop.run(story(), seed=seed))  # type: ignore[operator]  # a coroutine function
    except Exception as bug:  # noqa: BLE001 - a broken seed must not hide the others
        return f"{type(bug).__name__}: {bug}"


GAMES = {"racers": race, "takers": takers, "wakes": wake}


def play(game_and_seed: tuple[str, int]) -> str:
    """One game with one seed."""
    game, seed = game_and_seed
    return GAMES[game](seed)


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.resilience.races")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args(words)
    games = [(game, given.first + seed) for game in GAMES for seed in range(given.seeds)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        answers = list(pool.map(play, games, chunksize=16))
    wrong = [(played, said) for played, said in zip(games, answers, strict=True) if said]
    for (game, seed), said in wrong:
        complain(f"{game} {seed}: {said}")
    for game in GAMES:
        figure(f"races-{game}-wrong", sum(played[0] == game for played, _ in wrong), "seeds", "== 0")
    figure("races-seeds-of-each", given.seeds, "seeds", ">= 1000")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
