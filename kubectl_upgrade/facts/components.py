"""A node's control plane as its own parts see it: health, and the static pods that the kubelet runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.lines import Lines, read
from kubectl_upgrade.facts.static_pods import static_pod
from kubectl_upgrade.model.facts import Components, Unknown
from kubectl_upgrade.model.names import CONTROL_PLANE_COMPONENTS

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import StaticPod
    from kubectl_upgrade.world import FactOutput

NAME = "components"
_COMPONENTS = ("etcd", *CONTROL_PLANE_COMPONENTS)


def parse(output: FactOutput) -> Components | Unknown:
    """The fact, Unknown with the reason when the script failed or printed something else."""
    return read(output, _components)


def _components(lines: Lines) -> Components:
    said = dict(line.partition(" ")[::2] for line in lines.all("health"))
    kubelet = lines.one("kubelet")
    # others are nobody's business here
    pods = tuple(pod for pod in map(_pod, lines.all("static-pod")) if pod.component in _COMPONENTS)
    return Components(
        health={name: said[name] or "no answer" for name in CONTROL_PLANE_COMPONENTS[1:]},
        pods=pods if kubelet == "answers" else Unknown(f"the kubelet does not say which pods it runs: {kubelet}"),
    )


def _pod(line: str) -> StaticPod:
    pod, _ = json.JSONDecoder().raw_decode(line)
    return static_pod(pod)
