"""The file of a plan for 5,000 workers: writing, reading, validating, showing it."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import yaml
from jsonschema import Draft202012Validator

from bench.figures import MIB, figure, measured, side_by_side
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import judge
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.plan import PoolNode
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.read import load
from kubectl_upgrade.planfile.schema import schema
from kubectl_upgrade.planfile.validate import validate
from kubectl_upgrade.planfile.write import write
from kubectl_upgrade.planner.make_plan import Options, make_plan
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Plan

WORKERS = 5000


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


def main() -> None:
    """Beside PyYAML's C loader and jsonschema reading and judging the same."""
    plan = big_plan()
    began = time.perf_counter()
    text = write(plan).encode()
    wrote = time.perf_counter() - began
    validator = Draft202012Validator(schema())
    ours, both, theirs = side_by_side(
        lambda: load(text, "big.yaml"),
        lambda: validate(text, "big.yaml"),
        lambda: validator.validate(yaml.load(text, Loader=yaml.CSafeLoader)),
    )
    figure("plan-read-to-pyyaml-and-jsonschema", ours / theirs, "ratio", "<= 1")
    figure("plan-read-5000-workers", ours, "s", "<= 1")
    figure("plan-validate-5000-workers", both, "s", "<= 2")
    figure("plan-write-5000-workers", wrote, "s", "<= 1")
    figure("plan-size-5000-workers", len(text) / MIB, "MiB", "<= 2")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "big.yaml"
        file.write_bytes(text)
        program = [sys.executable, "-c", "from kubectl_upgrade.cli.main import main; main()"]
        shown = measured([*program, "show", str(file)])
        figure("show-5000-workers", shown.seconds, "s", "<= 2")
        figure("show-5000-workers-memory", shown.mib, "MiB", "")


if __name__ == "__main__":
    main()
