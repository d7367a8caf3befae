"""Which images of etcd a node can get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.etcd import EtcdImages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import FactOutput

NAME = "etcd-images"


def question(repository: str, tags: Sequence[str]) -> str:
    """The fact with its arguments."""
    return " ".join((NAME, f"{repository}/etcd", *tags))


def parse(output: FactOutput) -> EtcdImages | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _images)


def _images(lines: Lines) -> EtcdImages:
    found = EtcdImages(
        here=lines.all("here"),
        offered=lines.all("offered"),
        refused=dict(line.partition(" ")[::2] for line in lines.all("refused")),
    )
    if not (found.here or found.offered or found.refused):
        raise ValueError("no tag was asked for")
    return found
