"""Every step at five moments in every way to be cut off, and kubeadm killed after each of its phases.

`python -m tests.resilience.crash_matrix [--every N] [--only CASE]`
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from kubectl_upgrade.model.errors import PlanError, UpgradeError
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.power import cut, reboot
from kubectl_upgrade.simulation.state import Folder
from tests.resilience.figures import complain, figure
from tests.resilience.world import FURTHER, TO, Operator, cluster, difference, lock_of, state_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.faults import Point

How: TypeAlias = Literal["client-kill", "ssh-cut", "node-reboot", "kubeadm-killed"]
State: TypeAlias = Literal["kept", "deleted", "elsewhere"]
Done: TypeAlias = tuple[str, str, tuple[str, ...]]
"""node, action, arguments"""

_BEGINS, _DONE = "step-begins ", "step-done "
MOMENTS = ("before intent", "after intent", "mid-action", "after effect", "after record")
_CUT_SECONDS = 60.0


@dataclass(frozen=True)
class Case:
    """One crash: in a run of so many control planes, at the nth point that an undisturbed run crosses."""

    control_planes: int
    step: str
    """id of the step"""
    moment: str
    how: How
    state: State
    nth: int
    node: str
    phase: str = ""
    to: Version = TO
    """further than one hop, or not"""

    def __str__(self) -> str:
        shape = f"{self.control_planes}" if self.to == TO else f"{self.control_planes}-{self.to}"
        return f"{shape}:{self.step}:{self.phase or self.moment}:{self.how}:{self.state}"


@dataclass(frozen=True)
class Undisturbed:
    """What an undisturbed run crosses, and where it ends."""

    points: tuple[Point, ...]
    state: dict[str, Any]
    done: Counter[Done]
    """how often each action has succeeded: once, or once in each hop when its arguments name no version"""


@cache
def undisturbed(control_planes: int, to: Version = TO) -> Undisturbed:
    """Run it once."""
    model = cluster(control_planes)

    async def story() -> Undisturbed:
        operator = Operator(model, model.folder)
        plan = await operator.plan(to)
        model.faults.points = 0
        model.faults.crossed = []
        await operator.apply(plan)
        crossed = tuple(model.faults.crossed)
        await operator.world().clock.sleep(120)
        return Undisturbed(crossed, await state_of(model), _succeeded(model))

    return loop.run(story())


def cases(control_planes: int, to: Version = TO) -> Iterator[Case]:
    """All of them, from the points that the engine itself crosses."""
    points = undisturbed(control_planes, to).points
    for step, begin, end in _steps(points):
        hop, stage, target, name = step.split("/")
        del hop, stage, name
        node = "cp1" if target == "cluster" else target
        at = dict(zip(MOMENTS, (begin, begin + 1, _middle(points, begin, end), end, end + 1), strict=True))
        for moment, how in product(MOMENTS, ("client-kill", "ssh-cut", "node-reboot")):
            states: Sequence[State] = ("kept", "deleted", "elsewhere") if how == "client-kill" else ("kept",)
            for state in states:
                yield Case(control_planes, step, moment, how, state, at[moment], node, to=to)  # type: ignore[arg-type]
        for number in range(begin, end):
            point = points[number - 1]
            if point.action.startswith("kubeadm") and point.phase and point.moment == "after":
                yield Case(control_planes, step, "", "kubeadm-killed", "kept", number, node, point.phase, to)


def _steps(points: Sequence[Point]) -> Iterator[tuple[str, int, int]]:
    """Each step with the numbers (from 1) of the points where its intent and its record are about to be written."""
    begun: dict[str, int] = {}
    for number, point in enumerate(points, 1):
        if point.call != "journal.append" or point.moment != "before":
            continue
        if point.path.startswith(_BEGINS):
            begun[point.path.removeprefix(_BEGINS)] = number
        elif point.path.startswith(_DONE):
            step = point.path.removeprefix(_DONE)
            yield step, begun[step], number


def _middle(points: Sequence[Point], begin: int, end: int) -> int:
    """In the middle of the action's own phases, else of the calls between intent and record."""
    phases = [number for number in range(begin + 2, end) if points[number - 1].phase]
    inside = phases or list(range(begin + 2, end)) or [end]
    return inside[len(inside) // 2]


def run_case(case: Case) -> str:
    """Why the case failed; empty when it ended as an undisturbed run."""
    try:
        return loop.run(_story(case))
    except Exception as bug:  # noqa: BLE001 - a broken case must not hide the others
        return f"{type(bug).__name__}: {bug}"


async def _story(case: Case) -> str:
    model = cluster(case.control_planes)
    first = Operator(model, model.folder)
    plan = await first.plan(case.to)
    model.faults.points = 0
    _prepare(model, case)
    ended = await _apply(first, plan)
    if ended:
        second = first if case.state == "kept" else Operator(model, Folder(7, case.state), case.state)
        again = await _resume(second, plan)
        if again:
            return f"after one resume: {again} (the first apply: {ended})"
    await first.world().clock.sleep(120)
    wanted = undisturbed(case.control_planes, case.to)
    wrong = _repeated(model, wanted) or next(iter(model.stopped_together), "")
    return wrong or difference(await state_of(model), wanted.state)


def _prepare(model: ModelCluster, case: Case) -> None:
    match case.how:
        case "client-kill":
            model.faults.add(Fault(kind="client-kill", moment="", nth=case.nth))
        case "ssh-cut":
            model.faults.acts[case.nth] = partial(_cut, model, case.node)
        case "node-reboot":
            model.faults.acts[case.nth] = partial(_reboot, model, case.node)
        case "kubeadm-killed":
            model.faults.add(Fault(kind="kubeadm-killed", node=case.node, action="", phase=case.phase, moment="after"))


def _cut(model: ModelCluster, node: str) -> None:
    cut(model, model.nodes[node], _CUT_SECONDS)


def _reboot(model: ModelCluster, node: str) -> None:
    # whoever crosses the point may run on that node: the power goes a moment later
    model.later(0.0, lambda: reboot(model, model.nodes[node]))


async def _apply(operator: Operator, plan: Plan) -> str:
    try:
        await operator.apply(plan)
    except ClientKilled:
        return "killed"
    except UpgradeError as error:
        return f"{type(error).__name__}: {error.message}"
    return ""


async def _resume(operator: Operator, plan: Plan) -> str:
    """By `apply`; with --take-over where another folder began the run and the lock is still there."""
    held = await lock_of(operator.model)
    known = held is not None and any(
        stored.run == held.run for runs in operator.folder.runs.values() for stored in runs
    )
    try:
        await operator.apply(plan, held.run if held is not None and not known else "")
    except PlanError as error:
        # the run had ended but for the last word in a journal that is gone: everything is at the target
        if held is None and operator.name != "ops":
            return ""
        return f"{type(error).__name__}: {error.message}"
    except UpgradeError as error:
        return f"{type(error).__name__}: {error.message}"
    return ""


def _repeated(model: ModelCluster, wanted: Undisturbed) -> str:
    """No action starts again after it has succeeded, nor at all unless it failed or was interrupted."""
    twice = [f"{action} on {node}" for node, action, _ in _succeeded(model) - wanted.done]
    return f"done more often than in an undisturbed run: {', '.join(twice)}" if twice else ""


def _succeeded(model: ModelCluster) -> Counter[Done]:
    return Counter((record.node, record.action, record.args) for record in model.trace if record.exit_code == 0)


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.resilience.crash_matrix")
    parser.add_argument("--every", type=int, default=1, help="only every Nth case")
    parser.add_argument("--only", default="", help="one case, as a failure names it")
    given = parser.parse_args(words)
    chosen = [case for count in (3, 1) for case in cases(count)][:: given.every]
    # the second hop is made of the first one's steps: what is new is the way from one to the other
    chosen += [case for count in (3, 1) for case in cases(count, FURTHER)][:: given.every * (1 if given.only else 31)]
    if given.only:
        chosen = [case for case in chosen if str(case) == given.only]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        answers = list(pool.map(run_case, chosen, chunksize=8))
    wrong = [(case, said) for case, said in zip(chosen, answers, strict=True) if said]
    for case, said in wrong:
        complain(f"{case}: {said}")
    figure("crash-matrix-wrong", len(wrong), "cases", "== 0")
    figure("crash-matrix-cases", len(chosen), "cases", ">= 300")
    for how, count in sorted(Counter(case.how for case in chosen).items()):
        figure(f"crash-matrix-{how}", count, "cases", ">= 1")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
