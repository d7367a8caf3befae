"""`check`, and the version that it and `plan` look for, on a simulated cluster."""

from __future__ import annotations

import json
from dataclasses import dataclass
from inspect import unwrap
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from kubectl_upgrade.cli.check import Output, check, printed
from kubectl_upgrade.cli.connection import Connection
from kubectl_upgrade.cli.looking import ProbeWorkers, look
from kubectl_upgrade.cli.plan import make, plan
from kubectl_upgrade.cli.rollout import RolloutFlags
from kubectl_upgrade.model.errors import PreflightError
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.read import read
from kubectl_upgrade.planner.make_plan import Options
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.world import World

KEYS = ["check", "result", "node", "message", "fix"]


@dataclass(frozen=True, kw_only=True)
class Simulated(Connection):
    """Flags that lead to a modelled cluster."""

    model: ModelCluster

    def world(self) -> World:
        return simulated_world(self.model)


@pytest.fixture
def model() -> ModelCluster:
    return sample(workers=1)


@pytest.fixture
def sick(model: ModelCluster) -> ModelCluster:
    """A node that is not Ready, on cgroup v1, marked by somebody."""
    model.nodes["w1"].cgroup = "v1"
    model.nodes["w1"].heartbeat_lost = float("-inf")
    return model


def called(command: Any, model: ModelCluster, **flags: Any) -> None:
    """The command itself, in real time."""
    unwrap(command)(connection=Simulated(model=model), **flags)


def looked(model: ModelCluster, output: Output, to: str = "") -> str:
    facts, target, judgements = loop.run(look(simulated_world(model), to, (), ProbeWorkers.AUTO.value))
    return printed(facts, target, judgements, output)


def test_a_healthy_cluster_passes(model: ModelCluster, capsys: pytest.CaptureFixture[str]) -> None:
    called(check, model, to="latest-patch")
    out, told = capsys.readouterr()
    assert "target v1.34.4: the cluster is there" in told
    rows = out.splitlines()
    assert rows[0].split() == ["RESULT", "CHECK", "NODE", "FINDING"]
    assert {row.split()[0] for row in rows[1:]} <= {"ok", "info"}


def test_a_blocker_ends_with_4_and_the_worst_comes_first(
    sick: ModelCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PreflightError) as caught:
        called(check, sick)
    assert caught.value.exit_code == 4
    assert "block the upgrade to v1.35.4" in caught.value.message
    out, told = capsys.readouterr()
    assert "target v1.35.4: the newest v1.35 (the minor that follows v1.34)" in told
    results = [row.split()[0] for row in out.splitlines()[1:]]
    assert results == sorted(results, key=["BLOCKS", "WARN", "waived", "info", "ok"].index)
    assert "BLOCKS   nodes-ready" in out
    assert "w1" in out.splitlines()[1]
    assert "BLOCKS" not in told


def test_json_and_yaml_say_the_same_with_the_same_keys(sick: ModelCluster) -> None:
    report = json.loads(looked(sick, Output.JSON))
    assert report == yaml.safe_load(looked(sick, Output.YAML))
    assert list(report) == ["cluster", "from", "to", "checks"]
    assert (report["cluster"], report["from"], report["to"]) == ("sample", "v1.34.4", "v1.35.4")
    assert all(list(entry) == KEYS for entry in report["checks"])
    (found,) = [entry for entry in report["checks"] if entry["check"] == "nodes-ready"]
    assert (found["result"], found["node"]) == ("blocker", "w1")
    (passed,) = [entry for entry in report["checks"] if entry["check"] == "known-minor"]
    assert passed == {"check": "known-minor", "result": "pass", "node": None, "message": "", "fix": ""}


def test_what_is_waived_does_not_block(model: ModelCluster, capsys: pytest.CaptureFixture[str]) -> None:
    model.nodes["w1"].cgroup = "v1"
    model.configuration.fail_cgroup_v1 = False
    model.publish_configuration()
    with pytest.raises(PreflightError):
        called(check, model)
    called(check, model, waive=["cgroup-v1=soon@until=2999-01-01"], output=Output.JSON)
    out = capsys.readouterr().out
    report = json.loads(out[out.index("{") :])
    (found,) = [entry for entry in report["checks"] if entry["check"] == "cgroup-v1"]
    assert found["result"] == "waived"


def test_a_version_that_a_control_plane_is_not_offered_is_not_chosen(
    model: ModelCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    model.nodes["cp2"].lacks.add("1.35.4")
    called(plan, model, workers=RolloutFlags())
    out, told = capsys.readouterr()
    assert str(read(out.encode(), "p.yaml").cluster.to) == "v1.35.3"
    assert "v1.35.4 is there, but is not offered to cp2" in told


def test_a_control_plane_that_does_not_answer_leaves_no_choice(model: ModelCluster) -> None:
    model.nodes["cp2"].up = False
    with pytest.raises(PreflightError, match="cp2: "):
        looked(model, Output.TABLE)


def test_each_waiver_has_its_own_last_day(model: ModelCluster, capsys: pytest.CaptureFixture[str]) -> None:
    called(
        plan,
        model,
        waive=["cgroup-v1=v2 in Q1@until=2999-03-31"],
        workers=RolloutFlags(),
        force=True,
        waive_until="2999-01-31",
        to="v1.35.2",
    )
    made = read(capsys.readouterr().out.encode(), "p.yaml")
    assert {waiver.check: waiver.until for waiver in made.waivers} == {
        "cgroup-v1": "2999-03-31",
        "no-upgrade-in-process": "2999-01-31",
    }
    assert str(made.cluster.to) == "v1.35.2"


def test_an_old_etcd_is_no_blocker_where_the_plan_has_a_way() -> None:
    """And a person who accepts it gets none: what was waived is waived, not mended."""
    model = sample(3, 0, "v1.33.4", pods_per_worker=0)
    world = simulated_world(model)

    def results(*waived: str) -> set[str]:
        _, _, judgements = loop.run(look(world, Version.parse("v1.34.4"), waived, ProbeWorkers.AUTO.value))
        return {judgement.result for judgement in judgements if judgement.check == "etcd-minimum"}

    assert results() == {"warn"}
    assert results("etcd-minimum") == {"waived"}
    model.nodes["cp2"].lacks |= {"3.5.26-0", "3.5.32-0"}
    assert results() == {"blocker"}


def test_a_waived_etcd_minimum_leaves_the_way_out_of_the_plan() -> None:
    world = simulated_world(sample(3, 0, "v1.33.4", pods_per_worker=0))
    given: tuple[dict[str, str], ...] = ({}, {"etcd-minimum": "no member was ever removed"})
    mended, accepted = (
        loop.run(
            make(world, Version.parse("v1.34.4"), Options(waivers=waivers, waive_until="2027-03-31"), "auto"),
        )[0]
        for waivers in given
    )
    assert "move-etcd" in str(mended.hops)
    assert "move-etcd" not in str(accepted.hops)
