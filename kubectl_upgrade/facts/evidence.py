"""What a person needs after a failed step, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.types import visible

if TYPE_CHECKING:
    from kubectl_upgrade.world import FactOutput

NAME = "evidence"


def parse(output: FactOutput) -> str | Unknown:
    """The text, with nothing in it that steers a terminal; Unknown when there is none."""
    text = "\n".join(visible(line) for line in output.text.splitlines())
    return f"{text}\n" if text.strip() else Unknown(f"the script said nothing and ended with {output.exit_code}")
