"""Members of etcd move to a later patch before the hop: the stages are written into a plan by hand, for no rule asks
for them between the lab's versions.
"""

from __future__ import annotations

import shlex
import subprocess
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from kubectl_upgrade import node as node_files
from kubectl_upgrade.planfile.read import load
from tests.e2e.figures import figure
from tests.e2e.operator import FROM, TO, WAIVER, Operator
from tests.etcd_way import with_etcd_way
from tests.lab.lab import Lab
from tests.lab.spec import Spec
from tests.lab.versions import Version
from tests.traces.trace import keep
from tests.traces.trace import load as load_traces

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.full

# what kubeadm 1.34.4 gives, and what 1.35.4 will ask for
OLD, NEW = "3.6.5", "3.6.6"
TAG = f"{NEW}-0"
NODES = ("cp1", "cp2", "cp3")
CONFIGURATION = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
ETCD_PODS = "/api/v1/namespaces/kube-system/pods?labelSelector=component%3Detcd"
RUNNING = "/proc/$(pgrep -xo etcd)/root/usr/local/bin/etcd --version | sed -n 's/^etcd Version: //p'"
RBAC = Path(__file__).parents[2] / "docs/rbac.yaml"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Lab]:
    lab = Lab(Spec(control_planes=3, workers=1, version=Version.parse(FROM), also=(Version.parse(TO),)))
    with lab.hold("the way out of an etcd minimum"):
        lab.up()
        yield lab
        lab.down()


def _running(lab: Lab) -> dict[str, str]:
    """The etcd of each member's process."""
    return {name: lab.run(name, RUNNING).out.strip() for name in NODES}


def _kubernetes(lab: Lab) -> set[str]:
    pods = lab.api.get("/api/v1/namespaces/kube-system/pods?labelSelector=tier%3Dcontrol-plane")["items"]
    images = (p["spec"]["containers"][0]["image"] for p in pods if p["metadata"]["labels"]["component"] != "etcd")
    return {image.rpartition(":")[2] for image in images}


def _manifests(lab: Lab) -> dict[str, str]:
    """sha256 of every manifest but etcd's, by node."""
    files = " ".join(
        f"/etc/kubernetes/manifests/kube-{name}.yaml" for name in ("apiserver", "controller-manager", "scheduler")
    )
    return {name: lab.run(name, f"sha256sum {files}").out for name in NODES}


def _configuration(lab: Lab) -> tuple[str, dict[str, str]]:
    """Its text, and what stands beside it."""
    found = lab.api.get(CONFIGURATION)
    return found["data"]["ClusterConfiguration"], found["metadata"].get("annotations", {})


def _local(text: str) -> dict[str, str]:
    local: dict[str, str] = yaml.safe_load(text)["etcd"]["local"]
    return local


def _started(lab: Lab) -> dict[str, datetime]:
    """When each member's container started."""
    return {
        pod["spec"]["nodeName"]: datetime.fromisoformat(
            pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
        )
        for pod in lab.api.get(ETCD_PODS)["items"]
    }


def _images(lab: Lab, node: str, *tags: str) -> list[str]:
    """What the fact prints there."""
    script = shlex.quote(node_files.fact("etcd-images"))
    return lab.run(node, f"sh -c {script} etcd-images registry.k8s.io/etcd {' '.join(tags)}").out.splitlines()


def test_members_move_first_and_the_upgrade_goes_on(cluster: Lab, tmp_path: Path) -> None:
    """By a user who has the documented rights and no others."""
    subprocess.run([cluster.place.kubectl, "--kubeconfig", cluster.kubeconfig, "apply", "-f", RBAC], check=True)
    traces = tmp_path / "traces.jsonl"
    operator = Operator(cluster, tmp_path / "state", user="upgrade-cp", traces=traces)
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER)
    order = [node.name for node in load(plan.read_bytes(), str(plan)).control_planes]
    plan.write_text(with_etcd_way(plan.read_text(), FROM, TAG, order))
    operator.run("validate", str(plan))
    text, beside = _configuration(cluster)
    assert "imageTag" not in _local(text)
    assert _running(cluster) == dict.fromkeys(NODES, OLD)
    manifests = _manifests(cluster)
    for name in NODES:
        offered, refused = _images(cluster, name, TAG, "3.6.999-0")
        assert offered == f"offered {TAG}"
        assert refused.startswith("refused 3.6.999-0 ")

    with cluster.probe() as probe:
        operator.run("apply", str(plan), "--yes", "--pause-after", "pin-etcd", code=8)
        pinned, noted = _configuration(cluster)
        assert _local(pinned) == {**_local(text), "imageTag": TAG}
        assert pinned.replace(f"    imageTag: {TAG}\n", "") == text, "every other byte stays"
        assert len(noted) == len(beside) + 1
        assert _running(cluster) == dict.fromkeys(NODES, OLD)
        assert {_images(cluster, name, TAG)[0] for name in NODES} == {f"here {TAG}"}

        operator.run("apply", str(plan), "--yes", "--pause-after", "etcd-members", code=8)
        assert _running(cluster) == dict.fromkeys(NODES, NEW)
        assert _kubernetes(cluster) == {FROM}, "nothing but etcd has moved"
        assert _manifests(cluster) == manifests, "nothing but etcd's manifest was written"
        moved = [trace for trace in load_traces(traces) if trace.action == "move-etcd"]
        assert [(trace.node, trace.exit_code) for trace in moved] == [(name, 0) for name in order]
        started = _started(cluster)
        assert sorted(started, key=started.__getitem__) == order, "one after the other"

        operator.run("apply", str(plan), "--yes", "--pause-after", "unpin-etcd", code=8)
        assert _configuration(cluster) == (text, beside)
        assert _running(cluster) == dict.fromkeys(NODES, NEW)

        finished = operator.run("apply", str(plan), "--yes").stderr
    assert f"is at {TO}" in finished
    assert _running(cluster) == dict.fromkeys(NODES, NEW)
    assert _kubernetes(cluster) == {TO}
    assert "imageTag" not in _local(_configuration(cluster)[0])
    nodes = cluster.api.get("/api/v1/nodes")["items"]
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes} == {TO}
    assert not any("upgrade-cp" in str(node["metadata"]) for node in nodes)
    figure("etcd-moved-first-longest-write-gap", probe.write.longest_gap, "s", "told, not bounded")
    keep(traces, "etcd-way-out")
