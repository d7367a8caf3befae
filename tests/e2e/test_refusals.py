"""What is refused before anything changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.operator import TO, WAIVER, Operator, edit, stage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab


@pytest.mark.parametrize(
    ("to", "reason"),
    [("v1.99.0", "v1.99 is unknown"), ("v1.34.3", "not supported by Kubernetes")],
)
def test_targets_that_no_plan_leads_to(lab: Lab, tmp_path: Path, to: str, reason: str) -> None:
    operator = Operator(lab, tmp_path / "state")
    refused = operator.run("plan", "--to", to, code=4)
    assert reason in refused.stderr
    plan = tmp_path / "p.yaml"
    plan.write_text(refused.stdout)
    assert operator.run("apply", str(plan), "--yes", code=3).stderr


def test_what_nobody_waived_blocks(lab: Lab, tmp_path: Path) -> None:
    refused = Operator(lab, tmp_path / "state").run("plan", "--to", TO, code=4)
    assert "runs on cgroup v1, which kubelet v1.35 refuses" in refused.stderr


def test_a_stale_plan_is_refused_and_the_drift_named(lab: Lab, tmp_path: Path) -> None:
    operator = Operator(lab, tmp_path / "state")
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER)
    lab.run("cp2", "apt-mark unhold kubelet && echo '# by hand' >> /etc/kubernetes/manifests/kube-scheduler.yaml")
    try:
        told = operator.run("apply", str(plan), "--yes", code=3).stderr
    finally:
        lab.run("cp2", "apt-mark hold kubelet && sed -i '/^# by hand$/d' /etc/kubernetes/manifests/kube-scheduler.yaml")
    assert "controlPlanes[cp2].held: was [kubeadm, kubectl, kubelet], is [kubeadm, kubectl]" in told
    assert "controlPlanes[cp2].manifests.kubeScheduler: was sha256:" in told


def test_an_unsafe_edit_of_a_real_plan_is_refused_with_its_line(lab: Lab, tmp_path: Path) -> None:
    operator = Operator(lab, tmp_path / "state")
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER)
    edit(plan, lambda document: stage(document, "first-control-plane")["steps"].pop(-2))
    told = operator.run("apply", str(plan), "--yes", code=3).stderr
    assert f"{plan}:" in told
    assert "wait-etcd" in told


def test_planning_twice_gives_the_same_file(lab: Lab, tmp_path: Path) -> None:
    operator = Operator(lab, tmp_path / "state")
    first = operator.plan(tmp_path / "a.yaml", *WAIVER).read_bytes()
    assert operator.plan(tmp_path / "b.yaml", *WAIVER).read_bytes() == first


def test_a_node_that_is_down_is_told(lab: Lab, tmp_path: Path) -> None:
    lab.stop("w3")
    try:
        told = Operator(lab, tmp_path / "state").run("plan", "--to", TO, *WAIVER, code=4).stderr
    finally:
        lab.start("w3")
        lab.wait_ready()
    assert "w3: does not answer over ssh" in told
