"""The kubelet's unit on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.model.facts import Kubelet, Unknown

if TYPE_CHECKING:
    from kubectl_upgrade.world import FactOutput

NAME = "kubelet"


def parse(output: FactOutput) -> Kubelet | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _kubelet)


def _kubelet(lines: Lines) -> Kubelet:
    return Kubelet(
        active=lines.yes("active"),
        restarts=int(lines.one("restarts")),
        healthy=lines.one("healthz") in {"ok", "off"},
        last_lines=lines.all("log"),
    )
