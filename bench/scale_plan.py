"""`plan` beside kubectl, on a real API server with 5,000 nodes and 50,000 pods that kwok plays."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.figures import MIB, Ended, end_cleanly, figure, measured, tell
from bench.scale.control_plane import build, running
from bench.scale.fill import fill
from bench.scale.plan_once import FROM
from kubectl_upgrade.simulation import objects
from kubectl_upgrade.simulation.paths import BUDGETS, NODES, PODS
from kubectl_upgrade.simulation.sample import sample
from tests.lab.cache import Cache
from tests.lab.host import run
from tests.lab.place import Place
from tests.lab.timings import Timings
from tests.lab.until import until
from tests.lab.versions import Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.scale.control_plane import ControlPlane
    from kubectl_upgrade.simulation.cluster import ModelCluster

_VERSION = Version.parse("v1.36.3")
_CONTROL_PLANES = 3
# on each node kube-proxy and a log agent; 4 static pods of each control plane, 2 of DNS and 3 guarded ones
_ON_EACH_NODE, _OTHERS = 2, 4 * _CONTROL_PLANES + 5
_SHARDS = 50


def main(words: Sequence[str] = ()) -> None:
    """Fill a cluster, then read it in turn with kubectl, kubectl --raw and plan."""
    given = _parser().parse_args(words)
    place = Place.default()
    programs = build(Cache(place.cache, Timings(place.timings)), _VERSION)
    tell(f"{programs.versions}")
    each = (given.pods - _OTHERS - _ON_EACH_NODE * given.nodes) // (given.nodes - _CONTROL_PLANES)
    with TemporaryDirectory(dir="/var/tmp") as scratch, running(programs, Path(scratch)) as control_plane:
        fill(
            control_plane, _guarded(sample(_CONTROL_PLANES, given.nodes - _CONTROL_PLANES, FROM, pods_per_worker=each))
        )
        until("all pods run", 1800, lambda: _not_running(control_plane), every=5)
        _compare(control_plane, Path(scratch), given.rounds)


def _guarded(model: ModelCluster) -> ModelCluster:
    """Every pod of the shop belongs to one of many PodDisruptionBudgets."""
    for number, pod in enumerate(list(model.store.within(PODS, "shop"))):
        pod["metadata"]["labels"] = {**pod["metadata"]["labels"], "shard": str(number % _SHARDS)}
    for shard in range(_SHARDS):
        budget = objects.budget(f"web-{shard}", "shop", labels={"shard": str(shard)}, max_unavailable=1)
        model.store.add(BUDGETS, budget)
    return model


def _compare(control_plane: ControlPlane, folder: Path, rounds: int) -> None:
    plans, jsons, raws = [], [], []
    file = folder / "plan.yaml"
    for _ in range(rounds):
        jsons.append(_kubectl(control_plane, ["nodes", "-o=json"], ["pods", "-A", "-o=json"], ["pdb", "-A", "-o=json"]))
        raws.append(_kubectl(control_plane, *(["--raw", path] for path in (NODES, PODS, BUDGETS))))
        argv = [sys.executable, "-m", "bench.scale.plan_once", str(control_plane.kubeconfig)]
        plans.append(measured(argv, file))
    ours, json_, raw = (statistics.median(e.seconds for e in taken) for taken in (plans, jsons, raws))
    figure("plan-to-kubectl-json", ours / json_, "ratio", "<= 0.5")
    figure("plan-to-kubectl-raw", ours / raw, "ratio", "<= 2")
    figure("plan-seconds", ours, "s", f"<= {0.5 * json_:.1f}")
    figure("plan-cpu-seconds", statistics.median(e.cpu_seconds for e in plans), "s", "")
    figure("kubectl-json-seconds", json_, "s", "")
    figure("kubectl-raw-seconds", raw, "s", "")
    figure("plan-memory", max(e.mib for e in plans), "MiB", "<= 300")
    figure("kubectl-json-memory", max(e.mib for e in jsons), "MiB", "")
    figure("plan-size", file.stat().st_size / MIB, "MiB", "<= 2")


def _kubectl(control_plane: ControlPlane, *asked: Sequence[str]) -> Ended:
    """One `kubectl get` after the other."""
    base = [str(control_plane.kubectl), f"--kubeconfig={control_plane.kubeconfig}", "get"]
    ended = [measured([*base, *words]) for words in asked]
    return Ended(sum(e.seconds for e in ended), sum(e.cpu_seconds for e in ended), max(e.mib for e in ended))


def _not_running(control_plane: ControlPlane) -> str:
    """How many pods are left, by the API's own count."""
    selector = "status.phase%21%3DRunning"
    argv: list[str | Path] = [control_plane.kubectl, f"--kubeconfig={control_plane.kubeconfig}", "get", "--raw"]
    answer = json.loads(run([*argv, f"{PODS}?fieldSelector={selector}&limit=500"]).out)
    left = len(answer["items"])
    return f"{left} or more pods do not run yet" if left else ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.scale_plan", description=__doc__)
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--pods", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser


if __name__ == "__main__":
    end_cleanly()
    main(sys.argv[1:])
