"""Which nodes an upgrade drains, which pods it meets there, and the budgets that guard them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.model.placement import by_zone
from kubectl_upgrade.model.words import natural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_upgrade.model.facts import NodeObject
    from kubectl_upgrade.model.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingPod:
    """A pod that a drain of its node has to move. There may be 50,000: it holds what is judged, no labels."""

    namespace: str
    name: str
    node: str
    managed: bool
    """a controller would start it again elsewhere"""
    empty_dir: bool
    """loses what it keeps in an emptyDir"""
    pending: bool = False
    """has not run yet: the Eviction API asks no budget for it"""
    ready: bool = True
    budgets: tuple[str, ...] = ()
    """names of the PodDisruptionBudgets in its namespace that select it"""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A PodDisruptionBudget, as the disruption controller last saw its pods."""

    namespace: str
    name: str
    rule: str
    """`maxUnavailable: 0`, as its owner wrote it"""
    allowed: int = 0
    """disruptionsAllowed"""
    current: int = 0
    """currentHealthy"""
    desired: int = 0
    """desiredHealthy"""
    expected: int = 0
    """expectedPods"""
    trouble: str = ""
    """why the controller, or we, cannot tell what it allows"""
    observed: bool = True
    """the controller has seen it as it is now"""
    unready_may_go: bool = False
    """unhealthyPodEvictionPolicy: AlwaysAllow"""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def never(self) -> bool:
        """All pods that there should be have to be healthy: however well they are, none may be evicted."""
        if self.rule in {"maxUnavailable: 0", "maxUnavailable: 0%", "minAvailable: 100%"}:
            return True
        return self.observed and 0 < self.expected <= self.desired

    @property
    def lack(self) -> str:
        """Why it allows nothing now."""
        if self.trouble:
            return self.trouble
        if not self.observed:
            return "the disruption controller has not seen its last change"
        return f"it needs {self.desired} healthy pods and has {self.current} of {self.expected}"

    def holds(self, pod: MovingPod) -> bool:
        """Would an eviction of this pod, which it selects, be refused now? As the API server's eviction.go decides."""
        if pod.pending:
            return False
        if not pod.ready and (self.unready_may_go or 0 < self.desired <= self.current):
            return False
        return self.allowed < 1 or not self.observed


def needs_drain(kubelet: Version, to: Version) -> bool:
    """Draining is a must before a minor kubelet upgrade, and not needed for a patch (kubeadm-upgrade page)."""
    return kubelet.line != to.line


def drained(nodes: Iterable[NodeObject], to: Version) -> tuple[NodeObject, ...]:
    """Nodes that are drained on the way to this version, in the order in which it happens, but for workers that a plan
    keeps apart because they share a tight budget.

    The kubelets of control planes are one stage: when one of them changes its minor, all that are not there yet are
    drained.
    """
    ordered = sorted(nodes, key=by_zone)
    control_planes = [node for node in ordered if node.control_plane and node.kubelet != to]
    control_planes.sort(key=lambda node: natural(node.name))
    if not any(needs_drain(node.kubelet, to) for node in control_planes):
        control_planes = []
    linux = [node for node in ordered if not node.control_plane and not node.windows]
    workers = [node for node in linux if needs_drain(node.kubelet, to)]
    return (*control_planes, *sorted(workers, key=lambda node: node.kubelet))
