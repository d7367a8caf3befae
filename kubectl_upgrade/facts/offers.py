"""Which versions a node's repositories offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.offers import Offers
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import FactOutput

NAME = "offers"


def parse(output: FactOutput) -> Offers | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _offers)


def _offers(lines: Lines) -> Offers:
    refused = dict(line.partition(" ")[::2] for line in lines.all("refused"))
    offered = lines.all("offered")
    versions = tuple(sorted(set(_versions(offered))))
    if offered and not versions:
        raise ValueError(f"no version among {offered}")
    if not offered and not refused:
        raise ValueError("no repository of this node offers kubeadm")
    return Offers(versions=versions, refused=refused)


def _versions(packages: Sequence[str]) -> Iterator[Version]:
    """Of `1.35.4-1.1` and `1.36.0~rc.1-1.1`; what somebody numbers otherwise, no plan could name."""
    for package in packages:
        try:
            yield Version.parse(package.rpartition("-")[0].replace("~", "-", 1))
        except ValueError:
            continue
