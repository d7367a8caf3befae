"""The examples in plans/ are what the planner writes: UPDATE_PLANS=1 writes them anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import judge
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.write import write
from kubectl_upgrade.planner.make_plan import Options, make_plan
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.cluster import ModelCluster

PLANS = Path(__file__).parents[2] / "plans"
WAIVED = Options(waivers={"cgroup-v1": "nodes move to cgroup v2 in the first quarter"}, waive_until="2027-03-31")
PLAIN = Options(waivers={}, waive_until="")
VIA = Options(waivers={}, waive_until="", via=(Version.parse("v1.35.4"),))


async def _move_to_cgroup_v1(model: ModelCluster) -> None:
    """With a kubelet configuration that lets kubelets start there."""
    for node in model.nodes.values():
        node.cgroup = "v1"
    cluster = simulated_world(model).cluster
    path = "/api/v1/namespaces/kube-system/configmaps/kubelet-config"
    kubelet = (await cluster.get(path))["data"]["kubelet"]
    await cluster.patch(path, {"data": {"kubelet": f"{kubelet.rstrip()}\nfailCgroupV1: false\n"}})


async def _planned(model: ModelCluster, to: str, options: Options) -> str:
    if options.waivers:
        await _move_to_cgroup_v1(model)
    facts = await gather(simulated_world(model))
    target = Version.parse(to)
    return write(make_plan(facts, target, judge(facts, Aim(target), options.waivers), options))


@pytest.mark.parametrize(
    ("file", "shape", "to", "options"),
    [
        ("three-control-planes.yaml", (3, 3), "v1.35.4", PLAIN),
        ("single-control-plane.yaml", (1, 1), "v1.34.9", PLAIN),
        ("with-a-waiver.yaml", (3, 3), "v1.35.4", WAIVED),
        ("two-minors.yaml", (3, 3), "v1.36.3", VIA),
    ],
)
def test_examples_are_what_the_planner_writes(file: str, shape: tuple[int, int], to: str, options: Options) -> None:
    text = loop.run(_planned(sample(*shape), to, options))
    if os.environ.get("UPDATE_PLANS"):
        (PLANS / file).write_text(text)
    assert (PLANS / file).read_text() == text, "run: make examples"
    assert "result: blocker" not in text
