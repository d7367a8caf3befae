"""One control plane and one worker without a load balancer: a patch, then a minor, with the API away in between."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.figures import figure
from tests.e2e.operator import FROM, TO, WAIVER, Operator
from tests.lab import faults
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.spec import Spec
from tests.lab.until import until
from tests.lab.versions import Version
from tests.traces.trace import keep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from subprocess import Popen

pytestmark = pytest.mark.full

# the same source as FROM, stamped one patch higher: the way of a patch is real, its content is not
PATCH = "v1.34.5"
FRESH = "fresh"
BAD_GATE = "NoSuchGate"
MERGE = "application/merge-patch+json"
CONFIGURATION = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
LOGS = "/var/log/pods/kube-system_kube-apiserver-*/kube-apiserver/*.log"
RBAC = Path(__file__).parents[2] / "docs/rbac.yaml"
SOURCES = "cat /etc/apt/sources.list.d/kubernetes.list"


@pytest.fixture(scope="module")
def single() -> Iterator[Lab]:
    also = (Version.parse(PATCH), Version.parse(TO))
    spec = Spec(control_planes=1, workers=1, version=Version.parse(FROM), also=also, load_balancer=False)
    lab = Lab(spec)
    with lab.hold("the single control plane's tests"):
        lab.up()
        lab.snapshot(FRESH)
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


def _api_is_away(lab: Lab, apply: Popen[str]) -> None:
    def missing() -> str:
        assert apply.poll() is None, apply.communicate()[1]
        try:
            lab.api.get("/readyz")
        except (OSError, LabError):
            return ""
        return "the API server still answers"

    until("the API server to be away", 600, missing, every=0.1)


def test_the_client_is_killed_while_the_only_api_server_is_away(single: Lab, tmp_path: Path) -> None:
    """Nobody is left who knows the run, and there is no API to ask: status asks the node, apply goes on over ssh."""
    single.restore(FRESH)
    operator = Operator(single, tmp_path / "state", traces=tmp_path / "traces.jsonl")
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER)
    apply = operator.start("apply", str(plan), "--yes")
    _api_is_away(single, apply)
    apply.send_signal(signal.SIGKILL)
    apply.communicate()
    status = operator.run("status").stdout
    told = operator.run("apply", str(plan), "--yes").stderr
    assert re.search(r"node   cp1 .*kubeadm-apply v1\.35\.4 .*: (running|exited 0)", status)
    assert "kubectl upgrade-cp apply PLAN" in status
    assert f"is at {TO}" in told
    assert _versions(single) == {(TO, False)}
    assert single.run("cp1", "ls /etc/kubernetes/tmp | grep -c kubelet-config").out.strip() == "1"
    keep(tmp_path / "traces.jsonl", "killed-while-the-api-is-away")


def test_a_bad_flag_leaves_the_api_server_broken(single: Lab, tmp_path: Path) -> None:
    """Its new manifest has a feature gate that nobody knows, and kubeadm dies before it can put the old one back."""
    single.restore(FRESH)
    operator = Operator(single, tmp_path / "state", traces=tmp_path / "traces.jsonl")
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER)
    good = single.api.get(CONFIGURATION)["data"]["ClusterConfiguration"]
    extra = f"apiServer:\n  extraArgs:\n  - name: feature-gates\n    value: {BAD_GATE}=true\n"
    bad = re.sub(r"^apiServer:.*\n(?: .*\n)*", extra, good, flags=re.MULTILINE)
    assert BAD_GATE in bad
    single.api.must("PATCH", CONFIGURATION, {"data": {"ClusterConfiguration": bad}}, MERGE)
    apply = operator.start("apply", str(plan), "--yes")
    single.run("cp1", f"until grep -q {BAD_GATE} {MANIFEST}; do sleep 0.5; done", limit=600)
    # it has died of it at least once, so that the evidence can say why
    single.run("cp1", f"until grep -qs {BAD_GATE} {LOGS}; do sleep 0.5; done", limit=300)
    faults.kill(single, "cp1", "kubeadm")
    _, told = apply.communicate(timeout=900)
    assert apply.returncode == 5, told
    assert "by hand, on cp1: sudo kubeadm upgrade apply v1.35.4 --yes" in told
    evidence = re.search(r"logs, containers and disks of cp1 at that moment: (\S+)", told)
    assert evidence
    assert BAD_GATE in Path(evidence[1]).read_text()

    status = operator.run("status").stdout
    assert re.search(r"node   cp1 .*kubeadm-apply v1\.35\.4 .*: exited 137", status)
    again = operator.run("apply", str(plan), "--yes", code=5).stderr
    assert "goes on over ssh" in again

    single.run("cp1", f"sed -i '/{BAD_GATE}/d' {MANIFEST}")
    until("the API server to be back", 300, lambda: "" if single.api.get(CONFIGURATION) else "no answer")
    single.api.must("PATCH", CONFIGURATION, {"data": {"ClusterConfiguration": good}}, MERGE)

    def failed() -> str:
        """Controllers and kubelets come back to an API that was away for minutes only by and by: until then kubeadm's
        health check, a Job, does not complete, and whoever applies is told to apply again.
        """
        process = operator.start("apply", str(plan), "--yes")
        _, told = process.communicate(timeout=900)
        return "" if f"is at {TO}" in told else told

    until("an apply that goes through", 600, failed)
    assert _versions(single) == {(TO, False)}
    keep(tmp_path / "traces.jsonl", "a-bad-flag")
