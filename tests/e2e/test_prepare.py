"""What would fail on the way is found in the stage prepare, with nothing changed; mended, the upgrade goes through."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.operator import FROM, TO, WAIVER, Operator
from tests.lab import faults, services
from tests.lab.lab import Lab
from tests.lab.spec import Spec
from tests.lab.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

pytestmark = pytest.mark.full

# of a node: packages, holds, sources, indexes, static pods, the kubelet that runs, and what is ours
STATE = """
dpkg-query -W; apt-mark showhold; cat /etc/apt/sources.list.d/*
find /var/lib/apt/lists -type f ! -name lock -printf '%p %s %T@\\n' | sort
sha256sum /etc/kubernetes/manifests/* 2>/dev/null
systemctl show kubelet --property=MainPID,ExecMainStartTimestamp
ls -d /var/lib/upgrade-cp* 2>/dev/null || true
"""
LIST = "/etc/apt/sources.list.d/kubernetes.list"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Lab]:
    spec = Spec(control_planes=1, workers=1, version=Version.parse(FROM), also=(Version.parse(TO),))
    lab = Lab(spec)
    with lab.hold("upgrades that fail while they prepare"):
        lab.up()
        yield lab
        lab.down()


def _seen(lab: Lab) -> dict[str, Any]:
    """Every node from inside and outside."""
    found: dict[str, Any] = {node.name: lab.run(node.name, STATE).out for node in lab.nodes}
    for node in lab.api.get("/api/v1/nodes")["items"]:
        metadata = node["metadata"]
        told = (metadata["labels"], sorted(metadata.get("annotations", {})), node["spec"], node["status"]["nodeInfo"])
        found[f"Node {metadata['name']}"] = told
    return found


@contextmanager
def _other_source(lab: Lab, old: str, new: str) -> Iterator[None]:
    """The worker's repository is somewhere else; its own index stays."""
    before = lab.run("w1", f"cat {LIST}").out
    lab.run("w1", f"sed -i 's#{old}#{new}#' {LIST}")
    assert lab.run("w1", f"cat {LIST}").out != before
    try:
        yield
    finally:
        lab.run("w1", f"cat >{LIST} <<'END'\n{before}END")


@contextmanager
def _full_disk(lab: Lab) -> Iterator[None]:
    """Where our files go. The folder is there before, closed to others, as an administrator may have made it."""
    folder = "/var/lib/upgrade-cp"
    lab.run("w1", f"install -d -m 0700 {folder}")
    try:
        with faults.full_disk(lab, "w1", folder):
            lab.run("w1", f"chmod 0700 {folder}")
            yield
    finally:
        lab.run("w1", f"rm -rf {folder}")


BROKEN: dict[str, tuple[Callable[[Lab], AbstractContextManager[None]], str]] = {
    "no registry": (lambda lab: faults.service_stopped(lab, services.REGISTRY), "pull-images"),
    "no repository": (lambda lab: faults.service_stopped(lab, services.REPOSITORY), "fetch-packages"),
    "a full disk": (_full_disk, ""),
    "a port where nobody serves": (lambda lab: _other_source(lab, r":[0-9]\+/", ":9/"), "w1/fetch-packages"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_it_is_found_before_anything_is_changed(cluster: Lab, tmp_path: Path, name: str) -> None:
    breaks, where = BROKEN[name]
    operator = Operator(cluster, tmp_path / "state")
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER)
    with breaks(cluster):
        before = _seen(cluster)
        apply = operator.start("apply", str(plan), "--yes")
        _, told = apply.communicate(timeout=1800)
        # a disk so full that not even our own files find room is no access
        assert apply.returncode == 5 or (name == "a full disk" and apply.returncode == 6), told
        assert where in told
        assert "/first-control-plane/" not in told
        operator.run("abort")
        assert _seen(cluster) == before


def test_a_version_that_nobody_published(cluster: Lab, tmp_path: Path) -> None:
    operator = Operator(cluster, tmp_path / "state")
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER, to="v1.35.99")
    before = _seen(cluster)
    told = operator.run("apply", str(plan), "--yes", code=5).stderr
    assert "no repository of this node offers kubeadm 1.35.99: http" in told
    operator.run("abort")
    assert _seen(cluster) == before


def test_after_prepare_neither_repository_nor_registry_is_needed(cluster: Lab, tmp_path: Path) -> None:
    operator = Operator(cluster, tmp_path / "state")
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER)
    operator.run("apply", str(plan), "--yes", "--pause-after", "prepare", code=8)
    with faults.service_stopped(cluster, services.REPOSITORY):
        operator.run("apply", str(plan), "--yes")
    nodes = cluster.api.get("/api/v1/nodes")["items"]
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes} == {TO}
