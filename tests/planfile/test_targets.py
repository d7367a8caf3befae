"""Which nodes a stage takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kubectl_upgrade.model.plan import Plan, PoolTargets, Stage
from kubectl_upgrade.planfile.read import load
from kubectl_upgrade.planfile.targets import targets_of
from kubectl_upgrade.steps.base import WholeCluster, Worker


@pytest.fixture
def plan(three: str) -> Plan:
    return load(three.encode(), "p")


def _names(plan: Plan, *targets: object) -> list[list[str]]:
    step = plan.hops[0].stages[0].steps
    stages = tuple(Stage(stage=f"s{index}", targets=chosen, steps=step) for index, chosen in enumerate(targets))  # type: ignore[arg-type] # objects, so that the table stays short
    hop = replace(plan.hops[0], stages=stages)
    return [[target.name for target in targets_of(plan, hop, stage)] for stage in stages]


def test_names_in_their_order(plan: Plan) -> None:
    assert _names(plan, ("w2", "cp3"), ("nobody", "cp1")) == [["w2", "cp3"], ["cp1"]]


def test_all_is_control_planes_then_workers(plan: Plan) -> None:
    assert _names(plan, "all") == [["cp1", "cp2", "cp3", "w1", "w2", "w3"]]


def test_a_pool_gives_what_no_earlier_stage_took(plan: Plan) -> None:
    one, rest = PoolTargets(pool="workers", count=1), PoolTargets(pool="workers")
    assert _names(plan, "all", one, one, ("w3",), rest, rest) == [
        ["cp1", "cp2", "cp3", "w1", "w2", "w3"],
        ["w1"],
        ["w2"],
        ["w3"],
        ["w3"],
        [],
    ]
    assert _names(plan, PoolTargets(pool="workers", count=9), PoolTargets(pool="nobody")) == [["w1", "w2", "w3"], []]


def test_whole_clusters(plan: Plan) -> None:
    assert _names(plan, "cluster", "machineDeployments") == [["cluster"], []]
    assert targets_of(plan, plan.hops[0], plan.hops[0].stages[2]) == (WholeCluster(),)


def test_a_worker_knows_its_pool(plan: Plan) -> None:
    (worker,) = targets_of(plan, plan.hops[0], plan.hops[0].stages[4])
    assert worker == Worker(plan.pools[0].nodes[0], plan.pools[0])
