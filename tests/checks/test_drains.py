"""What stops a drain, or is lost with it, is told before anything is changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import judge
from kubectl_upgrade.model.drains import Budget, MovingPod, drained
from kubectl_upgrade.model.facts import Facts, Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planner.make_plan import Options, make_plan

if TYPE_CHECKING:
    from tests.conftest import Shape

TARGET = Version.parse("v1.35.4")
DRAIN_CHECKS = ("disruption-budgets", "unmanaged-pods", "empty-dir")


def pod(name: str, node: str, **changes: Any) -> MovingPod:
    standard: dict[str, Any] = {"namespace": "shop", "managed": True, "empty_dir": False}
    return MovingPod(name=name, node=node, **(standard | changes))


def budget(rule: str, name: str = "web", **changes: Any) -> Budget:
    """Of three pods, all healthy."""
    standard: dict[str, Any] = {"namespace": "shop", "current": 3, "desired": 2, "expected": 3, "allowed": 1}
    return Budget(name=name, rule=rule, **(standard | changes))


def with_pods(facts: Facts, *pods: MovingPod, budgets: tuple[Budget, ...] = ()) -> Facts:
    return replace(facts, pods=pods, budgets=budgets)


def found(facts: Facts, check: str, aim: Aim | None = None) -> list[Finding]:
    return list(CHECKS[check].run(facts, aim or Aim(TARGET)))


@pytest.mark.parametrize(
    ("kubelets", "target", "names"),
    [
        ({}, "v1.35.4", "cp1 cp2 cp3 w1 w2 w10"),
        ({}, "v1.34.9", ""),
        ({"cp1": "v1.35.4", "w2": "v1.35.4"}, "v1.35.4", "cp2 cp3 w1 w10"),
        # kubelets of control planes are one stage: what one needs, all of them do
        ({"cp1": "v1.35.0"}, "v1.35.4", "cp1 cp2 cp3 w1 w2 w10"),
        # workers are upgraded version by version, the oldest first
        ({"w1": "v1.35.0", "w10": "v1.33.1"}, "v1.35.4", "cp1 cp2 cp3 w10 w2"),
    ],
)
def test_which_nodes_are_drained(shape: type[Shape], kubelets: dict[str, str], target: str, names: str) -> None:
    nodes = {name: {"kubelet": Version.parse(version)} for name, version in kubelets.items()}
    facts = shape(workers=10, nodes=nodes).facts()
    chosen = {"cp1", "cp2", "cp3", "w1", "w2", "w10"}
    order = [node.name for node in drained(facts.nodes, Version.parse(target)) if node.name in chosen]
    assert order == names.split()


def test_the_planner_drains_the_very_same(shape: type[Shape]) -> None:
    nodes = {"cp1": {"kubelet": TARGET}, "w2": {"kubelet": TARGET}, "w3": {"kubelet": Version.parse("v1.35.0")}}
    facts = shape(workers=3, nodes=nodes).facts()
    plan = make_plan(facts, TARGET, (), Options(waivers={}, waive_until=""))
    planned: list[str] = []
    for stage in plan.hops[0].stages:
        if any(step.do == "drain-node" for step in stage.steps):
            pools = {pool.name: [node.name for node in pool.nodes] for pool in plan.pools}
            planned += stage.targets if isinstance(stage.targets, tuple) else pools[stage.targets.pool]  # type: ignore[union-attr]
    assert planned == [node.name for node in drained(facts.nodes, TARGET)] == ["cp2", "cp3", "w1"]


@pytest.mark.parametrize(
    "rule",
    [
        budget("maxUnavailable: 0", desired=3, allowed=0),
        budget("maxUnavailable: 0%", desired=3, allowed=0),
        budget("minAvailable: 100%", desired=3, allowed=0),
        budget("minAvailable: 3", desired=3, allowed=0),
        # a half of one pod is one pod
        budget("minAvailable: 50%", desired=1, current=1, expected=1, allowed=0),
        # the disruption controller has not come to it yet
        budget("maxUnavailable: 0", desired=0, current=0, expected=0, allowed=0),
    ],
    ids=lambda rule: rule.rule,
)
def test_a_budget_that_never_allows_an_eviction_blocks(shape: type[Shape], rule: Budget) -> None:
    pods = [pod(name, node, budgets=("web",)) for name, node in (("c", "w2"), ("a", "w1"), ("b", "w1"))]
    (finding,) = found(with_pods(shape().facts(), *pods, budgets=(rule,)), "disruption-budgets")
    assert finding.level is Level.BLOCKER
    assert finding.waivable
    assert finding.message == (
        f"budget shop/web ({rule.rule}) never allows an eviction: the drain of w1, w2 waits for shop/a, shop/b, shop/c"
    )
    assert "kubectl -n shop edit pdb web" in finding.fix
    assert ("one pod more" in finding.fix) == (rule.rule == "minAvailable: 3")


def test_a_budget_that_allows_nothing_now_warns_with_what_it_lacks(shape: type[Shape]) -> None:
    now = budget("maxUnavailable: 1", current=2, allowed=0)
    (finding,) = found(with_pods(shape().facts(), pod("a", "w1", budgets=("web",)), budgets=(now,)), DRAIN_CHECKS[0])
    assert finding.level is Level.WARN
    assert "allows no eviction now, it needs 2 healthy pods and has 2 of 3: the drain of w1" in finding.message


def test_one_that_its_controller_has_not_seen_allows_nothing_now(shape: type[Shape]) -> None:
    unseen = budget("maxUnavailable: 1", observed=False)
    (finding,) = found(with_pods(shape().facts(), pod("a", "w1", budgets=("web",)), budgets=(unseen,)), DRAIN_CHECKS[0])
    assert finding.level is Level.WARN
    assert "has not seen its last change" in finding.message


def test_a_budget_that_failed_to_sync_blocks(shape: type[Shape]) -> None:
    failed = budget("maxUnavailable: 1", allowed=0, trouble='SyncFailed: found no controller ref for pod "a"')
    (finding,) = found(with_pods(shape().facts(), pod("a", "w1", budgets=("web",)), budgets=(failed,)), DRAIN_CHECKS[0])
    assert finding.level is Level.BLOCKER
    assert 'allows nothing, SyncFailed: found no controller ref for pod "a": the drain of w1' in finding.message
    assert "describe pdb web" in finding.fix


def test_a_budget_that_cannot_be_read_warns(shape: type[Shape]) -> None:
    (finding,) = found(
        with_pods(shape().facts(), budgets=(budget("", trouble="it cannot be read: 1"),)), DRAIN_CHECKS[0]
    )
    assert (finding.level, finding.message) == (Level.WARN, "budget shop/web: it cannot be read: 1")


def test_two_budgets_over_one_pod_block_although_both_allow_it(shape: type[Shape]) -> None:
    both = budget("maxUnavailable: 1"), budget("maxUnavailable: 1", name="all")
    (finding,) = found(
        with_pods(shape().facts(), pod("a", "w1", budgets=("all", "web")), budgets=both), DRAIN_CHECKS[0]
    )
    assert finding.level is Level.BLOCKER
    assert finding.message.startswith("budgets all and web in shop select the same pods")
    assert finding.message.endswith("the drain of w1 waits for shop/a")


@pytest.mark.parametrize(
    ("changes", "rule", "held"),
    [
        ({"ready": True}, budget("maxUnavailable: 1"), False),
        ({"ready": True}, budget("minAvailable: 3", desired=3, allowed=0), True),
        # the Eviction API asks no budget for a pod that has not run
        ({"pending": True, "ready": False}, budget("minAvailable: 3", desired=3, current=2, allowed=0), False),
        ({"ready": False}, budget("minAvailable: 3", desired=3, current=2, allowed=0), True),
        # IfHealthyBudget, the default: the healthy ones are enough without it
        ({"ready": False}, budget("minAvailable: 3", desired=3, current=3, expected=3, allowed=0), False),
        ({"ready": False}, budget("minAvailable: 3", desired=3, current=2, allowed=0, unready_may_go=True), False),
    ],
)
def test_what_the_eviction_api_would_say(
    shape: type[Shape], changes: dict[str, Any], rule: Budget, *, held: bool
) -> None:
    facts = with_pods(shape().facts(), pod("a", "w1", budgets=("web",), **changes), budgets=(rule,))
    assert bool(found(facts, "disruption-budgets")) == held


def stubborn(facts: Facts) -> Facts:
    """Each drain check finds something on w1, if it is drained."""
    alone = pod("a", "w1", budgets=("web",), managed=False, empty_dir=True)
    return with_pods(facts, alone, budgets=(budget("maxUnavailable: 0", allowed=0),))


@pytest.mark.parametrize("check", DRAIN_CHECKS)
def test_only_drains_that_will_happen_count(shape: type[Shape], check: str) -> None:
    assert found(stubborn(shape().facts()), check)
    assert not found(stubborn(shape().facts()), check, Aim(Version.parse("v1.34.9")))
    assert not found(stubborn(shape(nodes={"w1": {"kubelet": TARGET}}).facts()), check)
    assert not found(stubborn(shape().facts()), check, Aim(TARGET, drains=False))


def test_pods_without_a_controller_block_in_the_order_of_the_drains(shape: type[Shape]) -> None:
    pods = [
        pod("b", "w1", managed=False),
        pod("a", "w2", managed=False),
        pod("c", "cp1", managed=False),
        pod("d", "w1"),
    ]
    (finding,) = found(with_pods(shape().facts(), *pods), "unmanaged-pods")
    assert finding.level is Level.BLOCKER
    assert finding.message == (
        "no controller would start shop/c, shop/b, shop/a again elsewhere: the drain of cp1, w1, w2 stops there"
    )


def test_a_plan_that_deletes_them_is_not_stopped_by_them(shape: type[Shape]) -> None:
    facts = with_pods(shape().facts(), pod("a", "w1", managed=False))
    (finding,) = found(facts, "unmanaged-pods", Aim(TARGET, keeps_unmanaged=False))
    assert finding.level is Level.WARN
    assert "shop/a again elsewhere, and the plan deletes them" in finding.message
    for waivers, does in ({}, "stop"), ({"unmanaged-pods": "a test's"}, "delete"):
        options = Options(waivers=waivers, waive_until="2027-01-01" if waivers else "")
        plan = make_plan(facts, TARGET, judge(facts, Aim(TARGET), waivers), options)
        drains = [s for stage in plan.hops[0].stages for s in stage.steps if s.do == "drain-node"]
        assert [step.with_["unmanagedPods"] for step in drains] == [does, does]


def test_what_is_lost_is_counted_without_names_that_change(shape: type[Shape]) -> None:
    pods = [pod(name, "w1", empty_dir=True) for name in "ab"]
    pods += [pod("c", "w2", empty_dir=True, namespace="log"), pod("d", "w1"), pod("e", "elsewhere", empty_dir=True)]
    (finding,) = found(with_pods(shape().facts(), *pods), "empty-dir")
    assert finding.level is Level.INFO
    assert finding.message.startswith("3 pod(s) lose")
    assert finding.message.endswith("1 in log, 2 in shop")


def test_what_is_unknown_is_told_once(shape: type[Shape]) -> None:
    pods = replace(shape().facts(), pods=Unknown("this identity may not list pods"))
    assert [bool(found(pods, check)) for check in DRAIN_CHECKS] == [False, True, False]
    budgets = replace(shape().facts(), budgets=Unknown("this identity may not list budgets"))
    assert [bool(found(budgets, check)) for check in DRAIN_CHECKS] == [True, False, False]
    for facts, check in (pods, DRAIN_CHECKS[1]), (budgets, DRAIN_CHECKS[0]):
        (finding,) = found(facts, check)
        assert finding.level is Level.WARN
        assert "this identity may not list" in finding.message
        assert not found(facts, check, Aim(Version.parse("v1.34.9")))
