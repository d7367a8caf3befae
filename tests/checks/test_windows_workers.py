"""Nodes with Windows are named, and no check, drain, pool or plan has anything else to do with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import judge
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.drift import drift_of
from kubectl_upgrade.planfile.expected import Progress
from kubectl_upgrade.planner.make_plan import Options, make_plan
from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.paths import NODES
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from tests.conftest import Shape

TARGET = Version.parse("v1.35.4")
LABELS = {"kubernetes.io/os": "windows"}


def with_windows(shape: type[Shape]) -> Facts:
    """w2 is everything that blocks on Linux, and was not asked."""
    changes = {"labels": LABELS, "ready": False, "kernel": "10.0.20348", "internal_ip": "10.0.0.11", "cordoned": True}
    facts = shape(nodes={"w2": changes}).facts()
    return replace(facts, hosts={name: host for name, host in facts.hosts.items() if name != "w2"})


def labelled(model: ModelCluster) -> ModelCluster:
    node = model.store.find(NODES, "w2")
    assert node is not None
    node["metadata"].setdefault("labels", {}).update(LABELS)
    return model


def test_they_are_told_and_nothing_else_is(shape: type[Shape]) -> None:
    (finding,) = CHECKS["windows-workers"].run(with_windows(shape), Aim(TARGET))
    assert (finding.level.value, finding.message) == ("info", "left alone, for they run Windows: w2 (v1.34.4)")
    others = [j for j in judge(with_windows(shape), Aim(TARGET)) if j.result != "pass" and j.check != "windows-workers"]
    assert not [str(judgement) for judgement in others if "w2" in str(judgement)]
    assert not list(CHECKS["windows-workers"].run(shape().facts(), Aim(TARGET)))


def test_a_kubelet_that_the_next_api_servers_would_lose_blocks_on_windows_too(shape: type[Shape]) -> None:
    facts = shape(nodes={"w2": {"labels": LABELS, "kubelet": Version.parse("v1.31.0")}}).facts()
    assert [f.node for f in CHECKS["version-skew"].run(facts, Aim(TARGET))] == ["w2"]


def test_none_is_asked_planned_or_told_as_new() -> None:
    model = labelled(sample())
    asked: list[str] = []

    async def main() -> Facts:
        model.publish_configuration()
        facts = await gather(simulated_world(model))
        asked.extend(facts.hosts)
        return facts

    facts = run(main())
    assert "w2" not in asked
    assert [node.name for node in Aim(TARGET).drained(facts.nodes)] == ["cp1", "cp2", "cp3", "w1", "w3"]
    plan = make_plan(facts, TARGET, judge(facts, Aim(TARGET)), Options(waivers={}, waive_until=""))
    assert [worker.name for pool in plan.pools for worker in pool.nodes] == ["w1", "w3"]
    nothing = Progress(run8="", begun=frozenset(), steps_done=frozenset(), targets_done=frozenset())
    assert drift_of(plan, facts, nothing).new == ()
