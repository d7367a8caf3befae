"""What the benchmarks measure with."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bench import __main__ as program
from bench import scale_apply
from bench.figures import figure, measured, side_by_side
from bench.scale.fill import collection_path, furnish_node, furnish_pod
from kubectl_upgrade.simulation import objects
from kubectl_upgrade.simulation.paths import BUDGETS, NODES, PODS

if TYPE_CHECKING:
    from pathlib import Path


def test_a_figure_is_a_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    figure("a-to-b", 1.23456, "ratio", "<= 1.5")
    line = capsys.readouterr().out
    assert line.endswith("\n")
    assert json.loads(line) == {"name": "a-to-b", "value": 1.235, "unit": "ratio", "goal": "<= 1.5"}


def test_ways_take_turns() -> None:
    order: list[str] = []
    seconds = side_by_side(lambda: order.append("a"), lambda: order.append("b"), rounds=3)
    assert order == ["a", "b"] * 3
    assert len(seconds) == 2
    assert min(seconds) > 0


def test_a_program_is_measured(tmp_path: Path) -> None:
    out = tmp_path / "out"
    text = "data = bytearray(50_000_000); print(len(data))"
    ended = measured([sys.executable, "-c", text], out)
    assert out.read_text() == "50000000\n"
    assert 50 < ended.mib < 200
    assert ended.cpu_seconds > 0
    assert ended.seconds > 0


def test_a_program_that_fails_has_no_figures() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        measured([sys.executable, "-c", "raise SystemExit(3)"])


def test_the_others_run_when_a_part_fails(capfd: pytest.CaptureFixture[str]) -> None:
    assert program.main(("nothing_of_this_name", "upgrade.figures")) == 1
    told = capfd.readouterr().err
    assert "nothing_of_this_name failed" in told
    assert "bench: upgrade.figures\n" in told
    assert "upgrade.figures failed" not in told


def test_a_small_apply_has_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    scale_apply.main(["--workers", "4"])
    figures = {line["name"]: line["value"] for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert 1 <= figures["apply-4-to-ideal-schedule"] < 2
    # 4 workers, 3 control planes; each worker: two to prepare it, and from its mark to the mark's removal
    assert figures["apply-4-steps"] > 4 * 9
    assert figures["apply-4-virtual-workers"] < figures["apply-4-virtual"]


def test_objects_are_as_large_as_real_ones() -> None:
    node = {"metadata": {"name": "w1", "labels": {}}, "status": {}}
    furnish_node(node)
    assert 6_000 < len(json.dumps(node)) < 10_000
    pod = objects.pod("web-1", "shop", "example.org/web:1", labels={"k8s-app": "web"})
    furnish_pod(pod)
    assert 2_000 < len(json.dumps(pod)) < 5_000
    assert "status" not in pod


def test_where_objects_are_created() -> None:
    obj = {"metadata": {"name": "x", "namespace": "shop"}}
    assert collection_path(PODS, obj) == "/api/v1/namespaces/shop/pods"
    assert collection_path(BUDGETS, obj) == "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"
    assert collection_path(NODES, obj) == "/api/v1/nodes"
