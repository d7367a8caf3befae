"""A whole apply, undisturbed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.engine.events import StageBegins, StepBegins, StepEnds
from kubectl_upgrade.model.names import CORDON_ANNOTATION, LOCK_PATH, RUN_LABEL
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planner.make_plan import Options
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from tests.engine.conftest import Operator


async def traces(model: ModelCluster) -> list[str]:
    """Everything of ours that is left."""
    api = simulated_world(model).cluster
    left = [lease["metadata"]["name"] for lease in await api.list(LOCK_PATH.rpartition("/")[0])]
    left = [name for name in left if name.startswith("upgrade-cp")]
    for obj in await api.list("/api/v1/nodes"):
        metadata = obj["metadata"]
        marks = {RUN_LABEL, CORDON_ANNOTATION} & {*metadata.get("labels", {}), *metadata.get("annotations", {})}
        left += [f"{metadata['name']}: {mark}" for mark in marks]
        left += [f"{metadata['name']}: cordoned"] if obj["spec"].get("unschedulable") else []
    for node in model.nodes.values():
        left += [f"{node.name}: {what}" for what, is_there in _on_node(node).items() if is_there]
    return left


def _on_node(node: Any) -> dict[str, bool]:
    return {"fence": node.fence is not None, "units": bool(node.units), "bundle": node.bundle, "endpoint": _away(node)}


def _away(node: Any) -> bool:
    return bool(node.kept_server or node.kubelet.conf_via_endpoint or node.kubelet.via_endpoint)


def upgraded(model: ModelCluster, to: str = "v1.35.4") -> None:
    """Every part of every node is at the version."""
    version = Version.parse(to)
    for node in model.nodes.values():
        assert node.kubelet.version == node.packages["kubelet"] == node.packages["kubeadm"] == version, node.name
        for component, pod in node.static_pods.items():
            assert component == "etcd" or pod.image.endswith(f":{version}"), f"{node.name}: {pod.image}"


def test_everything_is_new_once_and_no_trace_is_left(operator: Operator) -> None:
    async def story() -> None:
        await operator.apply(await operator.plan())
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)
    runs = Counter((record.node, record.action) for record in operator.model.trace)
    assert set(runs.values()) == {1}
    assert runs["cp1", "kubeadm-apply"] == 1
    assert {node for node, action in runs if action == "kubeadm-node"} == {"cp2", "cp3", "w1", "w2", "w3"}


def test_stages_and_targets_come_in_the_plans_order(operator: Operator) -> None:
    async def story() -> list[tuple[str, str]]:
        plan = await operator.plan()
        await operator.apply(plan)
        return [(stage.stage, "") for hop in plan.hops for stage in hop.stages]

    planned = loop.run(story(), seed=3)
    assert [(event.stage, "") for event in operator.events if isinstance(event, StageBegins)] == planned
    order = [e.id.target for e in operator.events if isinstance(e, StepBegins) and e.id.step == "mark-node"]
    assert order == ["cp1", "cp2", "cp3", "cp1", "cp2", "cp3", "w1", "w2", "w3"]


def test_a_seed_reproduces_a_run(operator: Operator) -> None:
    def once() -> list[object]:
        operator.model, operator.events = sample(), []
        loop.run(_plan_and_apply(operator), seed=7)
        return list(operator.events)

    assert once() == once()


async def _plan_and_apply(operator: Operator, to: str = "v1.35.4", options: Options | None = None) -> None:
    await operator.apply(await operator.plan(to, options))


def test_a_single_control_plane_waits_while_its_api_is_away(operator: Operator) -> None:
    operator.model = sample(control_planes=1, workers=1)

    async def story() -> None:
        await _plan_and_apply(operator)
        assert await traces(operator.model) == []

    loop.run(story())
    upgraded(operator.model)


def test_a_patch_upgrade_drains_nothing_and_switches_no_repository(operator: Operator) -> None:
    loop.run(_plan_and_apply(operator, "v1.34.9"))
    upgraded(operator.model, "v1.34.9")
    assert {node.repository for node in operator.model.nodes.values()} == {"v1.34"}
    assert "drain-node" not in {event.id.step for event in operator.events if isinstance(event, StepBegins)}


def test_no_more_workers_at_once_than_the_plan_allows(operator: Operator) -> None:
    operator.model = sample(workers=20)
    loop.run(_plan_and_apply(operator, options=Options(waivers={}, waive_until="", max_unavailable="20%")))
    working: set[str] = set()
    most = 0
    for event in operator.events:
        if isinstance(event, StepBegins) and event.id.target.startswith("w") and event.id.stage == "workers":
            working.add(event.id.target)
        if isinstance(event, StepEnds) and event.id.step == "unmark-node":
            working.discard(event.id.target)
        most = max(most, len(working))
    assert most == 4
    upgraded(operator.model)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_second_plan_has_nothing_to_do(operator: Operator, workers: int) -> None:
    operator.model = sample(workers=workers)

    async def story() -> None:
        await _plan_and_apply(operator)
        assert (await operator.plan()).hops == ()

    loop.run(story())
