"""Give a Cluster's topology its new version, and see the Machines of its MachineDeployments replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.facts.machines import written_version
from kubectl_upgrade.model.errors import NotFoundError, StepError
from kubectl_upgrade.model.machines import ClusterTopology, MachineDeployment
from kubectl_upgrade.model.names import ROLLOUT_ANNOTATION
from kubectl_upgrade.model.types import Seconds
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.steps import managed_object
from kubectl_upgrade.steps.base import Step
from kubectl_upgrade.steps.rollouts import RolloutWait, nodes_are_at, rolled_out

if TYPE_CHECKING:
    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeClusterTopology(Step):
    """A Cluster with a topology takes back what is changed behind its back: its MachineDeployments get their version
    through spec.topology.version alone (https://cluster-api.sigs.k8s.io/tasks/experimental-features/cluster-class/operate-cluster).
    """

    NAME: ClassVar[str] = "upgrade-cluster-topology"
    ON: ClassVar[str] = "clusterTopologies"
    TITLE: ClassVar[str] = "set the version of the Cluster's topology, wait until its Machines are replaced"
    CHANGES: ClassVar[frozenset[str]] = frozenset({"clusterTopologies"})

    version: Version
    timeout_seconds: Seconds = 86400
    """for all of its MachineDeployments"""
    stall_seconds: Seconds = 1800
    """without any Machine more that is updated, ready or gone"""

    async def done(self, context: StepContext) -> bool:
        raw = await managed_object.read(context)
        if raw is None:
            context.say("it has left the cluster: skipped")
            return True
        if _version(raw) != self.version or managed_object.is_ours(raw, context.run8):
            return False
        return all([await self._there(context, entry) for entry in _owned(context)])

    async def run(self, context: StepContext) -> None:
        await managed_object.change(context, lambda raw: self._patch(context, raw))
        owned = _owned(context)
        await context.until(
            f"{managed_object.named(managed_object.entry_of(context))} passes {self.version} on",
            self.timeout_seconds,
            lambda: self._passed_on(context, owned),
            every_seconds=5.0,
        )
        await RolloutWait(context, owned, self.version, self.timeout_seconds, self.stall_seconds).until_done()
        for entry in owned:
            await nodes_are_at(context, entry, self.version)
        await managed_object.forget(context)

    def _patch(self, context: StepContext, raw: Json) -> Json | None:
        entry = managed_object.entry_of(context)
        managed_object.demand_running(entry, raw)
        before = _version(raw)
        if before == self.version:
            return None
        known = {entry.version, *(hop.to for hop in context.plan.hops if hop.to <= self.version)}
        if before not in known:
            raise StepError(
                f"{managed_object.named(entry)} is at {before or 'no version'}: somebody changed it, the plan knows it "
                f"at {entry.version}",
                fix="put it back, or abort and make a new plan",
            )
        context.say(f"spec.topology.version {before} -> {self.version}")
        return {
            "metadata": {"annotations": {ROLLOUT_ANNOTATION: f"{context.run8} from {before}"}},
            "spec": {"topology": {"version": str(self.version)}},
        }

    async def _passed_on(self, context: StepContext, owned: tuple[MachineDeployment, ...]) -> str | None:
        """The topology's controller gives one MachineDeployment after the other its version; else it says why not."""
        left = [entry.name for entry in owned if not await self._has_version(context, entry)]
        if not left:
            return None
        raw = await managed_object.read(context) or {}
        said = [
            f"{one['reason']}: {' '.join(one.get('message', '').split())}"
            for one in (raw.get("status") or {}).get("conditions") or ()
            if one["type"] == "TopologyReconciled" and one["status"] != "True"
        ]
        return f"{', '.join(left)} not at {self.version} yet ({'; '.join(said) or 'no reason told'})"

    async def _there(self, context: StepContext, entry: MachineDeployment) -> bool:
        raw = await _read(context, entry)
        return raw is None or (written_version(entry.api, raw) == str(self.version) and rolled_out(entry, raw))

    async def _has_version(self, context: StepContext, entry: MachineDeployment) -> bool:
        raw = await _read(context, entry)
        return raw is None or written_version(entry.api, raw) == str(self.version)


async def _read(context: StepContext, entry: MachineDeployment) -> Json | None:
    try:
        return await context.cluster.get(managed_object.path(entry))
    except NotFoundError:
        return None


def _owned(context: StepContext) -> tuple[MachineDeployment, ...]:
    entry = managed_object.entry_of(context)
    if not isinstance(entry, ClusterTopology):
        raise TypeError(f"{entry.name} is no Cluster")
    return tuple(
        one
        for one in context.plan.machine_deployments
        if one.topology and (one.namespace, one.owner) == (entry.namespace, f"Cluster/{entry.name}")
    )


def _version(raw: Json) -> Version | None:
    try:
        return Version.parse(((raw.get("spec") or {}).get("topology") or {}).get("version", ""))
    except ValueError:
        return None
