"""Figures, one line of JSON each."""

from __future__ import annotations

import json
import sys


def figure(name: str, value: float, unit: str, goal: str) -> None:
    """Print one."""
    sys.stdout.write(json.dumps({"name": name, "value": value, "unit": unit, "goal": goal}) + "\n")


def complain(line: str) -> None:
    """What went wrong, for whoever looks."""
    sys.stderr.write(f"{line}\n")
