"""The order of an upgrade: one list in one function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kubectl_upgrade.model.drains import needs_drain
from kubectl_upgrade.model.etcd import etcd_version
from kubectl_upgrade.model.plan import PARALLEL, PlannedStep, Stage
from kubectl_upgrade.steps.clean_kubelet_flags import flags_left
from kubectl_upgrade.steps.wait_add_ons import ENOUGH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_upgrade.model.machines import ClusterTopology, MachineDeployment
    from kubectl_upgrade.model.plan import Argument, ControlPlane, Pool, Targets
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.planner.rollout import Rollout

# for what an API server was asked before it closed its port; watches keep it until the kubelet kills it after 30 s
_APISERVER_GRACE_SECONDS = 5
# a Machine boots, joins and is Ready within some minutes; a drain of its predecessor may take longer
_STALL_SECONDS = 1800
# nodes of a small cluster that prepare side by side, beside one control plane
_FEW = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the steps of one hop need to know."""

    from_: Version
    to: Version
    stacked_etcd: bool
    members: int
    ignored: tuple[str, ...]
    """kubeadm's preflight errors that a waiver lets through"""
    max_unavailable: str
    drain_seconds: int
    unmanaged_pods: Literal["delete", "stop"]
    """what a drain does with them"""
    rollout: Rollout
    kubelet_via_endpoint: bool
    """while kubeadm runs on a control plane"""
    etcd_tag: str
    """to which members are brought before anything else, by kubeadm of `from_`; empty when they need not"""
    nodes: int
    """of the whole cluster: kube-proxy rolls out one node after the other (maxUnavailable 1, kubeadm's default)"""

    def stages(
        self,
        control_planes: tuple[ControlPlane, ...],
        pools: tuple[Pool, ...],
        deployments: tuple[MachineDeployment, ...] = (),
        topologies: tuple[ClusterTopology, ...] = (),
    ) -> tuple[Stage, ...]:
        """Static pods on every control plane one by one, then their kubelets, then the workers: so that no kubelet is
        ever newer than any API server that it may reach through a load balancer (kubernetes/kubeadm#2324).

        kubeadm runs on every control plane, also where it ran before: that is idempotent and proves that the hop is
        complete. Kubelets that are at the hop's version already are left alone.

        `pools`, `deployments`, `topologies`: those that move in this hop. Where no pool does, workers are not prepared:
        of what is new they run kube-proxy alone, whose image the kubelet pulls.
        """
        first, *others = (node.name for node in control_planes)
        old = [node for node in control_planes if node.versions.kubelet < self.to]
        names = tuple(node.name for node in old)
        everyone: Targets = "all" if pools else (first, *others)
        stages = [
            Stage(stage="prepare", targets=everyone, parallel=True, at_once=self._at_once(), steps=self._prepare()),
            *self._prepare_etcd(control_planes),
            *self._backup((first, *others)),
            *self._etcd_first(control_planes),
            Stage(stage="first-control-plane", targets=(first,), steps=self._control_plane("kubeadm-apply")),
            Stage(stage="other-control-planes", targets=tuple(others), steps=self._control_plane("kubeadm-node")),
            Stage(stage="add-ons", targets="cluster", steps=self._add_ons()),
            Stage(
                stage="control-plane-kubelets",
                targets=names,
                steps=self._control_plane_kubelet(old),
            ),
            *(stage for pool in pools for stage in self._workers(pool, only_pool=len(pools) == 1)),
            *self._rollouts(deployments, topologies),
        ]
        return tuple(stage for stage in stages if stage.targets)

    def _at_once(self) -> int:
        """Machines often share disks and processors: a tenth of them busy at once leaves the API servers their part."""
        return max(_FEW, min(PARALLEL, self.nodes // 10))

    def _prepare(self) -> tuple[PlannedStep, ...]:
        """What is slow or can fail for want of a network or a disk, before anything is changed."""
        return (step("fetch-packages", version=str(self.to)), step("pull-images", version=str(self.to)))

    def _backup(self, names: tuple[str, ...]) -> tuple[Stage, ...]:
        """Of an etcd that is not kubeadm's we have neither the certificates nor the disk."""
        steps = (step("backup-etcd", version=str(self.to)),)
        return (Stage(stage="backup", targets=names, steps=steps),) if self.stacked_etcd else ()

    def _moving(self, control_planes: tuple[ControlPlane, ...]) -> tuple[str, ...]:
        """Nodes whose member is older than the tag."""
        wanted = etcd_version(self.etcd_tag)
        found = {node.name: etcd_version(node.versions.etcd) for node in control_planes}
        return tuple(name for name, version in found.items() if wanted and version and version < wanted)

    def _prepare_etcd(self, control_planes: tuple[ControlPlane, ...]) -> tuple[Stage, ...]:
        steps = (step("pull-etcd", version=str(self.from_), tag=self.etcd_tag),)
        moving = self._moving(control_planes)
        return (Stage(stage="prepare-etcd", targets=moving, parallel=True, steps=steps),) if moving else ()

    def _etcd_first(self, control_planes: tuple[ControlPlane, ...]) -> tuple[Stage, ...]:
        """The tag is in kubeadm's configuration only while members move: with it there, this hop's kubeadm would keep
        etcd at it.
        """
        moving = self._moving(control_planes)
        if not moving:
            return ()
        steps = (
            step("mark-node"),
            *self._via_endpoint(step("move-etcd", version=str(self.from_), tag=self.etcd_tag)),
            *self._settled(self.from_),
            step("unmark-node"),
        )
        return (
            Stage(stage="pin-etcd", targets="cluster", steps=(step("pin-etcd", tag=self.etcd_tag),)),
            Stage(stage="etcd-members", targets=moving, steps=steps),
            Stage(stage="unpin-etcd", targets="cluster", steps=(step("unpin-etcd"),)),
        )

    def _control_plane(self, kubeadm: str) -> tuple[PlannedStep, ...]:
        return (
            step("mark-node"),
            step("install-kubeadm", version=str(self.to)),
            *self._via_endpoint(
                self._kubeadm(kubeadm, apiserverGraceSeconds=_APISERVER_GRACE_SECONDS, nudgeKubelet=True)
            ),
            *self._settled(self.to),
            step("unmark-node"),
        )

    def _via_endpoint(self, kubeadm: PlannedStep) -> tuple[PlannedStep, ...]:
        if not self.kubelet_via_endpoint:
            return (kubeadm,)
        return (step("kubelet-via-endpoint"), kubeadm, step("kubelet-via-own-apiserver"))

    def _kubeadm(self, name: str, **further: Argument) -> PlannedStep:
        ignored: dict[str, Argument] = {"ignorePreflightErrors": self.ignored} if self.ignored else {}
        return step(name, version=str(self.to), **ignored, **further)

    def _settled(self, version: Version) -> tuple[PlannedStep, ...]:
        etcd = (step("wait-etcd", members=self.members, timeoutSeconds=300),) if self.stacked_etcd else ()
        return (step("wait-control-plane", version=str(version), timeoutSeconds=600), *etcd)

    def _add_ons(self) -> tuple[PlannedStep, ...]:
        return (
            step("wait-add-ons", version=str(self.to), timeoutSeconds=600 + 15 * min(self.nodes, ENOUGH)),
            step("wait-kubelet-config-access", timeoutSeconds=120),
        )

    def _control_plane_kubelet(self, nodes: Sequence[ControlPlane]) -> tuple[PlannedStep, ...]:
        minor = any(needs_drain(node.versions.kubelet, self.to) for node in nodes)
        steps = (*self._kubelet(), *self._settled(self.to))
        return (step("mark-node"), *(self._drained(steps) if minor else steps), step("unmark-node"))

    def _workers(self, pool: Pool, *, only_pool: bool) -> tuple[Stage, ...]:
        left = flags_left(pool.kubelet, self.to)
        clean = (step("clean-kubelet-flags", flags=left),) if left else ()
        kubeadm = (step("install-kubeadm", version=str(self.to)), self._kubeadm("kubeadm-node"))
        steps = (*kubeadm, *clean, *self._kubelet())
        if needs_drain(pool.kubelet, self.to):
            steps = self._drained(steps, self.rollout.on_drain_timeout)
        steps = (step("mark-node"), *steps, step("unmark-node"))
        return self.rollout.stages(pool, steps, self.max_unavailable, only_pool=only_pool)

    def _rollouts(
        self, deployments: tuple[MachineDeployment, ...], topologies: tuple[ClusterTopology, ...]
    ) -> Iterator[Stage]:
        """Last, for their new Machines join control planes and take kubeadm's configuration from them."""
        if topologies:
            steps = (step("upgrade-cluster-topology", version=str(self.to), stallSeconds=_STALL_SECONDS),)
            yield Stage(stage="cluster-topologies", targets="clusterTopologies", steps=steps)
        if deployments:
            steps = (step("upgrade-machine-deployment", version=str(self.to), stallSeconds=_STALL_SECONDS),)
            yield Stage(stage="machine-deployments", targets="machineDeployments", steps=steps)

    def _kubelet(self) -> tuple[PlannedStep, ...]:
        return (
            step("install-kubelet", version=str(self.to)),
            step("restart-kubelet", version=str(self.to)),
            step("wait-node", version=str(self.to), timeoutSeconds=300),
        )

    def _drained(self, steps: tuple[PlannedStep, ...], on_timeout: str = "stop") -> tuple[PlannedStep, ...]:
        drain = step(
            "drain-node",
            timeoutSeconds=self.drain_seconds,
            onTimeout=on_timeout,
            emptyDir="delete",
            unmanagedPods=self.unmanaged_pods,
        )
        return (drain, *steps, step("uncordon-node"))


def step(do: str, **arguments: Argument) -> PlannedStep:
    """A planned step; arguments as in the file."""
    return PlannedStep(do=do, with_=arguments)
