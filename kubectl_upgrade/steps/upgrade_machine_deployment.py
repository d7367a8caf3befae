"""Give a MachineDeployment its new version, and see its Machines replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.facts.machines import written_version
from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.model.machines import MACHINE_CONTROLLER, MachineDeployment
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
class UpgradeMachineDeployment(Step):
    """Its controllers make new Machines, drain the old ones and delete them, at the pace of its own strategy. When no
    Machine comes on for `stallSeconds`, the run stops and says which Machine waits for what; the rollout is theirs
    and goes on.
    """

    NAME: ClassVar[str] = "upgrade-machine-deployment"
    ON: ClassVar[str] = "machineDeployments"
    TITLE: ClassVar[str] = "set the version of the MachineDeployment, wait until its Machines are replaced"
    CHANGES: ClassVar[frozenset[str]] = frozenset({"machineDeployments"})

    version: Version
    timeout_seconds: Seconds = 86400
    """for the whole rollout"""
    stall_seconds: Seconds = 1800
    """without any Machine more that is updated, ready or gone"""

    async def done(self, context: StepContext) -> bool:
        raw = await managed_object.read(context)
        if raw is None:
            context.say("it has left the cluster: skipped")
            return True
        entry = _entry(context)
        there = written(entry, raw) == self.version and rolled_out(entry, raw)
        return there and not managed_object.is_ours(raw, context.run8)

    async def run(self, context: StepContext) -> None:
        entry = _entry(context)
        await managed_object.change(context, lambda raw: self._patch(context, entry, raw))
        await RolloutWait(context, (entry,), self.version, self.timeout_seconds, self.stall_seconds).until_done()
        await nodes_are_at(context, entry, self.version)
        await managed_object.forget(context)

    def _patch(self, context: StepContext, entry: MachineDeployment, raw: Json) -> Json | None:
        """StepError when its version is one that neither the plan nor this run has given it."""
        managed_object.demand_running(entry, raw)
        before = written(entry, raw)
        if before == self.version:
            return None
        known = {entry.version, *(hop.to for hop in context.plan.hops if hop.to <= self.version)}
        if before not in known:
            raise StepError(
                f"{managed_object.named(entry)} is at {before or 'no version'}: somebody changed it, the plan knows it "
                f"at {entry.version}",
                fix="put it back, or abort and make a new plan",
            )
        context.say(f"{before} -> {self.version}, {entry.replicas} Machines, {entry.strategy}")
        return {
            "metadata": {"annotations": {ROLLOUT_ANNOTATION: f"{context.run8} from {before}"}},
            "spec": {"template": {"spec": self._written(entry.api, written_version(entry.api, raw))}},
        }

    def _written(self, api: str, before: str) -> Json:
        """With a `v` where its owner has one: Cluster API demands it, machine-controller takes both."""
        if api != MACHINE_CONTROLLER:
            return {"version": str(self.version)}
        return {"versions": {"kubelet": str(self.version) if before.startswith("v") else self.version.bare}}


def written(entry: MachineDeployment, raw: Json) -> Version | None:
    """The version that its Machines are to have now."""
    try:
        return Version.parse(written_version(entry.api, raw))
    except ValueError:
        return None


def _entry(context: StepContext) -> MachineDeployment:
    entry = managed_object.entry_of(context)
    if not isinstance(entry, MachineDeployment):
        raise TypeError(f"{entry.name} is no MachineDeployment")
    return entry
