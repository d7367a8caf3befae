"""How a written plan looks."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from kubectl_upgrade.model.plan import After
from kubectl_upgrade.planfile.read import load, read
from kubectl_upgrade.planfile.write import write

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Plan, Stage


def _with_stage(plan: Plan, stage: Stage) -> Plan:
    return replace(plan, hops=(replace(plan.hops[0], stages=(stage,)),))


def test_editors_find_the_schema(single: str) -> None:
    assert re.match(r"# yaml-language-server: \$schema=https://\S+/schemas/plan\.v1\.schema\.json\n#\n", single)


def test_keys_stand_in_the_order_of_reading(three: str) -> None:
    assert re.findall(r"^([A-Za-z]+):", three, re.MULTILINE) == [
        *("apiVersion", "kind", "madeBy", "cluster", "clusterConfiguration"),
        *("controlPlanes", "pools", "preflight", "waivers", "hops"),
    ]


def test_one_step_and_one_node_to_a_line(three: str) -> None:
    assert "    - {do: wait-etcd, with: {members: 3, timeoutSeconds: 300}}\n" in three
    assert re.search(r"^  - \{name: w1, uid: \S+, address: 10\.99\.0\.21\}$", three, re.MULTILINE)
    assert re.search(r"^  versions: \{kubelet: v1\.34\.4, .*\}$", three, re.MULTILINE)
    assert re.search(r"^    kubeScheduler: sha256:[0-9a-f]{64}$", three, re.MULTILINE)


def test_defaults_are_left_out_but_the_limits_of_steps_stay(three: str) -> None:
    assert "parallel" not in three
    assert "cordoned" not in three
    assert "{do: wait-control-plane, with: {version: v1.35.4, timeoutSeconds: 600}}" in three


def test_each_stage_is_explained(three: str) -> None:
    lines = three.splitlines()
    stages = [index for index, line in enumerate(lines) if line.startswith("  - stage:")]
    assert len(stages) == 6
    assert all(lines[index - 1].startswith("  # ") for index in stages)
    assert "  # cp2, cp3, one at a time: install kubeadm; kubeadm upgrade node." in lines
    assert "  # Then the run stops; `apply` again goes on." in lines


def test_the_other_ways_to_choose_targets_are_explained(three: str) -> None:
    plan = load(three.encode(), "p")
    stage = replace(plan.hops[0].stages[2], after=After(soak_seconds=5))
    assert "  # The cluster: wait for CoreDNS" in write(_with_stage(plan, stage))
    assert "  # All 6 nodes, side by side, but one control plane at a time:" in write(
        _with_stage(plan, replace(stage, targets="all", parallel=True))
    )
    assert "  # MachineDeployments:" in write(_with_stage(plan, replace(stage, targets="machineDeployments")))
    many = tuple(f"n{number}" for number in range(7))
    assert "  # n0, n1, n2, n3, n4 and 2 more:" in write(_with_stage(plan, replace(stage, targets=many)))
    assert "  # Then it is watched for 5 s before the next stage." in write(_with_stage(plan, stage))


def test_a_blocked_plan_can_be_written_and_looked_at(three: str) -> None:
    plan = replace(load(three.encode(), "p"), hops=())
    assert write(plan).endswith("hops: []\n")
    assert read(write(plan).encode(), "p") == plan
