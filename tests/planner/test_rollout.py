"""Which workers a plan has, in which order, and in which stages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.model.drains import Budget, MovingPod
from kubectl_upgrade.model.errors import UsageError
from kubectl_upgrade.model.placement import ZONE_LABEL
from kubectl_upgrade.model.plan import After, PoolTargets
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.model.window import Window
from kubectl_upgrade.planner.make_plan import Options, make_plan
from kubectl_upgrade.planner.rollout import Rollout
from kubectl_upgrade.planner.selection import Selection

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.plan import Plan
    from tests.conftest import Shape

TO = Version.parse("v1.35.4")


def plan_of(
    facts: Facts, rollout: Rollout | None = None, selection: Selection | None = None, at_once: str = "1"
) -> Plan:
    options = Options(
        waivers={},
        waive_until="",
        max_unavailable=at_once,
        rollout=rollout or Rollout(),
        selection=selection or Selection(),
    )
    return make_plan(facts, TO, (), options)


def order(plan: Plan) -> str:
    return " ".join(node.name for pool in plan.pools for node in pool.nodes)


def labelled(facts: Facts, labels: dict[str, dict[str, str]]) -> Facts:
    nodes = tuple(replace(node, labels={**node.labels, **labels.get(node.name, {})}) for node in facts.nodes)
    return replace(facts, nodes=nodes)


def zones(facts: Facts, **by_zone: str) -> Facts:
    """`a="w1 w4"`."""
    return labelled(facts, {name: {ZONE_LABEL: zone} for zone, names in by_zone.items() for name in names.split()})


def test_workers_go_zone_by_zone_then_by_name(shape: type[Shape]) -> None:
    facts = zones(shape(workers=10).facts(), a="w10 w2 w4", b="w1 w3")
    assert order(plan_of(facts)) == "w5 w6 w7 w8 w9 w2 w4 w10 w1 w3"


def with_budget(facts: Facts, allowed: int, *names: str) -> Facts:
    """A budget with one pod on each of these nodes."""
    budget = Budget(namespace="shop", name="web", rule="maxUnavailable: 1", allowed=allowed)
    pods = tuple(
        MovingPod(namespace="shop", name=f"p{name}", node=name, managed=True, empty_dir=False, budgets=("web",))
        for name in names
    )
    return replace(facts, pods=pods, budgets=(budget,))


@pytest.mark.parametrize(
    ("at_once", "allowed", "expected"),
    [
        ("1", 1, "w1 w2 w3 w4 w5 w6"),
        ("2", 2, "w1 w2 w3 w4 w5 w6"),
        # no two of w1, w2, w3 beside each other
        ("2", 1, "w1 w4 w2 w5 w3 w6"),
        # nor within three; where none is left that fits, the order stays
        ("3", 1, "w1 w4 w5 w2 w6 w3"),
    ],
)
def test_those_that_share_a_tight_budget_are_no_neighbours(
    shape: type[Shape], at_once: str, allowed: int, expected: str
) -> None:
    facts = with_budget(shape(workers=6).facts(), allowed, "w1", "w2", "w3")
    assert order(plan_of(facts, at_once=at_once)) == expected


def test_a_budget_mixes_no_zones(shape: type[Shape]) -> None:
    facts = zones(with_budget(shape(workers=4).facts(), 1, "w1", "w2"), a="w1 w2", b="w3 w4")
    assert order(plan_of(facts, at_once="2")) == "w1 w2 w3 w4"


def test_a_canary_goes_first_and_what_it_bears_is_nothing(shape: type[Shape]) -> None:
    window = Window(from_="22:00", to="04:00", zone="UTC")
    rollout = Rollout(canary=2, soak_seconds=60, pause=True, max_failures=3, drain_limit_seconds=600, window=window)
    canary, rest = plan_of(shape(workers=6).facts(), rollout, at_once="50%").hops[0].stages[-2:]
    assert (canary.stage, canary.targets) == ("canary", PoolTargets(pool="workers", count=2))
    assert canary.after == After(soak_seconds=60, pause=True)
    assert (canary.max_unavailable, canary.max_failures) == (None, 0)
    assert (rest.stage, rest.max_unavailable, rest.max_failures, rest.after) == ("workers", "50%", 3, None)
    assert canary.window == rest.window == window
    assert canary.drain_limit_seconds == rest.drain_limit_seconds == 600
    assert canary.steps == rest.steps


def test_a_canary_leaves_somebody_to_learn_from_it(shape: type[Shape]) -> None:
    for workers, expected in ((1, ["workers"]), (2, ["canary", "workers"])):
        stages = [stage.stage for stage in plan_of(shape(workers=workers).facts(), Rollout(canary=9)).hops[0].stages]
        assert [name for name in stages if name in {"canary", "workers"}] == expected


def test_each_of_several_pools_has_its_own(shape: type[Shape]) -> None:
    nodes = {"w1": {"kubelet": Version.parse("v1.33.1")}, "w2": {"kubelet": Version.parse("v1.33.1")}}
    stages = plan_of(shape(workers=4, nodes=nodes).facts(), Rollout(canary=1)).hops[0].stages
    assert [s.stage for s in stages][-4:] == ["workers-1-canary", "workers-1", "workers-2-canary", "workers-2"]


@pytest.mark.parametrize(
    ("select", "exclude", "expected"),
    [
        ((), (), "w1 w2 w3 w4"),
        (("w2",), (), "w2"),
        (("w2", "tier=db"), (), "w1 w2"),
        (("tier",), ("w1",), "w3"),
        ((), ("tier=web",), "w1 w2 w4"),
        (("tier!=db",), (), "w2 w3 w4"),
        (("!tier",), (), "w2 w4"),
        (("tier=web,!gpu", "gpu"), (), "w3 w4"),
    ],
)
def test_workers_are_chosen_by_name_or_labels(
    shape: type[Shape], select: tuple[str, ...], exclude: tuple[str, ...], expected: str
) -> None:
    labels = {"w1": {"tier": "db"}, "w3": {"tier": "web"}, "w4": {"gpu": "yes"}}
    facts = labelled(shape(workers=4).facts(), labels)
    assert order(plan_of(facts, selection=Selection(select=select, exclude=exclude))) == expected


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("w9", "no worker is called so"),
        ("tier=none", "has such labels"),
        ("a b", "no label selector"),
        ("", "no label"),
    ],
)
def test_a_choice_that_chooses_nobody_is_a_mistake(shape: type[Shape], item: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Selection(exclude=(item,)).left_out(shape().facts())
