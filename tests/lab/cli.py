"""The lab's commands: one small function each."""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.lab import host_packages, minors
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.spec import DEFAULT_VERSION, Spec
from tests.lab.versions import Version

Command = Callable[[argparse.Namespace], int]


def main(words: Sequence[str]) -> int:
    """Run one command; 1 if the lab could not do it."""
    given = _parser().parse_args(words)
    command: Command = given.command
    try:
        return command(given)
    except (LabError, ValueError) as error:
        sys.stderr.write(f"lab: {error}\n")
        return 1


def _packages(_: argparse.Namespace) -> int:
    host_packages.install()
    return 0


def _build(given: argparse.Namespace) -> int:
    Lab(_spec(given)).build()
    return 0


def _up(given: argparse.Namespace) -> int:
    lab = Lab(_spec(given))
    lab.up()
    sys.stdout.write(f"export KUBECONFIG={lab.kubeconfig}\nssh -F {lab.ssh_config} {lab.nodes[0].name}\n")
    return 0


def _down(given: argparse.Namespace) -> int:
    Lab(Spec()).down(all_of_it=given.all)
    return 0


def _status(_: argparse.Namespace) -> int:
    lab = Lab.current()
    sys.stdout.write(json.dumps(lab.status(), indent=1) + "\n")
    return 0


def _leftovers(_: argparse.Namespace) -> int:
    found = Lab(Spec()).leftovers()
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 1 if any(found.values()) else 0


def _kubeconfig(_: argparse.Namespace) -> int:
    sys.stdout.write(f"{Lab.current().kubeconfig}\n")
    return 0


def _ssh(given: argparse.Namespace) -> int:
    lab = Lab.current()
    argv = [*lab.ssh.argv(lab.spec.node(given.node).name, user=given.user), *given.words]
    os.execvp(argv[0], argv)  # noqa: S606 - no shell; the terminal belongs to ssh from here on


def _snapshot(given: argparse.Namespace) -> int:
    Lab.current().snapshot(given.name, given.extra)
    return 0


def _restore(given: argparse.Namespace) -> int:
    Lab.current().restore(given.name)
    return 0


def _hold(given: argparse.Namespace) -> int:
    with Lab(Spec()).hold(given.who):
        return subprocess.run(given.words, check=False).returncode


def _publish(given: argparse.Namespace) -> int:
    Lab.current().publish(given.version)
    return 0


def _logs(given: argparse.Namespace) -> int:
    Lab.current().logs(given.folder)
    return 0


def _probe(given: argparse.Namespace) -> int:
    with Lab.current().probe() as probe, contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait(given.seconds)
    sys.stdout.write(f"{probe.read.line()}\n{probe.write.line()}\n")
    return 0


def _spec(given: argparse.Namespace) -> Spec:
    version: Version = given.version
    also = given.also
    if also is None:  # an upgrade lab wants something to upgrade to
        following = f"v{version.major}.{version.minor + 1}"
        also = [minors.newest(following)] if following in minors.known() else []
    return Spec(given.control_planes, given.workers, version, tuple(also), given.load_balancer, given.hardened)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="real kubeadm clusters on one machine")
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=command)
        return added

    _add_sizes(add("build", _build, "build the cache only"))
    _add_sizes(add("up", _up, "bring a cluster up"))
    add("packages", _packages, "install the Debian packages that the tests need")
    add("down", _down, "remove the cluster").add_argument("--all", action="store_true", help="the cache too")
    add("status", _status, "say what is up")
    add("leftovers", _leftovers, "list what of the lab is on this machine; 1 if there is anything")
    add("kubeconfig", _kubeconfig, "print the kubeconfig's path")
    ssh = add("ssh", _ssh, "enter a node, or run a command there")
    ssh.add_argument("--user", default="ops")
    ssh.add_argument("node")
    ssh.add_argument("words", nargs="*", metavar="-- command")
    snapshot = add("snapshot", _snapshot, "keep every node's disk under a name")
    snapshot.add_argument("name")
    snapshot.add_argument("--with", dest="extra", type=Path, action="append", default=[], help="keep this folder too")
    add("restore", _restore, "bring a snapshot back").add_argument("name")
    held = add("hold", _hold, "run a command, and let nobody else change the lab meanwhile")
    held.add_argument("who", help="what others are told")
    held.add_argument("words", nargs="+", metavar="-- command")
    add("publish", _publish, "offer another version").add_argument("version", type=Version.parse)
    add("logs", _logs, "collect what explains a failure").add_argument("folder", type=Path)
    probe = add("probe", _probe, "read and write through the endpoint; two lines of JSON at the end")
    probe.add_argument("--seconds", type=float, help="stop by itself; otherwise at Ctrl-C")
    return parser


def _add_sizes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--control-planes", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--version", type=Version.parse, default=DEFAULT_VERSION)
    also = "offer this version too; given none, the newest known patch of the next minor"
    parser.add_argument("--also", type=Version.parse, action="append", help=also)
    parser.add_argument("--no-load-balancer", dest="load_balancer", action="store_false")
    parser.add_argument("--hardened", action="store_true", help="strict in every way that tests/lab/hardened.py names")
