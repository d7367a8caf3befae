"""The end of what the newest action on a node printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.run_record import LastOutput
from kubectl_upgrade.model.types import visible

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import FactOutput

NAME = "last-output"


def parse(output: FactOutput) -> LastOutput | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _last_output)


def _last_output(lines: Lines) -> LastOutput:
    unit = next(iter(lines.all("unit")), "")
    return LastOutput(unit=unit, lines=tuple(visible(line) for line in lines.all("line")))
