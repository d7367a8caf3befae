"""One control plane and one worker without a load balancer: a patch, then a minor, with the API away in between."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.figures import figure
from tests.e2e.operator import FROM, TO, WAIVER, Operator
from tests.lab.lab import Lab
from tests.lab.spec import Spec
from tests.lab.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.full

# the same source as FROM, stamped one patch higher: the way of a patch is real, its content is not
PATCH = "v1.34.5"
RBAC = Path(__file__).parents[2] / "docs/rbac.yaml"
SOURCES = "cat /etc/apt/sources.list.d/kubernetes.list"


@pytest.fixture(scope="module")
def single() -> Iterator[Lab]:
    also = (Version.parse(PATCH), Version.parse(TO))
    spec = Spec(control_planes=1, workers=1, version=Version.parse(FROM), also=also, load_balancer=False)
    lab = Lab(spec)
    with lab.hold("the single control plane's tests"):
        lab.up()
        yield lab
        lab.down()


def _versions(lab: Lab) -> set[tuple[str, bool]]:
    nodes = lab.api.get("/api/v1/nodes")["items"]
    return {(n["status"]["nodeInfo"]["kubeletVersion"], n["spec"].get("unschedulable", False)) for n in nodes}


def test_a_patch_switches_no_repository_and_drains_nothing(single: Lab, tmp_path: Path) -> None:
    before = {node.name: single.run(node.name, SOURCES).out for node in single.nodes}
    operator = Operator(single, tmp_path / "state")
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER, to=PATCH)
    assert "drain-node" not in plan.read_text()
    told = operator.run("apply", str(plan), "--yes").stderr
    assert f"is at {PATCH}" in told
    assert _versions(single) == {(PATCH, False)}
    assert {node.name: single.run(node.name, SOURCES).out for node in single.nodes} == before


def test_a_minor_waits_while_the_only_api_server_is_away(single: Lab, tmp_path: Path) -> None:
    """Done by a user who has the documented rights and no others."""
    subprocess.run([single.place.kubectl, "--kubeconfig", single.kubeconfig, "apply", "-f", RBAC], check=True)
    operator = Operator(single, tmp_path / "state", user="upgrade-cp")
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER)
    with single.probe() as probe:
        told = operator.run("apply", str(plan), "--yes").stderr
    assert f"is at {TO}" in told
    assert _versions(single) == {(TO, False)}
    assert probe.write.failures > 0, "the API was never away: this shows nothing"
    figure("single-control-plane-longest-write-gap", probe.write.longest_gap, "s", "announced, not bounded")
