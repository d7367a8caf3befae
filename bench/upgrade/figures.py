"""Figures from results, ratios first; pure."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bench.upgrade.results import Result

DOCUMENTED, ANSIBLE, OURS = "documented", "ansible", "ours"
WAYS = (DOCUMENTED, ANSIBLE, OURS)
REPORTED = "reported"
RATIO = "ratio"
# the size at which documented is compared with two workers at a time; the other one is told without a goal
GOALS_AT = 6
WHOLE_RUN_GOALS = {DOCUMENTED: "<= 0.6", ANSIBLE: "<= 0.65"}


class Figure(NamedTuple):
    """One line of JSON."""

    name: str
    value: float
    unit: str
    goal: str

    def line(self) -> str:
        return json.dumps({**self._asdict(), "value": round(self.value, 3)})


def figures(results: Iterable[Result]) -> list[Figure]:
    """Of whatever was measured; a ratio needs both of its ways."""
    sizes: dict[int, dict[str, Result]] = {}
    for result in results:
        sizes.setdefault(result.workers, {})[result.way] = result
    found = [figure for ways in sizes.values() for figure in _of_one_size(ways)]
    return sorted(found, key=lambda figure: (figure.unit != RATIO, figure.goal == REPORTED))


def _of_one_size(ways: Mapping[str, Result]) -> Iterator[Figure]:
    ours = ways.get(OURS)
    if ours:
        yield from _ratios(ours, ways)
        yield from _overhead(ours)
    for result in ways.values():
        yield from _api(result)
        yield from _seconds(result)


def _ratios(ours: Result, ways: Mapping[str, Result]) -> Iterator[Figure]:
    size = _size(ours)
    for way, goal in WHOLE_RUN_GOALS.items():
        if way in ways:
            ratio = ours.measured.seconds / ways[way].measured.seconds
            goal_here = goal if ours.workers == GOALS_AT else REPORTED
            yield Figure(f"whole-run-ratio-to-{way}-{size}", ratio, RATIO, goal_here)
    if DOCUMENTED in ways:
        documented = ways[DOCUMENTED]
        yield Figure(f"kubeadm-time-ratio-{size}", ours.kubeadm / documented.kubeadm, RATIO, "<= 0.55")
        gaps = ours.writes.longest_gap / documented.writes.longest_gap
        yield Figure(f"longest-write-gap-ratio-{size}", gaps, RATIO, "<= 1")


def _overhead(ours: Result) -> Iterator[Figure]:
    seconds: Sequence[float] = tuple(ours.measured.rest.values())
    size = _size(ours)
    yield Figure(f"overhead-per-node-worst-{size}", max(seconds), "s", "<= 3")
    yield Figure(f"overhead-per-node-mean-{size}", statistics.fmean(seconds), "s", REPORTED)


def _api(result: Result) -> Iterator[Figure]:
    where = f"{_size(result)}-{result.way}"
    for report in (result.reads, result.writes):
        name = f"api-{report.kind}s"
        in_a_row = "<= 0" if result.way == OURS else REPORTED
        yield Figure(f"{name}-failed-twice-in-a-row-{where}", report.failed_again, "requests", in_a_row)
        yield Figure(f"{name}-failed-{where}", report.failures, "requests", REPORTED)
        yield Figure(f"{name}-asked-{where}", report.requests, "requests", REPORTED)
        yield Figure(f"{name}-longest-gap-{where}", report.longest_gap, "s", REPORTED)
        yield Figure(f"{name}-longest-gap-began-after-{where}", report.gap_after, "s", REPORTED)
        yield Figure(f"{name}-p99-{where}", 1000 * report.p99, "ms", REPORTED)


def _seconds(result: Result) -> Iterator[Figure]:
    where = f"{_size(result)}-{result.way}"
    yield Figure(f"whole-run-{where}", result.measured.seconds, "s", REPORTED)
    for name in result.control_planes:
        yield Figure(f"kubeadm-time-{name}-{where}", result.measured.kubeadm[name], "s", REPORTED)


def _size(result: Result) -> str:
    return f"{len(result.control_planes)}+{result.workers}"
