"""Figures of the three ways come from results as they are kept; ratios come first, and nothing missing is made up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.upgrade.__main__ import main
from bench.upgrade.figures import figures
from bench.upgrade.results import Measured, Result, Results
from tests.lab.probe import Request, report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

CONTROL_PLANES = ("cp1", "cp2", "cp3")


def result(way: str, seconds: float, kubeadm: float, *, workers: int = 6, failures: Sequence[int] = ()) -> Result:
    requests = [Request(number, 0.02, "refused" if number in failures else "") for number in range(20)]
    ours = way == "ours"
    return Result(
        workers=workers,
        way=way,
        control_planes=CONTROL_PLANES,
        measured=Measured(
            seconds=seconds,
            kubeadm={**dict.fromkeys(CONTROL_PLANES, kubeadm), "w1": 500.0},
            rest={"cp1": 4.0, "w1": 1.0} if ours else {},
            steps={"install-kubeadm": 3.0} if ours else {},
        ),
        reads=report("read", requests[:3]),
        writes=report("write", requests),
        at="2026-11-25T00:00:00+00:00",
        revision="6d3d361",
    )


ALL = [
    result("documented", 1000, 180, failures=[3, 4]),
    result("ansible", 800, 180),
    result("ours", 500, 90, failures=[7]),
]


def values(results: Sequence[Result]) -> dict[str, tuple[float, str]]:
    return {figure.name: (round(figure.value, 3), figure.goal) for figure in figures(results)}


def test_ratios_compare_ours_with_the_other_ways() -> None:
    found = values(ALL)
    assert found["whole-run-ratio-to-documented-3+6"] == (0.5, "<= 0.6")
    assert found["whole-run-ratio-to-ansible-3+6"] == (0.625, "<= 0.65")
    assert found["kubeadm-time-ratio-3+6"] == (0.5, "<= 0.55")
    assert found["longest-write-gap-ratio-3+6"][1] == "<= 1"
    assert found["longest-write-gap-ratio-3+6"][0] < 1


def test_kubeadm_on_workers_counts_for_nothing() -> None:
    assert ALL[0].kubeadm == 540


def test_the_smaller_size_is_told_without_a_goal_for_the_whole_run() -> None:
    small = [result("documented", 1000, 180, workers=2), result("ours", 900, 90, workers=2)]
    found = values(small)
    assert found["whole-run-ratio-to-documented-3+2"] == (0.9, "reported")
    assert found["kubeadm-time-ratio-3+2"] == (0.5, "<= 0.55")


def test_the_worst_node_has_to_keep_the_goal() -> None:
    found = values(ALL)
    assert found["overhead-per-node-worst-3+6"] == (4, "<= 3")
    assert found["overhead-per-node-mean-3+6"] == (2.5, "reported")


def test_only_ours_must_never_fail_twice_in_a_row() -> None:
    found = values(ALL)
    assert found["api-writes-failed-twice-in-a-row-3+6-documented"] == (1, "reported")
    assert found["api-writes-failed-twice-in-a-row-3+6-ours"] == (0, "<= 0")
    assert found["api-writes-failed-3+6-ours"] == (1, "reported")
    assert found["api-reads-p99-3+6-ours"] == (20, "reported")


def test_ratios_come_first_then_goals() -> None:
    lines = [json.loads(figure.line()) for figure in figures(ALL)]
    order = [(line["unit"] != "ratio", line["goal"] == "reported") for line in lines]
    assert order == sorted(order)
    assert {"name", "value", "unit", "goal"} == {key for line in lines for key in line}


def test_names_are_unique() -> None:
    both = [*ALL, *(result(one.way, 100, 10, workers=2) for one in ALL)]
    names = [figure.name for figure in figures(both)]
    assert len(names) == len(set(names))


def test_what_was_not_measured_gives_no_figure() -> None:
    assert figures([]) == []
    assert not any("ratio" in name for name in values(ALL[:2]))
    assert not any("overhead" in name for name in values(ALL[:2]))
    assert "whole-run-ratio-to-ansible-3+6" not in values([ALL[0], ALL[2]])


def test_results_outlive_the_bench(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    first = Results(file)
    for one in ALL:
        first.keep(one)
    first.keep(result("ours", 400, 90))
    again = Results(file)
    assert (6, "ours") in again
    assert (2, "ours") not in again
    assert again.of([2, 6], ["documented", "ours"]) == [ALL[0], result("ours", 400, 90)]


def test_what_is_measured_again_is_forgotten_before(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.json")
    results.keep(ALL[0])
    results.forget(ALL[0].key)
    results.forget(ALL[0].key)
    assert ALL[0].key not in Results(tmp_path / "results.json")


def test_what_is_kept_is_printed_and_not_measured_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for one in ALL:
        Results(tmp_path / "results.json").keep(one)
    assert main(["--workers", "6", "--results", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert [json.loads(line)["name"] for line in printed.out.splitlines()] == [one.name for one in figures(ALL)]
    assert "3+6-ours was measured at 2026-11-25T00:00:00+00:00, revision 6d3d361" in printed.err
