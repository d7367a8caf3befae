"""Packages of Kubernetes on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.facts import Packages, Unknown

if TYPE_CHECKING:
    from kubectl_upgrade.world import FactOutput

NAME = "packages"


def parse(output: FactOutput) -> Packages | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _packages)


def _packages(lines: Lines) -> Packages:
    pairs = [line.split(" ") for line in lines.all("installed")]
    return Packages(
        family=lines.one("family"),
        repository=lines.one("repository"),
        held=tuple(sorted(lines.all("held"))),
        installed=dict(sorted(pairs)),
    )
