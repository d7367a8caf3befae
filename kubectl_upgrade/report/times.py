"""Where the time of a run went, node by node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubectl_upgrade.engine.history import Past

_KUBEADM = frozenset({"kubeadm-apply", "kubeadm-node"})
_PREPARE = frozenset({"fetch-packages", "pull-images", "backup-etcd"})


@dataclass(slots=True)
class NodeTimes:
    """Seconds of one target over all its stages."""

    prepare: float = 0.0
    """packages, images and backup, before anything is changed"""
    kubeadm: float = 0.0
    drain: float = 0.0
    waits: float = 0.0
    """the plan's named waits"""
    rest: float = 0.0
    """everything else: packages, kubelet restart, labels, gates, lock and fences"""

    @property
    def total(self) -> float:
        return self.prepare + self.kubeadm + self.drain + self.waits + self.rest


def times_of(past: Past) -> dict[str, NodeTimes]:
    """By target name, in the order in which they were worked on."""
    times: dict[str, NodeTimes] = {}
    for subject, seconds in past.seconds.items():
        _, _, target, step = subject.split("/")
        node = times.setdefault(target, NodeTimes())
        if step in _PREPARE:
            node.prepare += seconds
        elif step in _KUBEADM:
            node.kubeadm += seconds
        elif step == "drain-node":
            node.drain += seconds
        elif step.startswith("wait-"):
            node.waits += seconds
        else:
            node.rest += seconds
    preparing = {subject.rpartition("/")[0] for subject in past.seconds if subject.rpartition("/")[2] in _PREPARE}
    for subject, seconds in past.between.items():
        node = times.setdefault(subject.rpartition("/")[2], NodeTimes())
        if subject in preparing:
            node.prepare += seconds
        else:
            node.rest += seconds
    return times
