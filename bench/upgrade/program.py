"""Run one program with its output in a file that can be followed, and read how long kubeadm took out of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

from tests.lab.errors import CommandError, LabError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

LIMIT = 3600
TAIL_LINES = 20
RAN = re.compile(r"kubeadm-ran (\S+) ([\d:.]+)")


def follow(
    argv: Sequence[str | Path], log: Path, env: Mapping[str, str], *, out: Path | None = None, limit: float = LIMIT
) -> str:
    """Run it to its end, and return the log; CommandError unless it ended with 0. Its stdout may go to `out`."""
    with log.open("w") as errors, (out or log).open("a") as output:
        # a group of its own: when the bench is broken off, its children end with it and touch no later cluster
        program = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output if out else errors,
            stderr=errors,
            env={**os.environ, **env},
            start_new_session=True,
        )
        try:
            code = program.wait(limit)
        except subprocess.TimeoutExpired as late:
            raise CommandError(f"{argv[0]}: did not end within {limit:.0f} s; see {log}") from late
        finally:
            if program.returncode is None:
                os.killpg(program.pid, signal.SIGKILL)
                program.wait()
    said = log.read_text(errors="replace")
    if code:
        tail = "\n".join(said.splitlines()[-TAIL_LINES:])
        raise CommandError(f"{argv[0]}: exit {code}; see {log}\n{tail}")
    return said


def kubeadm_times(said: str, nodes: Iterable[str]) -> dict[str, float]:
    """Seconds inside kubeadm by node, from lines `kubeadm-ran NODE 123.4`, or 0:02:03.4; every node must have one."""
    found = {node: _seconds(text) for node, text in RAN.findall(said)}
    missing = sorted(set(nodes) - set(found))
    if missing:
        raise LabError(f"no kubeadm-ran line of {', '.join(missing)}")
    return found


def _seconds(text: str) -> float:
    seconds = 0.0
    for part in text.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds
