"""Upgrades of 3 control planes and a worker: broken off, mended, finished by hand, given up and planned anew."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.operator import FROM, TO, WAIVER, Operator
from tests.e2e.story import in_kubeadm, packages
from tests.lab import faults
from tests.lab.lab import Lab
from tests.lab.spec import Spec
from tests.lab.until import until
from tests.lab.versions import Version
from tests.traces.trace import keep, load

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.full

FRESH = "fresh"
MERGE = "application/merge-patch+json"
KUBEONE = "kubeone.io/upgrade-in-progress"
# as soon as it unpacks or configures for the kubelet's installation
KILL_DPKG = """
until pgrep -f 'apt-get .*kubelet=' >/dev/null && pkill -KILL -f '^/usr/bin/dpkg .*--(unpack|configure)'; do
    sleep 0.02
done
"""
FIRST, OTHERS, KUBELETS = "first-control-plane", "other-control-planes", "control-plane-kubelets"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Lab]:
    spec = Spec(control_planes=3, workers=1, version=Version.parse(FROM), also=(Version.parse(TO),))
    lab = Lab(spec)
    with lab.hold("broken-off upgrades"):
        lab.up()
        lab.snapshot(FRESH)
        yield lab
        lab.down()


def _upgraded(lab: Lab) -> None:
    nodes = lab.api.get("/api/v1/nodes")["items"]
    found = {n["metadata"]["name"]: n["status"]["nodeInfo"]["kubeletVersion"] for n in nodes}
    assert found == {node.name: TO for node in lab.nodes}
    assert not any(n["spec"].get("unschedulable") or "upgrade-cp" in str(n["metadata"]) for n in nodes)
    pods = lab.api.get("/api/v1/namespaces/kube-system/pods?labelSelector=tier%3Dcontrol-plane")["items"]
    images = {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods}
    assert images == {TO, "3.6.6-0"}
    for node in lab.nodes:
        assert packages(lab, node.name)["kubelet"] == "1.35.4-1.1"
        assert lab.run(node.name, "ls -d /var/lib/upgrade-cp* 2>/dev/null || true").out == ""


def _kubeadm_runs(lab: Lab, node: str) -> int:
    """How often kubeadm upgraded the node's kubelet configuration: it backs the old one up each time."""
    return int(lab.run(node, "ls /etc/kubernetes/tmp 2>/dev/null | grep -c kubelet-config || true").out)


def test_a_reboot_in_kubeadm_and_a_killed_dpkg(cluster: Lab, tmp_path: Path) -> None:
    """A node loses power in its kubeadm: it runs again. dpkg is killed installing the kubelet: the step fails, and
    the next apply sets right what dpkg left behind.
    """
    traces = tmp_path / "traces.jsonl"
    operator = Operator(cluster, tmp_path / "state", traces=traces)
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER)
    apply = operator.start("apply", str(plan), "--yes", "--verbose")
    in_kubeadm(cluster, apply, "cp2", "node", 900)
    faults.reboot(cluster, "cp2")

    cluster.run("w1", KILL_DPKG, limit=1800)
    _, told = apply.communicate(timeout=900)
    assert apply.returncode == 5, told
    assert re.search(r"cp2 .*interrupted by a reboot of the node", told)
    assert "v1.35.4/workers/w1/install-kubelet" in told
    assert "by hand, on w1: sudo apt-get install" in told
    evidence = re.search(r"logs, containers and disks of w1 at that moment: (\S+)", told)
    assert evidence
    assert "dpkg" in Path(evidence[1]).read_text()
    status = operator.run("status").stdout
    assert re.search(r"node   w1 .*apt-install-kubelet 1\.35\.4: exited [1-9]", status)
    operator.run("apply", str(plan), "--yes")
    _upgraded(cluster)
    ends = [(trace.node, trace.action, trace.exit_code) for trace in load(traces)]
    assert ("cp2", "kubeadm-node", None) in ends
    assert ("cp2", "kubeadm-node", 0) in ends
    keep(traces, "reboot-and-killed-dpkg")


def test_given_up_again_and_again_it_is_still_finished_by_new_plans(cluster: Lab, tmp_path: Path) -> None:
    """Stopped after the first control plane, after the first pass, after one kubelet: abort, plan, apply each time."""
    cluster.restore(FRESH)
    operator = Operator(cluster, tmp_path / "state")
    for number, stage in enumerate((FIRST, OTHERS)):
        plan = operator.plan(tmp_path / f"{number}.yaml", *WAIVER)
        told = operator.run("apply", str(plan), "--yes", "--pause-after", stage, code=8).stderr
        assert f"stopped after v1.35.4/{stage}" in told
        operator.run("abort")
    plan = operator.plan(tmp_path / "kubelets.yaml", *WAIVER)
    apply = operator.start("apply", str(plan), "--yes")

    def missing() -> str:
        assert apply.poll() is None, apply.communicate()[1]
        node = cluster.api.get("/api/v1/nodes/cp1")
        return "" if node["status"]["nodeInfo"]["kubeletVersion"] == TO else "cp1's kubelet is old"

    until("the first new kubelet", 600, missing)
    apply.send_signal(signal.SIGINT)
    _, told = apply.communicate(timeout=600)
    assert apply.returncode == 8, told
    operator.run("abort")
    last = tmp_path / "last.yaml"

    def blocked() -> str:
        """cp1's kubelet was restarted a moment ago: its API server is not ready yet."""
        process = operator.start("plan", "--to", TO, *WAIVER)
        out, err = process.communicate(timeout=600)
        last.write_text(out)
        return "" if process.returncode == 0 else err

    until("a plan that nothing blocks", 300, blocked)
    operator.run("apply", str(last), "--yes")
    _upgraded(cluster)
    assert _kubeadm_runs(cluster, "w1") == 1


def test_a_node_finished_by_hand(cluster: Lab, tmp_path: Path) -> None:
    """While the run is stopped after cp1, somebody upgrades cp2 by the documented commands: the plan is stale and says
    in what, and a new one finishes the hop. KubeOne's label on the way is somebody else's upgrade.
    """
    cluster.restore(FRESH)
    operator = Operator(cluster, tmp_path / "state")
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER)
    operator.run("apply", str(plan), "--yes", "--pause-after", FIRST, code=8)
    switch = "sed -i 's#/v1.34/#/v1.35/#' /etc/apt/sources.list.d/kubernetes.list && apt-get -q update"
    install = "apt-get -q install -y --allow-change-held-packages kubeadm=1.35.4-1.1 && apt-mark hold kubeadm"
    by_hand = "kubeadm upgrade node --ignore-preflight-errors=SystemVerification"
    cluster.run("cp2", f"{switch} && {install} && {by_hand}", limit=900)
    refused = operator.run("apply", str(plan), "--yes", code=3).stderr
    assert "controlPlanes[cp2].repository: was v1.34, is v1.35" in refused
    assert "controlPlanes[cp2].versions.apiserver: was v1.34.4, is v1.35.4" in refused
    operator.run("abort")
    cluster.api.must("PATCH", "/api/v1/nodes/cp3", {"metadata": {"labels": {KUBEONE: ""}}}, MERGE)
    blocked = operator.run("plan", "--to", TO, *WAIVER, code=4).stderr
    assert "cp3" in blocked
    assert "KubeOne" in blocked
    cluster.api.must("PATCH", "/api/v1/nodes/cp3", {"metadata": {"labels": {KUBEONE: None}}}, MERGE)
    last = operator.plan(tmp_path / "last.yaml", *WAIVER)
    operator.run("apply", str(last), "--yes")
    _upgraded(cluster)
