"""May a node's kubelet read the ConfigMap kube-system/kubelet-config?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Unknown
    from kubectl_upgrade.world import FactOutput

NAME = "kubelet-config-access"


def parse(output: FactOutput) -> bool | Unknown:
    """True for 200, False for 401 and 403; anything else says nothing about rights."""
    return read(output, _may)


def _may(lines: Lines) -> bool:
    code = lines.one("code")
    if code not in {"200", "401", "403"}:
        raise ValueError(f"HTTP {code}")
    return code == "200"
