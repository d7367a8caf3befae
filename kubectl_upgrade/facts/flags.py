"""What a node's kubelet and static pods are given to start with, and in which file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.given import Given, given

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import FactOutput

NAME = "flags"


def parse(output: FactOutput) -> tuple[Given, ...] | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _given)


def _given(lines: Lines) -> tuple[Given, ...]:
    words: dict[tuple[str, str], list[tuple[str, str]]] = {}
    gates: dict[tuple[str, str], list[str]] = {}
    for line in lines.all("flag"):
        component, name, value, place = line.split(" ", 3)
        words.setdefault((component, place), []).append((name, "" if value == "-" else value))
    for line in lines.all("gate"):
        component, gate, place = line.split(" ", 2)
        gates.setdefault((component, place), []).append(gate)
    if not any(component == "kubelet" for component, _ in words):
        raise ValueError("no flag of the kubelet")
    return tuple(given(*where, words.get(where, ()), gates.get(where, ())) for where in {**words, **gates})
