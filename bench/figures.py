"""Figures: one JSON line each; and two ways measured side by side."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

ROUNDS = 5
MIB = 2**20


def figure(name: str, value: float, unit: str, goal: str) -> None:
    """One line of JSON. A timing that misses its goal fails nothing."""
    sys.stdout.write(json.dumps({"name": name, "value": round(value, 3), "unit": unit, "goal": goal}) + "\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """A word on what is going on."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


def end_cleanly() -> None:
    """SIGTERM ends this program as an error would, so that the programs it has started end with it."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def side_by_side(*ways: Callable[[], Any], rounds: int = ROUNDS) -> list[float]:
    """Median seconds of each, taken in turn, so that a busy machine slows all."""
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, taken in zip(ways, seconds, strict=True):
            began = time.perf_counter()
            way()
            taken.append(time.perf_counter() - began)
    return list(map(statistics.median, seconds))


@dataclass(frozen=True)
class Ended:
    """What a program took."""

    seconds: float
    cpu_seconds: float
    mib: float
    """of memory, at most"""


def measured(argv: Sequence[str | Path], out: Path | None = None, env: Mapping[str, str] | None = None) -> Ended:
    """Run a program to its end; CalledProcessError unless it exits 0."""
    began = time.perf_counter()
    with open(out or os.devnull, "wb") as written:  # noqa: PTH123 - a path or the null device
        program = subprocess.Popen(argv, stdout=written, env={**os.environ, **(env or {})})
        _, status, used = os.wait4(program.pid, 0)
    seconds = time.perf_counter() - began
    program.returncode = os.waitstatus_to_exitcode(status)
    if program.returncode:
        raise subprocess.CalledProcessError(program.returncode, [str(word) for word in argv])
    return Ended(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / MIB)
