"""Upgrade real clusters in three ways and print what each took: `python -m bench.upgrade`, as root, on the lab."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.upgrade import verify, workload
from bench.upgrade.ansible import ansible, installed
from bench.upgrade.documented import documented
from bench.upgrade.figures import ANSIBLE, DOCUMENTED, OURS, WAYS, figures
from bench.upgrade.ours import ours
from bench.upgrade.results import Measured, Result, Results
from bench.upgrade.run import Run
from tests.e2e.operator import FROM, TO
from tests.lab.errors import LabError
from tests.lab.host import run as run_program
from tests.lab.lab import Lab
from tests.lab.place import Place
from tests.lab.spec import Spec
from tests.lab.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SNAPSHOT = "bench"
DO: dict[str, Callable[[Run], Measured]] = {DOCUMENTED: documented, ANSIBLE: ansible, OURS: ours}
# beside two workers one at a time is all that leaves a worker for the pods
TWO_AT_ONCE_FROM = 4


def main(words: Sequence[str]) -> int:
    """Measure what is not yet measured, print all figures; 1 if a way failed."""
    given = _parser().parse_args(words)
    given.results = given.results.resolve()  # programs that run elsewhere are told of it
    given.results.mkdir(parents=True, exist_ok=True)
    results = Results(given.results / "results.json")
    failed: list[str] = []
    for size in given.workers:
        wanted = [way for way in given.ways if given.again or (size, way) not in results]
        if wanted:
            failed += _one_size(size, wanted, results, given)
    known = results.of(given.workers, given.ways)
    for result in known:
        _tell(f"{_name(result.workers, result.way)} was measured at {result.at}, revision {result.revision}")
    for figure in figures(known):
        sys.stdout.write(figure.line() + "\n")
    return 1 if failed else 0


def _one_size(size: int, ways: Sequence[str], results: Results, given: argparse.Namespace) -> list[str]:
    """Bring one cluster up and measure these ways; the names of those that failed."""
    lab = Lab(Spec(control_planes=3, workers=size, version=Version.parse(FROM), also=(Version.parse(TO),)))
    done: list[str] = []
    try:
        with _cluster(lab, keep=given.keep):
            for way in ways:
                results.forget((size, way))
                if _one_way(lab, way, results, given.results / _name(size, way)):
                    done.append(way)
    except LabError as error:  # the lab itself: the other size may still come up
        _tell(json.dumps({"name": f"3+{size}-failed", "value": str(error)}))
    return [_name(size, way) for way in ways if way not in done]


@contextmanager
def _cluster(lab: Lab, *, keep: bool) -> Iterator[None]:
    """A cluster with a workload, kept as the snapshot that every way begins with."""
    with lab.hold("make bench-upgrade"):
        try:
            installed(lab.cache)
            lab.up()
            workload.deploy(lab)
            lab.snapshot(SNAPSHOT)
            yield
        finally:
            if not keep:
                lab.down()


def _one_way(lab: Lab, way: str, results: Results, folder: Path) -> bool:
    """Measure one way from the snapshot on; a failure is told, and the next way begins."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    name = _name(lab.spec.workers, way)
    try:
        result = measure(lab, way, folder)
    except (LabError, OSError, ValueError) as error:
        _tell(json.dumps({"name": f"{name}-failed", "value": f"{type(error).__name__}: {error}"}))
        with suppress(LabError, OSError):  # what explains the failure; the failure itself is told
            lab.logs(folder / "nodes")
        return False
    results.keep(result)
    _tell(f"{name}: {result.measured.seconds:.0f} s, kubeadm {result.kubeadm:.0f} s of it on control planes")
    return True


def measure(lab: Lab, way: str, folder: Path) -> Result:
    """One upgrade, watched by the probe; a result only if the cluster is upgraded afterwards."""
    _tell(f"{_name(lab.spec.workers, way)}: from the snapshot; logs in {folder}")
    lab.restore(SNAPSHOT)
    lab.wait_settled()
    workload.wait(lab)
    run = Run(lab, folder, at_once=2 if lab.spec.workers >= TWO_AT_ONCE_FROM else 1)
    with lab.probe() as probe:
        measured = DO[way](run)
    verify.wait(lab, TO)
    return Result(
        workers=lab.spec.workers,
        way=way,
        control_planes=tuple(run.control_planes),
        measured=measured,
        reads=probe.read,
        writes=probe.write,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        revision=_revision(),
    )


def _revision() -> str:
    here = Path(__file__).parent
    return run_program(["git", "describe", "--always", "--dirty"], cwd=here, check=False).out.strip() or "unknown"


def _name(size: int, way: str) -> str:
    return f"3+{size}-{way}"


def _tell(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.upgrade", description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 6], help="sizes, beside three control planes")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--again", action="store_true", help="also what the results file knows already")
    parser.add_argument("--keep", action="store_true", help="leave the last cluster up")
    default = Place.default().root / "bench-upgrade"
    parser.add_argument("--results", type=Path, default=default, metavar="FOLDER", help=f"else {default}")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
