"""Print each figure as one JSON line, ratios first: `python -m bench`."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml
from jsonschema import Draft202012Validator

from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import judge
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.plan import Plan, PoolNode
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.read import load
from kubectl_upgrade.planfile.schema import schema
from kubectl_upgrade.planfile.write import write
from kubectl_upgrade.planner.make_plan import Options, make_plan
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from collections.abc import Callable

WORKERS = 5000
ROUNDS = 5


def figure(name: str, value: float, unit: str, goal: str) -> None:
    """One line of JSON."""
    sys.stdout.write(json.dumps({"name": name, "value": round(value, 3), "unit": unit, "goal": goal}) + "\n")


def side_by_side(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float]:
    """Median seconds of each, taken in turn, so that a busy machine slows both."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for work, taken in zip((ours, theirs), seconds, strict=True):
            began = time.perf_counter()
            work()
            taken.append(time.perf_counter() - began)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def big_plan() -> Plan:
    """The sample's plan with 5,000 workers."""

    async def planned() -> Plan:
        facts = await gather(simulated_world(sample()))
        target = Version.parse("v1.35.4")
        return make_plan(facts, target, judge(facts, Aim(target)), Options(waivers={}, waive_until=""))

    plan = loop.run(planned())
    uid = "00000000-0000-4000-8000-{:012d}"
    nodes = tuple(
        PoolNode(name=f"worker-{i}", uid=uid.format(i), address=f"10.9.{i // 250}.{i % 250 + 1}")
        for i in range(WORKERS)
    )
    return replace(plan, pools=(replace(plan.pools[0], nodes=nodes),))


def plan_files() -> None:
    """Reading and validating a plan of 5,000 workers, beside PyYAML's C loader and jsonschema doing the same."""
    plan = big_plan()
    began = time.perf_counter()
    text = write(plan).encode()
    wrote = time.perf_counter() - began
    validator = Draft202012Validator(schema())
    ours, theirs = side_by_side(
        lambda: load(text, "big.yaml"), lambda: validator.validate(yaml.load(text, Loader=yaml.CSafeLoader))
    )
    figure("plan-read-to-pyyaml-and-jsonschema", ours / theirs, "ratio", "<= 1")
    figure("plan-read-5000-workers", ours, "s", "<= 1")
    figure("plan-write-5000-workers", wrote, "s", "<= 2")
    figure("plan-size-5000-workers", len(text) / 2**20, "MiB", "<= 2")


def start() -> None:
    """`--help` beside a program of typer's that does nothing."""
    program = [sys.executable, "-c", "from kubectl_upgrade.cli.main import main; main()", "--help"]
    bare = [sys.executable, "-c", "import typer; app = typer.Typer(); app.command()(lambda: None); app()", "--help"]

    def run(words: list[str]) -> None:
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)

    ours, theirs = side_by_side(lambda: run(program), lambda: run(bare))
    figure("help-to-bare-typer", ours / theirs, "ratio", "<= 1.5")
    figure("help", 1000 * ours, "ms", "<= 400")


if __name__ == "__main__":
    start()
    plan_files()
