"""A plan laid out for its invariants: which stage takes which targets, and where all that stands in the file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from kubectl_upgrade.model.plan import ControlPlane
from kubectl_upgrade.planfile.targets import rolled_out, targets_of_hop
from kubectl_upgrade.steps.base import Managed, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.model.plan import Hop, Plan, PlannedStep, Stage
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.planfile.problem import Where
    from kubectl_upgrade.steps.base import Target

KUBEADM = frozenset({"kubeadm-apply", "kubeadm-node"})
KUBELET = frozenset({"install-kubelet", "restart-kubelet"})
ROLLOUTS = frozenset({"upgrade-machine-deployment", "upgrade-cluster-topology"})


@dataclass(frozen=True)
class LaidStage:
    """A stage with its targets."""

    where: Where
    hop: Hop
    stage: Stage
    targets: tuple[Target, ...]

    @cached_property
    def control_planes(self) -> tuple[ControlPlane, ...]:
        return tuple(target for target in self.targets if isinstance(target, ControlPlane))

    @cached_property
    def workers(self) -> tuple[Worker, ...]:
        return tuple(target for target in self.targets if isinstance(target, Worker))

    def steps(self, *names: str) -> Iterator[tuple[int, PlannedStep]]:
        """The steps of these names, whatever they are called in the stage, with their index."""
        return ((index, step) for index, step in enumerate(self.stage.steps) if step.do in names)

    def holds(self, *names: str) -> bool:
        return any(True for _ in self.steps(*names))

    def at(self, index: int, *further: str) -> Where:
        """Where a step stands."""
        return (*self.where, "steps", index, *further)


@dataclass(frozen=True)
class LaidHop:
    """A hop with its stages, and the kubelets with which its nodes enter it."""

    where: Where
    hop: Hop
    stages: tuple[LaidStage, ...]
    kubelets: dict[str, Version]


@dataclass(frozen=True)
class Layout:
    """The plan and its hops."""

    plan: Plan
    hops: tuple[LaidHop, ...]

    @property
    def stages(self) -> Iterator[LaidStage]:
        return (stage for hop in self.hops for stage in hop.stages)


def lay_out(plan: Plan) -> Layout:
    """Resolve all targets and follow every node's kubelet through the hops."""
    kubelets = {node.name: node.versions.kubelet for node in plan.control_planes}
    kubelets |= {node.name: pool.kubelet for pool in plan.pools for node in pool.nodes}
    kubelets |= {Managed.of(entry).name: entry.version for entry in plan.machine_deployments}
    hops = []
    for index, hop in enumerate(plan.hops):
        where: Where = ("hops", index)
        chosen = targets_of_hop(plan, hop)
        stages = tuple(
            LaidStage((*where, "stages", place), hop, stage, targets)
            for place, (stage, targets) in enumerate(zip(hop.stages, chosen, strict=True))
        )
        hops.append(LaidHop(where, hop, stages, kubelets))
        moved = {node.name for stage in stages if stage.holds("install-kubelet") for node in stage.targets}
        moved |= {Managed.of(entry).name for entry in rolled_out(plan, hop)}
        kubelets = {name: hop.to if name in moved else version for name, version in kubelets.items()}
    return Layout(plan, tuple(hops))
