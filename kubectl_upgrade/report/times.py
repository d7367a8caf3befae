"""Where the time of a run went, node by node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubectl_upgrade.engine.history import Past

_KUBEADM = frozenset({"kubeadm-apply", "kubeadm-node"})


@dataclass(slots=True)
class NodeTimes:
    """Seconds of one target over all its stages."""

    kubeadm: float = 0.0
    drain: float = 0.0
    waits: float = 0.0
    """the plan's named waits"""
    rest: float = 0.0
    """everything else: packages, kubelet restart, labels, gates, lock and fences"""

    @property
    def total(self) -> float:
        return self.kubeadm + self.drain + self.waits + self.rest


def times_of(past: Past) -> dict[str, NodeTimes]:
    """By target name, in the order in which they were worked on."""
    times: dict[str, NodeTimes] = {}
    for subject, seconds in past.seconds.items():
        _, _, target, step = subject.split("/")
        node = times.setdefault(target, NodeTimes())
        if step in _KUBEADM:
            node.kubeadm += seconds
        elif step == "drain-node":
            node.drain += seconds
        elif step.startswith("wait-"):
            node.waits += seconds
        else:
            node.rest += seconds
    for subject, seconds in past.between.items():
        times.setdefault(subject.rpartition("/")[2], NodeTimes()).rest += seconds
    return times
