"""Our step on the controllers that fleets run: Cluster API's own, and one by machine-controller's documentation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.cache import Cache
from tests.lab.host import run
from tests.lab.minors import FLAGS, STRIPPED, build, known, newest
from tests.lab.place import Place
from tests.lab.timings import Timings

pytestmark = pytest.mark.full

MODULE = Path(__file__).parent / "controllers"
_BUILD_SECONDS = 3600
_STORY_SECONDS = 1800


@pytest.fixture(scope="module")
def cache() -> Cache:
    return Cache(Place.default().cache, Timings(Place.default().timings))


@pytest.fixture(scope="module")
def programs(cache: Cache) -> tuple[str, str]:
    """Folders of an etcd and of a Kubernetes."""
    release = build(cache, newest(known()[-1]))
    return str(release.etcd), str(release.kubernetes)


@pytest.fixture(scope="module")
def core(cache: Cache) -> str:
    """Cluster API's core provider: five minutes and more from nothing."""
    inputs = {name: (MODULE / name).read_text() for name in ("go.mod", "go.sum")}
    inputs["go"] = run(["go", "env", "GOVERSION"]).out

    def make(folder: Path) -> None:
        argv = ["go", "build", *FLAGS, "-p", "1", "-ldflags", STRIPPED, "-o", f"{folder}/", "tool"]
        run(argv, cwd=MODULE, env={"CGO_ENABLED": "0"}, limit=_BUILD_SECONDS)

    return str(cache.folder("cluster-api", inputs, make) / "core")


def told(story: str, *arguments: str) -> str:
    """What the story told, from a network namespace of its own, where it may listen on all addresses."""
    apart = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command = [*apart, sys.executable, "-m", f"tests.machines.{story}", *arguments]
    done = subprocess.run(
        command, cwd=MODULE.parents[2], capture_output=True, text=True, check=False, timeout=_STORY_SECONDS
    )
    print(done.stdout)  # noqa: T201 - what happened, for who runs it
    assert done.returncode == 0, done.stderr
    return done.stdout


def parts(text: str) -> list[str]:
    """What follows each heading."""
    return [part.partition("\n")[2] for part in text.split("  # ")[1:]]


def test_cluster_apis_controllers(tmp_path: Path, programs: tuple[str, str], core: str) -> None:
    modules = ["go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/cluster-api"]
    crds = Path(run(modules, cwd=MODULE).out.strip()) / "core/config/crd/bases"
    comes_up, rolls, quota, raised, budget, gone = parts(told("cluster_api", str(tmp_path), *programs, str(crds), core))
    assert "3 updated, 3 ready, 3 available of 3" in comes_up
    assert "owner='Cluster/prod'" in rolls
    assert "v1.34.4 -> v1.35.4, 3 Machines, RollingUpdate" in rolls
    assert "md-0: 1 updated, " in rolls
    assert "done: kubelets ['v1.35.4']" in rolls
    assert "failed: no Machine has come on for 30 s: md-0: " in quota
    assert "Machine prod/md-0-" in quota
    assert "InfrastructureReady False" in quota
    assert "server quota of project prod exceeded: 3 of 3 used" in quota
    assert "done: kubelets ['v1.36.3']" in raised
    assert "failed: no Machine has come on for 45 s: md-0: " in budget
    assert "Deleting True (DrainingNode)" in budget
    assert "db-0" in budget
    assert "done: kubelets ['v1.36.4']" in gone


def test_machine_controllers_api(tmp_path: Path, programs: tuple[str, str]) -> None:
    rolls, quota, mended = parts(told("machine_controller", str(tmp_path), *programs))
    assert "v1.34.4 -> v1.35.4, 2 Machines, RollingUpdate" in rolls
    assert "done: kubelets ['v1.35.4']" in rolls
    assert "errorReason InsufficientResources: failed to create server: quota exceeded for cores" in quota
    assert "done: kubelets ['v1.36.3']" in mended
    assert "written: {'kubelet': '1.36.3'}, {}" in mended
