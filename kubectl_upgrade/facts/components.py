"""What the controller manager and the scheduler on a node say of their own health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import FactOutput

NAME = "components"


def parse(output: FactOutput) -> Mapping[str, str] | Unknown:
    """By component: ok, or what came instead."""
    return read(output, _health)


def _health(lines: Lines) -> Mapping[str, str]:
    said = dict(line.partition(" ")[::2] for line in lines.all("health"))
    return {component: said[component] or "no answer" for component in ("kube-controller-manager", "kube-scheduler")}
