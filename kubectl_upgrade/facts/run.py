"""What this tool left on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.facts import RunRecord, UnitRecord, Unknown

if TYPE_CHECKING:
    from kubectl_upgrade.world import FactOutput

NAME = "run"


def parse(output: FactOutput) -> RunRecord | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _run)


def _run(lines: Lines) -> RunRecord:
    units = tuple(_unit(line) for line in lines.all("unit"))
    if not lines.all("fence"):
        return RunRecord(run="", epoch=0, units=units)
    run, epoch = lines.one("fence").split(" ")
    return RunRecord(run=run, epoch=int(epoch), units=units)


def _unit(line: str) -> UnitRecord:
    unit, state, code = line.split(" ")
    match state:
        case "running":
            return UnitRecord(unit=unit, state="running", exit_code=None)
        case "exited":
            return UnitRecord(unit=unit, state="exited", exit_code=int(code))
        case "interrupted":
            return UnitRecord(unit=unit, state="interrupted", exit_code=None)
        case _:
            raise ValueError(f"unit {unit} is {state!r}")
