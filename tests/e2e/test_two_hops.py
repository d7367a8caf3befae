"""v1.34.4 to v1.36.3 in one plan: control planes stop at v1.35.4, workers skip it, another operator finishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.figures import figure
from tests.e2e.operator import FROM, WAIVER, Operator
from tests.e2e.story import holder, kill_in_kubeadm
from tests.lab.lab import Lab
from tests.lab.spec import Spec
from tests.lab.versions import Version
from tests.traces.trace import keep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.full

VIA, TO = "v1.35.4", "v1.36.3"
FLAG = "--pod-infra-container-image"
IMAGE = "registry.k8s.io/pause:3.10.1"
KUBEADM_FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
RUNNING = "tr '\\0' ' ' </proc/$(pgrep -xo kubelet)/cmdline"
KUBEADM_RUNS = "ls /etc/kubernetes/tmp | grep -c kubelet-config"
SOURCE = "cat /etc/apt/sources.list.d/*"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Lab]:
    also = (Version.parse(VIA), Version.parse(TO))
    lab = Lab(Spec(control_planes=3, workers=2, version=Version.parse(FROM), also=also))
    with lab.hold("an upgrade over two minors"):
        lab.up()
        yield lab
        lab.down()


def _kubelets(lab: Lab) -> dict[str, tuple[str, str, bool]]:
    """Version, readiness and cordon of each Node."""
    return {
        node["metadata"]["name"]: (
            node["status"]["nodeInfo"]["kubeletVersion"],
            next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready"),
            bool(node["spec"].get("unschedulable", False)),
        )
        for node in lab.api.get("/api/v1/nodes")["items"]
    }


def _tags(lab: Lab) -> set[str]:
    """Of all static pods but etcd's, and of kube-proxy."""
    pods = lab.api.get("/api/v1/namespaces/kube-system/pods?labelSelector=tier%3Dcontrol-plane")["items"]
    found = {p["spec"]["containers"][0]["image"] for p in pods if p["metadata"]["labels"]["component"] != "etcd"}
    proxy = lab.api.get("/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy")
    found.add(proxy["spec"]["template"]["spec"]["containers"][0]["image"])
    return {image.rpartition(":")[2] for image in found}


def test_two_minors_in_one_plan(cluster: Lab, tmp_path: Path) -> None:
    for worker in ("w1", "w2"):
        # kubeadm 1.34 writes it by itself; where it does not, a person has
        put = f"""sed -i 's#^KUBELET_KUBEADM_ARGS="#&{FLAG}={IMAGE} #' {KUBEADM_FLAGS} && systemctl restart kubelet"""
        cluster.run(worker, f"grep -qe {FLAG} {KUBEADM_FLAGS} || {{ {put}; }}")
        assert FLAG in cluster.run(worker, f"cat {KUBEADM_FLAGS}").out
    cluster.wait_settled()
    operator = Operator(cluster, tmp_path / "state", traces=tmp_path / "traces.jsonl")

    chosen = operator.run("plan", "--to", TO, *WAIVER)
    assert f"on the way {VIA}: the newest v1.35 that every control plane is offered" in chosen.stderr
    plan = operator.plan(tmp_path / "p.yaml", "--via", VIA, *WAIVER, to=TO)
    # what checks found may be old a minute later
    assert plan.read_text().partition("\nhops:")[2] == chosen.stdout.partition("\nhops:")[2] != ""
    assert plan.read_text().count("do: clean-kubelet-flags") == 1

    with cluster.probe() as probe:
        # the first hop is left with its kubelets, and kept
        operator.run("apply", str(plan), "--yes", "--pause-after", f"{VIA}/control-plane-kubelets", code=8)
        assert _kubelets(cluster) == {
            node.name: (VIA if node.name.startswith("cp") else FROM, "True", False) for node in cluster.nodes
        }
        assert _tags(cluster) == {VIA}
        assert all(FLAG in cluster.run(worker, f"cat {KUBEADM_FLAGS}").out for worker in ("w1", "w2"))

        # in the second one the client dies in cp1's kubeadm, and somebody else goes on
        assert f"kubeadm upgrade apply {TO}" in kill_in_kubeadm(cluster, operator.start("apply", str(plan), "--yes"))
        heir = Operator(cluster, tmp_path / "heir", traces=tmp_path / "traces.jsonl")
        locked = heir.run("apply", str(plan), "--yes", code=7).stderr
        finished = heir.run("apply", str(plan), "--yes", "--take-over", holder(locked)).stderr
    assert f"is at {TO}" in finished
    assert not [line for line in finished.splitlines() if VIA in line and "kubeadm upgrade" in line]

    assert _kubelets(cluster) == {node.name: (TO, "True", False) for node in cluster.nodes}
    assert _tags(cluster) == {TO}
    for node in cluster.nodes:
        assert FLAG not in cluster.run(node.name, f"cat {KUBEADM_FLAGS}").out
        assert FLAG not in cluster.run(node.name, RUNNING).out
        assert "v1.36" in cluster.run(node.name, SOURCE).out
        assert "v1.35" not in cluster.run(node.name, SOURCE).out
        # once in each hop on control planes, once in all on workers
        runs = "2" if node.name.startswith("cp") else "1"
        assert cluster.run(node.name, KUBEADM_RUNS).out.strip() == runs
    for name in ("cp1", "cp2", "cp3"):
        saved = cluster.run(name, "ls /var/backups/upgrade-cp").out.split()
        assert sorted(folder.partition("-")[2] for folder in saved) == [VIA, TO]
    figure("two-hops-longest-write-gap", probe.write.longest_gap, "s", "told, not bounded")
    keep(tmp_path / "traces.jsonl", "two-hops")


def test_nothing_is_left_to_do(cluster: Lab, tmp_path: Path) -> None:
    operator = Operator(cluster, tmp_path / "state")
    told = operator.run("plan", "--to", TO, *WAIVER).stderr
    assert "nothing to do on the way" in told
