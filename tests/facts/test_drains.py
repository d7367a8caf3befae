"""Pods and budgets as the API has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.facts.budgets import guard, selector
from kubectl_upgrade.facts.drained_pods import keeps_empty_dir, moving_pod, must_move, read_moving_pods
from kubectl_upgrade.model.drains import MovingPod
from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.paths import PODS
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from kubectl_upgrade.world import Json

DAEMON_SET = {"kind": "DaemonSet", "name": "agent", "controller": True}
REPLICA_SET = {"kind": "ReplicaSet", "name": "web-1", "controller": True}


def pod(*owners: Json, phase: str = "Running", **metadata: Any) -> Json:
    conditions = [{"type": "Ready", "status": "True" if phase == "Running" else "False"}]
    return {
        "metadata": {"namespace": "shop", "name": "a", "ownerReferences": list(owners), **metadata},
        "spec": {"nodeName": "w1", "volumes": [{"name": "x", "configMap": {}}]},
        "status": {"phase": phase, "conditions": conditions},
    }


@pytest.mark.parametrize(
    ("raw", "moves"),
    [
        (pod(REPLICA_SET), True),
        (pod(), True),
        (pod(DAEMON_SET), False),
        # whoever owns it without being its controller starts no other one
        (pod(DAEMON_SET | {"controller": False}), True),
        (pod(annotations={"kubernetes.io/config.mirror": "1"}), False),
        (pod(REPLICA_SET, phase="Succeeded"), False),
        (pod(phase="Failed"), False),
        (pod(REPLICA_SET, phase="Pending"), True),
        ({"metadata": {"ownerReferences": None, "annotations": None}, "spec": {}}, True),
    ],
)
def test_which_pods_a_drain_has_to_move(raw: Json, *, moves: bool) -> None:
    assert must_move(raw) == moves


def test_a_pod_as_it_is_judged() -> None:
    raw = pod(REPLICA_SET, labels={"app": "web"})
    raw["spec"]["volumes"].append({"name": "cache", "emptyDir": {}})
    guards = [
        guard(budget("web", {"matchLabels": {"app": "web"}})),
        guard(budget("other", {"matchLabels": {"x": "1"}})),
    ]
    expected = MovingPod(namespace="shop", name="a", node="w1", managed=True, empty_dir=True, budgets=("web",))
    assert moving_pod(raw, guards) == expected
    alone = moving_pod(pod(phase="Pending"), guards)
    assert (alone.managed, alone.pending, alone.ready, alone.budgets) == (False, True, False, ())
    assert not keeps_empty_dir({"spec": {"volumes": None}})


def budget(name: str, chosen: Any, **spec: Any) -> Json:
    metadata = {"namespace": "shop", "name": name}
    return {"metadata": metadata, "spec": {"maxUnavailable": 1, "selector": chosen, **spec}}


@pytest.mark.parametrize(
    ("raw", "selected"),
    [
        (None, ""),
        ({}, "web db none"),
        ({"matchLabels": {"app": "web"}}, "web"),
        ({"matchLabels": {"app": "web", "tier": "1"}}, ""),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]}, "web db"),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, "db none"),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, "web db"),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, "none"),
        ({"matchLabels": {"app": "db"}, "matchExpressions": [{"key": "app", "operator": "Exists"}]}, "db"),
    ],
)
def test_selectors(raw: Json | None, selected: str) -> None:
    labels = {"web": {"app": "web"}, "db": {"app": "db"}, "none": {}}
    assert [name for name, having in labels.items() if selector(raw)(having)] == selected.split()


def test_a_budget_and_what_its_controller_says() -> None:
    raw = budget("web", {}, unhealthyPodEvictionPolicy="AlwaysAllow")
    raw["metadata"]["generation"] = 2
    raw["status"] = {
        "observedGeneration": 1,
        "disruptionsAllowed": 0,
        "currentHealthy": 2,
        "desiredHealthy": 3,
        "expectedPods": 4,
        "conditions": [
            {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "no controller ref"}
        ],
    }
    seen = guard(raw).budget
    assert (seen.rule, seen.allowed, seen.current, seen.desired, seen.expected) == ("maxUnavailable: 1", 0, 2, 3, 4)
    assert (seen.observed, seen.unready_may_go, seen.trouble) == (False, True, "SyncFailed: no controller ref")
    fine = guard(budget("web", {}) | {"status": {"conditions": [{"type": "DisruptionAllowed", "status": "True"}]}})
    assert (fine.budget.observed, fine.budget.trouble) == (True, "")


@pytest.mark.parametrize(
    "raw",
    [
        budget("odd", {"matchExpressions": [{"key": "app", "operator": "Gt", "values": ["1"]}]}),
        budget("odd", "app=web"),
        budget("odd", {}) | {"spec": None},
        budget("odd", {}) | {"status": {"disruptionsAllowed": "many"}},
    ],
)
def test_a_budget_that_cannot_be_read_selects_nothing_and_says_so(raw: Json) -> None:
    odd = guard(raw)
    assert odd.budget.trouble.startswith("it cannot be read")
    assert odd.budget.rule == ""
    assert not odd.selects({"app": "web"})


def test_the_pods_of_a_cluster() -> None:
    model = sample()
    for name, ending in (("bare", False), ("ending", True), ("waits", False)):
        raw = pod(phase="Running")
        raw["metadata"] = {"namespace": "shop", "name": name}
        if ending:
            raw["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        if name == "waits":
            del raw["spec"]["nodeName"]
        model.store.add(PODS, raw)
    pods = run(read_moving_pods(simulated_world(model).cluster, {}))
    assert isinstance(pods, tuple)
    assert [str(moving) for moving in pods if not moving.managed] == ["shop/bare"]
    deployments = {"web", "ledger", "coredns"}
    assert {moving.name.partition("-")[0] for moving in pods if moving.managed} == deployments
    assert len(pods) == 1 + 6 + 3 + 2
