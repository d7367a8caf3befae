"""What the tests measured, printed when they have ended."""

from __future__ import annotations

import json

PRINTED: list[str] = []


def figure(name: str, value: float, unit: str, goal: str) -> None:
    """Keep a figure as one line of JSON."""
    PRINTED.append(json.dumps({"name": name, "value": round(value, 3), "unit": unit, "goal": goal}))
