"""Every control plane wrecked in the middle of an upgrade, and brought back by what docs/recovery.md says."""

from __future__ import annotations

import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.e2e import recovery
from tests.e2e.figures import figure
from tests.e2e.operator import FROM, TO, WAIVER, Operator
from tests.lab.lab import Lab
from tests.lab.spec import Spec
from tests.lab.timings import Timings
from tests.lab.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.full

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
WRECK = "rm -rf /var/lib/etcd/member /etc/kubernetes"
BACKUPS = "/var/backups/upgrade-cp"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Lab]:
    spec = Spec(control_planes=3, workers=1, version=Version.parse(FROM), also=(Version.parse(TO),))
    lab = Lab(spec)
    with lab.hold("the recovery of a wrecked control plane"):
        lab.up()
        yield lab
        lab.down()


def _write(lab: Lab, name: str) -> None:
    lab.api.must("POST", CONFIGMAPS, {"metadata": {"name": name}, "data": {"written": name}})


def _written(lab: Lab) -> set[str]:
    return {item["metadata"]["name"] for item in lab.api.get(CONFIGMAPS)["items"]} & {"before", "after"}


def _wreck(lab: Lab) -> None:
    """On every control plane at once, and the power goes before anything can be written back."""
    nodes = lab.spec.control_plane_nodes
    with ThreadPoolExecutor(len(nodes)) as pool:
        list(pool.map(lambda node: lab.run(node.name, f"{WRECK}; sync"), nodes))
    for node in nodes:
        lab.stop(node.name)
    for node in nodes:
        lab.start(node.name)


def _recover(lab: Lab, backup: str) -> None:
    """Type what the page says, where it says so."""
    first, *others = (node.name for node in lab.spec.control_plane_nodes)
    members = ",".join(f"{node.name}=https://{node.address}:2380" for node in lab.spec.control_plane_nodes)
    values = {"BACKUP": backup, "FIRST": first, "OTHERS": " ".join(others), "CLUSTER": members}
    assert values.keys() == recovery.names()
    given = "set -eu -o pipefail\n" + "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    for block in recovery.blocks():
        if block.place == recovery.HERE:
            ssh = f'ssh() {{ command ssh -F {shlex.quote(str(lab.ssh_config))} -o BatchMode=yes "$@"; }}\n'
            subprocess.run(["bash", "-c", given + ssh + block.text], check=True, stdin=subprocess.DEVNULL, timeout=120)
            continue
        for node in (first, *others):
            lab.run(node, given + block.text)


def _closed(lab: Lab, node: str, backup: str) -> None:
    listed = lab.run(node, f"stat -c '%a %U %n' {BACKUPS} {BACKUPS}/{backup} {BACKUPS}/{backup}/*").out.splitlines()
    assert {line.split()[0] for line in listed[:2]} == {"700"}
    assert {line.split()[0] for line in listed[2:] if "etcdutl" not in line} == {"600"}
    assert {line.split()[1] for line in listed} == {"root"}


def test_a_wrecked_control_plane_comes_back(cluster: Lab, tmp_path: Path) -> None:
    operator = Operator(cluster, tmp_path / "state", traces=tmp_path / "traces.jsonl")
    plan = operator.plan(tmp_path / "p.yaml", *WAIVER)
    _write(cluster, "before")
    off = tmp_path / "off"
    told = operator.run("apply", str(plan), "--yes", "--pause-after", "backup", "--backup-to", str(off), code=8).stderr
    assert "holds every Secret of the cluster" in told
    _write(cluster, "after")
    operator.run("apply", str(plan), "--yes", "--pause-after", "first-control-plane", code=8)

    (brought,) = off.iterdir()
    found = re.fullmatch(r".+-([0-9a-f]{8}-v1\.35\.4)", brought.name)
    assert found
    backup = found[1]
    for node in cluster.spec.control_plane_nodes:
        _closed(cluster, node.name, backup)
        sums = (brought / node.name / "SHA256SUMS").read_text()
        assert sums == cluster.run(node.name, f"cat {BACKUPS}/{backup}/SHA256SUMS").out
        subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=brought / node.name, check=True, timeout=60)

    _wreck(cluster)
    timings = Timings(tmp_path / "timings")
    with timings.part("recovery"):
        _recover(cluster, backup)
        cluster.wait_ready()
    figure("wrecked-control-plane-back", timings.seconds["recovery"], "s", "told, not bounded")
    cluster.wait_settled()
    assert _written(cluster) == {"before"}
    listed = cluster.api.get("/api/v1/nodes")["items"]
    assert {node["metadata"]["name"] for node in listed} == {node.name for node in cluster.nodes}

    aborted = operator.run("abort").stderr
    assert f"{BACKUPS}/{backup} on each; they hold every Secret" in aborted
    last = operator.plan(tmp_path / "last.yaml", *WAIVER)
    told = operator.run("apply", str(last), "--yes").stderr
    assert f"is at {TO}; no lock, label, cordon or file of ours is left but the backups" in told
    versions = {node["status"]["nodeInfo"]["kubeletVersion"] for node in cluster.api.get("/api/v1/nodes")["items"]}
    assert versions == {TO}
    assert _written(cluster) == {"before"}
    for node in cluster.spec.control_plane_nodes:
        kept = cluster.run(node.name, f"ls {BACKUPS}; ls -d /var/lib/upgrade-cp* 2>/dev/null || true").out.split()
        assert len(kept) == 2, "the backups of both runs, and nothing else of ours"
