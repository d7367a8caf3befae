"""One whole upgrade, its client killed on the way: what was seen before, during and after."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.e2e.operator import WAIVER, Operator, edit, stage
from tests.lab.until import until

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import Popen

    from tests.lab.lab import Lab
    from tests.lab.probe import Report

HELD = "apt-mark showhold"
INSTALLED = "dpkg-query -W -f '${Package} ${Version}\\n'"


@dataclass
class Story:
    """What was seen before, during and after."""

    operator: Operator
    plan: Path
    before: dict[str, dict[str, str]] = field(default_factory=dict)
    killed_while: str = ""
    paused: str = ""
    finished: str = ""
    reports: list[Report] = field(default_factory=list)


def packages(lab: Lab, node: str) -> dict[str, str]:
    held = lab.run(node, HELD).out.split()
    installed = dict(line.split() for line in lab.run(node, INSTALLED).out.splitlines())
    return {**installed, "held": " ".join(sorted(held))}


def _kill_in_kubeadm(lab: Lab, apply: Popen[str]) -> str:
    """Kill -9 the client as soon as kubeadm runs on cp1, and say what ran."""
    running = "pgrep -af '^kubeadm upgrade apply|/kubeadm upgrade apply' || true"

    def missing() -> str:
        assert apply.poll() is None, apply.communicate()[1]
        return "" if lab.run("cp1", running).out.strip() else "no kubeadm on cp1"

    until("kubeadm upgrade apply on cp1", 300, missing)
    apply.send_signal(signal.SIGKILL)
    apply.communicate()
    return lab.run("cp1", running).out.strip()


def upgrade(lab: Lab, folder: Path) -> Story:
    """Plan, review, apply; killed, resumed, paused, kept as the snapshot `control-planes-done`, resumed."""
    operator = Operator(lab, folder / "state")
    plan = operator.plan(folder / "p.yaml", *WAIVER)
    edit(plan, lambda document: stage(document, "control-plane-kubelets").update(after={"pause": True}))
    story = Story(operator, plan, before={node.name: packages(lab, node.name) for node in lab.nodes})
    with lab.probe() as probe:
        story.killed_while = _kill_in_kubeadm(lab, operator.start("apply", str(plan), "--yes"))
        story.paused = operator.run("apply", str(plan), "--yes", "--verbose", code=8).stderr
        story.reports = [probe.read, probe.write]
    lab.snapshot("control-planes-done", [operator.state])
    story.finished = operator.run("apply", str(plan), "--yes").stderr
    return story
