"""One whole upgrade, disturbed on the way: what was seen before, during and after."""

from __future__ import annotations

import asyncio
import re
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubectl_upgrade.engine.history import Past
from kubectl_upgrade.world.state import FolderState
from tests.e2e.operator import WAIVER, Operator, edit, stage
from tests.lab import faults
from tests.lab.until import until

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import Popen

    from tests.lab.lab import Lab
    from tests.lab.probe import Report

HELD = "apt-mark showhold"
INSTALLED = "dpkg-query -W -f '${Package} ${Version}\\n'"
CUT_SECONDS = 60


@dataclass
class Story:
    """What was seen before, during and after."""

    operator: Operator
    """began the run"""
    heir: Operator
    """has a state folder of their own, and finished it"""
    plan: Path
    before: dict[str, dict[str, str]] = field(default_factory=dict)
    killed_while: str = ""
    status: str = ""
    """while kubeadm ran on cp1 and no client was there"""
    cut_while: str = ""
    paused: str = ""
    past: Past = field(default_factory=Past)
    """what the first operator's journal said at the pause"""
    refused: str = ""
    finished: str = ""
    reports: list[Report] = field(default_factory=list)


def packages(lab: Lab, node: str) -> dict[str, str]:
    held = lab.run(node, HELD).out.split()
    installed = dict(line.split() for line in lab.run(node, INSTALLED).out.splitlines())
    return {**installed, "held": " ".join(sorted(held))}


def in_kubeadm(lab: Lab, apply: Popen[str], node: str, command: str, limit: float = 300) -> str:
    """Wait until `kubeadm upgrade COMMAND` runs on the node, and say what runs."""
    running = f"pgrep -af '^kubeadm upgrade {command}|/kubeadm upgrade {command}' || true"

    def missing() -> str:
        assert apply.poll() is None, apply.communicate()[1]
        return "" if lab.run(node, running).out.strip() else f"no kubeadm on {node}"

    until(f"kubeadm upgrade {command} on {node}", limit, missing)
    return lab.run(node, running).out.strip()


def kill_in_kubeadm(lab: Lab, apply: Popen[str], node: str = "cp1", command: str = "apply") -> str:
    """Kill -9 the client as soon as kubeadm runs on the node, and say what runs there then."""
    in_kubeadm(lab, apply, node, command)
    apply.send_signal(signal.SIGKILL)
    apply.communicate()
    return in_kubeadm_now(lab, node, command)


def in_kubeadm_now(lab: Lab, node: str, command: str) -> str:
    """The processes of `kubeadm upgrade COMMAND` on the node."""
    return lab.run(node, f"pgrep -af 'kubeadm upgrade {command}' || true").out.strip()


def past(operator: Operator) -> Past:
    """What the journal of the operator's unfinished run says."""
    (known,) = asyncio.run(FolderState(operator.state / "upgrade-cp").unfinished())
    found = Past()
    for entry in known.entries:
        found.take(entry)
    return found


def holder(told: str) -> str:
    """The run that a refused apply was told of, 8 digits."""
    match = re.search(r"--take-over ([0-9a-f]{8})", told)
    assert match, told
    return match[1]


def upgrade(lab: Lab, folder: Path) -> Story:
    """Plan, review, apply; the client is killed in cp1's kubeadm, ssh is lost in cp2's, the run pauses and is kept as
    the snapshot `control-planes-done`, and another operator finishes it.
    """
    operator, heir = Operator(lab, folder / "state"), Operator(lab, folder / "heir")
    plan = operator.plan(folder / "p.yaml", *WAIVER)
    edit(plan, lambda document: stage(document, "control-plane-kubelets").update(after={"pause": True}))
    story = Story(operator, heir, plan, before={node.name: packages(lab, node.name) for node in lab.nodes})
    with lab.probe() as probe:
        story.killed_while = kill_in_kubeadm(lab, operator.start("apply", str(plan), "--yes"))
        story.status = heir.run("status").stdout
        apply = operator.start("apply", str(plan), "--yes", "--verbose")
        in_kubeadm(lab, apply, "cp2", "node", 600)
        with faults.ssh_cut(lab, "cp2"):
            story.cut_while = time.strftime("%H:%M:%S")
            threading.Event().wait(CUT_SECONDS)  # how long the fault lasts, no waiting for anything
        _, story.paused = apply.communicate(timeout=3000)
        assert apply.returncode == 8, story.paused
        story.reports = [probe.read, probe.write]
    story.past = past(operator)
    lab.snapshot("control-planes-done", [operator.state])
    story.refused = heir.run("apply", str(plan), "--yes", code=7).stderr
    story.finished = heir.run("apply", str(plan), "--yes", "--take-over", holder(story.refused)).stderr
    return story
