"""What `plan` costs beside kubectl and `kubeadm upgrade plan`, on the lab: `python -m bench.plan_cost`, as root."""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.plan_cost.counting import CountedSsh, counted_api
from bench.plan_cost.figures import Measured, figures
from tests.e2e.operator import FROM, TO, WAIVER
from tests.lab import machine, minors
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.spec import Spec
from tests.lab.versions import Version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRST = "cp1"
KUBEADM = "/root/kubeadm-of-the-target"
# an operator's ssh is the user ops; whatever the lab itself does on nodes is root's
ACCEPTED = "journalctl --unit ssh --output cat | grep -c 'Accepted publickey for ops ' || true"


class Ran(NamedTuple):
    """What a program took; its children's time is in it, where it waited for them."""

    seconds: float
    cpu: float
    mib: float


@dataclass(frozen=True)
class Programs:
    """The three, as an operator runs them."""

    lab: Lab
    folder: Path

    def plan(self, kubeconfig: Path) -> Sequence[str | Path]:
        program = Path(sys.executable).with_name("kubectl-upgrade_cp")
        flags = ("--kubeconfig", kubeconfig, "--ssh-config", self.lab.ssh_config)
        return (program, "plan", "--to", TO, *WAIVER, *flags)

    def kubectl(self, kubeconfig: Path) -> Sequence[str | Path]:
        flags = (f"--kubeconfig={kubeconfig}", f"--cache-dir={self.folder / 'discovery'}")
        return (self.lab.place.kubectl, "get", "nodes,pods", "-A", *flags)

    def kubeadm(self) -> Sequence[str | Path]:
        # given no version it waits for the internet, which a node of the lab does not have
        words = f"{KUBEADM} upgrade plan {TO} --ignore-preflight-errors=SystemVerification"
        return (*self.lab.ssh.argv(FIRST, user="root"), words)

    def run(self, argv: Sequence[str | Path], path: Path | None = None) -> Ran:
        """To its end, which must be good; `path` is searched for programs first."""
        out = self.folder / "said"
        found = {"PATH": f"{path}:{os.environ['PATH']}"} if path else {}
        state = {"XDG_STATE_HOME": str(self.folder / "state")}
        began = time.perf_counter()
        with out.open("w") as said:
            program = _started(argv, said.fileno(), {**os.environ, **state, **found})
            _, status, used = os.wait4(program.pid, 0)
        seconds = time.perf_counter() - began
        program.returncode = os.waitstatus_to_exitcode(status)
        if program.returncode:
            raise LabError(f"{argv[0]}: exit {program.returncode}\n{out.read_text()[-3000:]}")
        return Ran(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main(words: Sequence[str]) -> int:
    """Bring a cluster up, measure, print; 1 if anything failed."""
    given = _parser().parse_args(words)
    lab = Lab(Spec(control_planes=3, workers=given.workers, version=Version.parse(FROM), also=(Version.parse(TO),)))
    try:
        with lab.hold("make bench-plan"):
            try:
                lab.up()
                measured = measure(lab, given.rounds)
            finally:
                if not given.keep:
                    lab.down()
    except LabError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    for figure in figures(measured):
        sys.stdout.write(figure.line() + "\n")
    return 0


def measure(lab: Lab, rounds: int) -> Measured:
    """The three in turn, timed, as often as asked; then once more, counted."""
    target = minors.build(lab.cache, Version.parse(TO)).kubernetes / "kubeadm"
    shutil.copy(target, machine.root(lab.place, lab.spec.node(FIRST)) / KUBEADM.lstrip("/"))
    with tempfile.TemporaryDirectory() as name:
        programs = Programs(lab, Path(name))
        programs.run(programs.kubectl(lab.kubeconfig))  # it finds out once what the cluster can do, and keeps it
        ran: dict[str, list[Ran]] = {"kubectl": [], "plan": [], "kubeadm": []}
        for _ in range(rounds):
            ran["kubectl"].append(programs.run(programs.kubectl(lab.kubeconfig)))
            ran["plan"].append(programs.run(programs.plan(lab.kubeconfig)))
            ran["kubeadm"].append(programs.run(programs.kubeadm()))
        _above_our_own(ran["plan"])
        return Measured(
            nodes=len(lab.nodes),
            plan=[each.seconds for each in ran["plan"]],
            plan_cpu=[each.cpu for each in ran["plan"]],
            plan_mib=[each.mib for each in ran["plan"]],
            kubectl=[each.seconds for each in ran["kubectl"]],
            kubeadm=[each.seconds for each in ran["kubeadm"]],
            **_counted(programs),
        )


def _counted(programs: Programs) -> Mapping[str, int]:
    lab, kubeconfig = programs.lab, programs.folder / "counted"
    folder = programs.folder / "ssh"
    folder.mkdir()
    ssh, before = CountedSsh(folder), _connections(lab)
    with counted_api(lab.api, kubeconfig) as asked:
        programs.run(programs.kubectl(kubeconfig))  # a server of another name: again it finds out first
        asked.take()
        programs.run(programs.kubectl(kubeconfig))
        by_kubectl = asked.take()
        programs.run(programs.plan(kubeconfig), folder)
        by_plan = asked.take()
    for request in sorted(by_plan):
        sys.stderr.write(f"bench: plan asked {request}\n")
    return {
        "connections": _connections(lab) - before,
        "sessions": ssh.sessions,
        "requests": len(by_plan),
        "kubectl_requests": len(by_kubectl),
    }


def _connections(lab: Lab) -> int:
    return sum(int(lab.run(node.name, ACCEPTED).out) for node in lab.nodes)


def _started(argv: Sequence[str | Path], output: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment)


def _above_our_own(ran: Sequence[Ran]) -> None:
    """A child's peak begins with that of who started it, so that a smaller one would be ours."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if min(each.mib for each in ran) <= own:
        raise LabError(f"the bench itself took {own:.0f} MiB: what plan takes cannot be told")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.plan_cost", description=__doc__)
    parser.add_argument("--workers", type=int, default=3, help="beside three control planes")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--keep", action="store_true", help="leave the cluster up")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
