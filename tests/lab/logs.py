"""Collect what explains a failure: journals, pods' logs, the cluster's own view, the services' logs."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.lab import machine
from tests.lab.errors import CommandError
from tests.lab.host import Done, run
from tests.lab.place import Place
from tests.lab.spec import Node, Spec
from tests.lab.ssh import Ssh

LIMIT = 60
JOURNALS = {
    "journal.log": "journalctl --no-pager -o short-precise",
    "kubelet.log": "journalctl --no-pager -u kubelet",
    "kernel.txt": "cat /proc/loadavg /proc/meminfo /proc/mounts",
}
VIEWS = {
    "nodes.txt": ["get", "nodes", "-o", "wide"],
    "pods.txt": ["get", "pods", "-A", "-o", "wide"],
    "events.txt": ["get", "events", "-A", "--sort-by=.lastTimestamp"],
}
FROM_NODE = ("var/log/pods", "var/log/kubeadm.log", "etc/kubernetes/manifests")


def collect(place: Place, spec: Spec, target: Path) -> None:
    """Write everything below a folder; what cannot be had is said in its place."""
    target.mkdir(parents=True, exist_ok=True)
    for node in spec.nodes:
        _node(place, node, target / node.name)
    for log in place.run.glob("*.log"):
        shutil.copy(log, target)
    for name, words in VIEWS.items():
        argv = [str(place.kubectl), f"--kubeconfig={place.kubeconfig}", "--request-timeout=10s", *words]
        _write(target / name, partial(run, argv, limit=LIMIT, check=False))


def _node(place: Place, node: Node, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for name, command in JOURNALS.items():
        _write(target / name, partial(Ssh(place).run, node.name, command, limit=LIMIT, check=False))
    for inside in FROM_NODE:  # read from this machine, so that they are there even when the node does not answer
        found = machine.root(place, node) / inside
        if found.exists():
            run(["cp", "-rL", found, target], check=False)
    console = place.run / node.name / "console.log"
    if console.exists():
        shutil.copy(console, target)


def _write(file: Path, ask: Callable[[], Done]) -> None:
    try:
        done = ask()
        file.write_text(done.out + done.err)
    except CommandError as error:
        file.write_text(f"{error}\n")
