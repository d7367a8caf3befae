"""The examples in plans/ are what the planner writes: UPDATE_PLANS=1 writes them anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.etcd_way import question
from kubectl_upgrade.checks.judge import judge
from kubectl_upgrade.facts import rendered
from kubectl_upgrade.facts.gather import ask_control_planes, gather
from kubectl_upgrade.model.machines import MachineDeployment
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.model.window import Window
from kubectl_upgrade.planfile.write import write
from kubectl_upgrade.planner.make_plan import Options, make_plan
from kubectl_upgrade.planner.rollout import Rollout
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.cluster import ModelCluster

PLANS = Path(__file__).parents[2] / "plans"
WAIVED = Options(waivers={"cgroup-v1": "nodes move to cgroup v2 in the first quarter"}, waive_until="2027-03-31")
PLAIN = Options(waivers={}, waive_until="")
VIA = Options(waivers={}, waive_until="", via=(Version.parse("v1.35.4"),))
# as KubeOne's, beside a worker that is upgraded in place
POOLS = tuple(
    MachineDeployment(
        namespace="kube-system",
        name=f"prod-pool{number}",
        uid=f"00000000-0000-4000-9000-{number:012d}",
        api="cluster.k8s.io/v1alpha1",
        replicas=2 * number,
        version=Version.parse("v1.34.4"),
        strategy="RollingUpdate",
    )
    for number in (1, 2)
)


def with_pools(model: ModelCluster) -> ModelCluster:
    for entry in POOLS:
        model.machines.add_deployment(entry)
    return model


BATCHES = Options(
    waivers={},
    waive_until="",
    max_unavailable="25%",
    rollout=Rollout(
        canary=1,
        soak_seconds=600,
        pause=True,
        max_failures=1,
        on_drain_timeout="skip-node",
        drain_limit_seconds=7200,
        window=Window(days=("mon", "tue", "wed", "thu"), from_="22:00", to="04:00", zone="Europe/Berlin"),
    ),
)


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
    world, target = simulated_world(model), Version.parse(to)
    facts = await gather(world, also=(rendered.NAME,))
    further = question(facts, target)
    facts = await ask_control_planes(world, facts, further) if further else facts
    return write(make_plan(facts, target, judge(facts, Aim(target), options.waivers), options))


@pytest.mark.parametrize(
    ("file", "model", "to", "options"),
    [
        ("three-control-planes.yaml", sample(3, 3), "v1.35.4", PLAIN),
        ("single-control-plane.yaml", sample(1, 1), "v1.34.9", PLAIN),
        ("with-a-waiver.yaml", sample(3, 3), "v1.35.4", WAIVED),
        ("two-minors.yaml", sample(3, 3), "v1.36.3", VIA),
        # kubeadm 1.33 gives etcd 3.5.24, and what 1.34 brings needs 3.5.26 first
        ("old-etcd.yaml", sample(3, 3, "v1.33.4"), "v1.34.4", PLAIN),
        ("machine-deployments.yaml", with_pools(sample(3, 1)), "v1.35.4", PLAIN),
        ("canary-and-window.yaml", sample(3, 8), "v1.35.4", BATCHES),
    ],
)
def test_examples_are_what_the_planner_writes(file: str, model: ModelCluster, to: str, options: Options) -> None:
    text = loop.run(_planned(model, to, options))
    if os.environ.get("UPDATE_PLANS"):
        (PLANS / file).write_text(text)
    assert (PLANS / file).read_text() == text, "run: make examples"
    assert "result: blocker" not in text
