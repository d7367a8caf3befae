"""The commands of docs/recovery.md as they stand there, so that the page cannot say what nobody has run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[2] / "docs/recovery.md"
VALUES = "values"
HERE = "on your machine"
EVERYWHERE = "on every control plane"


class Block(NamedTuple):
    """Commands, and where they are typed."""

    place: str
    text: str


def blocks() -> list[Block]:
    """Of the section on the whole control plane, in order, without the values that come first."""
    found = [Block(*match) for match in re.findall(r"^```sh\n# (.+)\n((?:.*\n)*?)```$", PAGE.read_text(), re.MULTILINE)]
    assert found[0].place == VALUES
    assert {block.place for block in found[1:]} == {HERE, EVERYWHERE}
    return found[1:]


def names() -> set[str]:
    """Of the values that a reader is asked for."""
    text = PAGE.read_text()
    return set(re.findall(r"^([A-Z]+)=", text[text.index(f"# {VALUES}\n") :].split("```")[0], re.MULTILINE))
