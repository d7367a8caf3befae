"""Workers in batches, and what holds them up, from the moment where every control plane is new."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.e2e.operator import FROM, TO, WAIVER, Operator
from tests.e2e.test_workers import DEFAULT, FLAG, IMAGE
from tests.lab import faults
from tests.lab.until import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.story import Story
    from tests.lab.lab import Lab

# each begins by restoring a snapshot, which takes a minute or two
pytestmark = pytest.mark.full

WORKERS = ("w1", "w2", "w3")
BUDGETS = ("--waive", "disruption-budgets=a test blocks a drain on purpose@until=2999-12-31")
NODES = "/api/v1/nodes"


@pytest.fixture
def operator(lab: Lab, story: Story, tmp_path: Path) -> Operator:
    """Somebody who plans anew where every control plane is done: the run that came that far is ended."""
    assert story.finished
    lab.restore("control-planes-done")
    story.operator.run("abort")
    return Operator(lab, tmp_path / "state")


def kubelets(lab: Lab) -> dict[str, str]:
    """Of the workers that the API knows, those that are Ready."""
    found = {}
    for node in lab.api.get(NODES)["items"]:
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions") or [])
        if node["metadata"]["name"] in WORKERS and ready:
            found[node["metadata"]["name"]] = node["status"]["nodeInfo"]["kubeletVersion"]
    return found


def untouched(lab: Lab, name: str) -> bool:
    """Neither cordoned nor labelled, its packages as they were."""
    node = lab.api.get(f"{NODES}/{name}")
    marks = str(node["metadata"].get("labels")) + str(node["metadata"].get("annotations"))
    installed = lab.run(name, "dpkg-query -W -f '${Version}' kubeadm").out
    return not node["spec"].get("unschedulable") and "upgrade-cp" not in marks and installed.startswith("1.34.4")


def test_a_budget_that_blocks_is_foretold_named_and_leaves_its_node_as_it_was(
    lab: Lab, operator: Operator, tmp_path: Path
) -> None:
    with faults.immovable_workload(lab, "w2"):
        plan = operator.plan(
            tmp_path / "p.yaml", *WAIVER, *BUDGETS, "--drain-timeout", "60", "--on-drain-timeout", "skip-node"
        )
        stopped = operator.run("apply", str(plan), "--yes", code=5).stderr
        budget = f"budget default/{faults.STUCK} (maxUnavailable: 0)"
        assert f"w2: its drain will meet this: {budget} never allows an eviction" in stopped
        assert re.search(rf"waited 60 s for w2 drained.*default/{faults.STUCK}-\S+: .*allows 0 evictions now", stopped)
        assert "it needs 1 healthy pods and has 1 of 1" in stopped
        assert "1 workers were skipped and are as they were before v1.35.4" in stopped
        assert kubelets(lab) == {"w1": TO, "w2": FROM, "w3": TO}
        assert untouched(lab, "w2")
    operator.run("apply", str(plan), "--yes")
    assert kubelets(lab) == dict.fromkeys(WORKERS, TO)


def test_a_canary_soaks_pauses_and_goes_on(lab: Lab, operator: Operator, tmp_path: Path) -> None:
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER, "--canary", "1", "--soak", "20", "--pause-after-canary")
    began = time.monotonic()
    paused = operator.run("apply", str(plan), "--yes", code=8).stderr
    assert time.monotonic() - began > 20
    assert "canary is done; soaking for 20 s" in paused
    assert "the plan pauses after v1.35.4/canary" in paused
    assert kubelets(lab) == {"w1": TO, "w2": FROM, "w3": FROM}
    operator.run("apply", str(plan), "--yes")
    assert kubelets(lab) == dict.fromkeys(WORKERS, TO)


def test_outside_its_window_no_worker_is_begun(lab: Lab, operator: Operator, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    later, end = (f"{now + timedelta(hours=hours):%H:%M}" for hours in (6, 8))
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER, "--window", f"{later}-{end} UTC")
    closed = operator.run("apply", str(plan), "--yes", code=8).stderr
    assert f"the window {later}-{end} UTC is not open; it opens again on" in closed
    assert kubelets(lab) == dict.fromkeys(WORKERS, FROM)
    assert all(untouched(lab, name) for name in WORKERS)
    operator.run("abort")
    begin = f"{now - timedelta(hours=1):%H:%M}"
    plan = operator.plan(tmp_path / "open.yaml", *WAIVER, "--window", f"{begin}-{end} UTC")
    operator.run("apply", str(plan), "--yes")
    assert kubelets(lab) == dict.fromkeys(WORKERS, TO)


def test_one_failure_is_borne_and_told_at_the_end(lab: Lab, operator: Operator, tmp_path: Path) -> None:
    """w2's kubelet gets a flag that 1.35 does not know, when the checks have passed."""
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER, "--max-failures", "1", "--canary", "1", "--pause-after-canary")
    operator.run("apply", str(plan), "--yes", code=8)
    lab.run("w2", f"sed -i 's#^KUBELET_EXTRA_ARGS=#&{FLAG}={IMAGE} #' {DEFAULT} && systemctl restart kubelet")
    stopped = operator.run("apply", str(plan), "--yes", code=5).stderr
    assert "1 of 2 targets of workers failed, 1 are done:" in stopped
    assert FLAG in stopped
    found = kubelets(lab)
    assert (found["w1"], found["w2"], found["w3"]) == (TO, FROM, TO)
    lab.run("w2", f"sed -i 's#{FLAG}=[^ ]* ##' {DEFAULT}")
    operator.run("apply", str(plan), "--yes")
    assert kubelets(lab) == dict.fromkeys(WORKERS, TO)


def test_a_worker_that_dies_meanwhile_stops_those_that_would_need_its_room(
    lab: Lab, operator: Operator, tmp_path: Path
) -> None:
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER, "--canary", "1", "--pause-after-canary")
    operator.run("apply", str(plan), "--yes", code=8)
    lab.stop("w3")
    try:
        until("w3 not to be Ready", 180, lambda: "w3 is Ready still" if "w3" in kubelets(lab) else "")
        stopped = operator.run("apply", str(plan), "--yes", code=5).stderr
        assert "are not Ready, or cordoned by this run and left (w3), and no more than 1 may be away at once" in stopped
        assert untouched(lab, "w2")
    finally:
        lab.start("w3")
        lab.wait_ready()
    operator.run("apply", str(plan), "--yes")
    assert kubelets(lab) == dict.fromkeys(WORKERS, TO)


def test_one_worker_leaves_and_another_joins_meanwhile(lab: Lab, operator: Operator, tmp_path: Path) -> None:
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER, "--canary", "1", "--pause-after-canary")
    operator.run("apply", str(plan), "--yes", code=8)
    like = lab.api.get(f"{NODES}/w3")
    lab.run("w2", "systemctl stop kubelet")
    lab.api.must("DELETE", f"{NODES}/w2")
    addresses = [{"type": "InternalIP", "address": "10.99.9.9"}, {"type": "Hostname", "address": "w9"}]
    status = {"addresses": addresses, "nodeInfo": like["status"]["nodeInfo"]}
    lab.api.must("POST", NODES, {"metadata": {"name": "w9"}, "status": status})
    try:
        finished = operator.run("apply", str(plan), "--yes").stderr
    finally:
        lab.api.must("DELETE", f"{NODES}/w9")
    assert "w2 has left the cluster: skipped" in finished
    assert "w9 is not in the plan: left alone" in finished
    assert "not in the plan, and left as they are: w9 (v1.34.4)" in finished
    assert kubelets(lab) == {"w1": TO, "w3": TO}
