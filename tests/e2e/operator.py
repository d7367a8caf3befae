"""The plugin as an operator runs it, and plans as an operator edits them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.lab import Lab

FROM, TO = "v1.34.4", "v1.35.4"
# the lab's machine has cgroup v1, so that every plan to 1.35 needs this waiver
WAIVER = ("--waive", "cgroup-v1=the lab's machine has cgroup v1", "--waive-until", "2999-12-31")


@dataclass(frozen=True)
class Operator:
    """Runs `kubectl upgrade-cp` with a state folder of its own."""

    lab: Lab
    state: Path
    user: str = ""
    """whom to impersonate towards the API"""
    traces: Path | None = None
    """where actions are recorded, if they are"""

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start it; stdout and stderr are pipes."""
        program: tuple[str | Path, ...] = (Path(sys.executable).with_name("kubectl-upgrade_cp"),)
        if self.traces:
            program = (sys.executable, "-m", "tests.traces.cli")
        traced = {"TRACES": str(self.traces)} if self.traces else {}
        return subprocess.Popen(
            [*program, *words, *self._flags(words[0])],
            env={**os.environ, "XDG_STATE_HOME": str(self.state), "COLUMNS": "200", **traced},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run it to its end and demand its exit code."""
        process = self.start(*words)
        out, err = process.communicate(timeout=3000)
        sys.stdout.write(f"$ kubectl upgrade-cp {' '.join(words)}\n{err}\n")
        found = out if words[0] == "check" else ""
        assert process.returncode == code, f"exit {process.returncode}, not {code}:\n{err}{found}"
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def plan(self, file: Path, *words: str, to: str = TO, code: int = 0) -> Path:
        """Write a plan to the file."""
        file.write_text(self.run("plan", "--to", to, *words, code=code).stdout)
        return file

    def _flags(self, command: str) -> tuple[str, ...]:
        if command not in {"plan", "check", "apply", "abort", "status"}:
            return ()
        impersonated = ("--as", self.user) if self.user else ()
        return ("--kubeconfig", str(self.lab.kubeconfig), "--ssh-config", str(self.lab.ssh_config), *impersonated)


def edit(plan: Path, change: Callable[[Any], None]) -> Path:
    """Edit the plan as a person would, comments kept."""
    yaml = YAML()
    yaml.width = 4096
    document = yaml.load(plan.read_text())
    change(document)
    with plan.open("w") as out:
        yaml.dump(document, out)
    return plan


def stage(document: Any, name: str) -> Any:
    """A stage of the plan's only hop."""
    (found,) = [stage for stage in document["hops"][0]["stages"] if stage["stage"] == name]
    return found
