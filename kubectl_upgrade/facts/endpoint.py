"""Which API server a node's kubelet talks to, and how the cluster's endpoint looks from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.endpoint import EndpointSeen

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import FactOutput

NAME = "endpoint"


def parse(output: FactOutput) -> EndpointSeen | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _seen)


def _seen(lines: Lines) -> EndpointSeen:
    said = lines.one("readyz")
    return EndpointSeen(
        kubelet=lines.one("kubelet"),
        endpoint=lines.one("endpoint"),
        own=lines.yes("own"),
        ready=said == "ok",
        said="" if said == "ok" else said,
    )
