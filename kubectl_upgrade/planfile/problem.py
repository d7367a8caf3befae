"""What is wrong with a plan, and where in it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TypeAlias

# keys and indexes from the root of the document: ("hops", 0, "stages", 2)
Where: TypeAlias = "tuple[str | int, ...]"

_SHOWN = 60
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a plan from being applied, and what to do about it."""

    where: Where
    message: str
    fix: str = ""


def dotted(where: Where) -> str:
    """`hops[0].stages[2].steps`; a key that is no plain word is shown quoted, so that it cannot trick a terminal."""
    parts = [
        f"[{part}]" if isinstance(part, int) else f".{part if _KEY.fullmatch(part) else shown(part)}" for part in where
    ]
    return "".join(parts).removeprefix(".")


def shown(value: object) -> str:
    """A value of the file for a person: quoted, shortened, ASCII, so that it cannot trick a terminal."""
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = json.dumps(value) if isinstance(value, str | int | float | None) else type(value).__name__
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
