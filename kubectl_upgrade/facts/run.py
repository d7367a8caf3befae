"""What this tool left on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.run_record import RunRecord, UnitRecord

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import FactOutput

NAME = "run"


def parse(output: FactOutput) -> RunRecord | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _run)


def _run(lines: Lines) -> RunRecord:
    units = tuple(_unit(line) for line in lines.all("unit"))
    if not lines.all("fence"):
        return RunRecord(run="", epoch=0, owner="", units=units)
    run, epoch, owner = lines.one("fence").split(" ")
    manifests = dict(_pair(line) for line in lines.all("manifest"))
    return RunRecord(
        run=run,
        epoch=int(epoch),
        owner=owner,
        units=units,
        manifests=manifests,
        stepped_back=tuple(lines.all("stepped-back")),
    )


def _pair(line: str) -> tuple[str, str]:
    component, value = line.split(" ")
    return component, value


def _unit(line: str) -> UnitRecord:
    unit, state, code, started, *action = line.split(" ")
    match state:
        case "running" | "interrupted":
            return UnitRecord(unit=unit, state=state, exit_code=None, started=int(started), action=tuple(action))
        case "exited":
            return UnitRecord(unit=unit, state=state, exit_code=int(code), started=int(started), action=tuple(action))
        case _:
            raise ValueError(f"unit {unit} is {state!r}")
