"""Waiting for MachineDeployments to roll out, and explaining what holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.machines import version_in, written_version
from kubectl_upgrade.facts.nodes import read_nodes
from kubectl_upgrade.facts.rollout import rollout
from kubectl_upgrade.facts.rollout_trouble import machines_of, rollout_trouble
from kubectl_upgrade.model.errors import NotFoundError, StepError
from kubectl_upgrade.model.words import some_of
from kubectl_upgrade.steps import managed_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.model.machines import MachineDeployment
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json

_EVERY_SECONDS = 5.0
# a Machine takes minutes; after so many without any news, a person wants to know why
_EXPLAIN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """A MachineDeployment that is not there yet, and how far it is."""

    entry: MachineDeployment
    raw: Json
    told: str


@dataclass(slots=True)
class RolloutWait:
    """Until all of these are at the version, with a limit for the whole and one for standing still."""

    context: StepContext
    entries: Sequence[MachineDeployment]
    version: Version
    limit_seconds: int
    stall_seconds: int
    began: float = 0.0
    moved: float = 0.0
    """when a Machine came on last"""
    last: str = ""
    """progress as it was told then"""
    explained: bool = False

    async def until_done(self) -> None:
        """StepError with the Machines that hold it when it stands still or takes too long."""
        self.began = self.moved = self.context.clock.monotonic()
        names = some_of([f"{entry.namespace}/{entry.name}" for entry in self.entries])
        # its own limit counts when the API is away; else the ones here, which explain
        limit = self.limit_seconds + _EXPLAIN_SECONDS
        await self.context.until(f"{names} rolled out", limit, self._missing, every_seconds=_EVERY_SECONDS)

    async def _missing(self) -> str | None:
        left = [one for entry in self.entries if (one := await self._unfinished(entry)) is not None]
        told = "; ".join(f"{one.entry.name}: {one.told}" for one in left)
        now = self.context.clock.monotonic()
        if told != self.last:
            self.last, self.moved, self.explained = told, now, False
            if told:
                self.context.say(told)
        if not left:
            return None
        still = now - self.moved
        if still >= self.stall_seconds:
            raise await self._held(f"no Machine has come on for {self.stall_seconds} s", left)
        if now - self.began >= self.limit_seconds:
            raise await self._held(f"the rollout has taken {self.limit_seconds} s", left)
        if still >= _EXPLAIN_SECONDS and not self.explained:
            self.explained = True
            self.context.say(f"nothing new for {still:.0f} s:\n{await self._why(left)}")
        return told

    async def _unfinished(self, entry: MachineDeployment) -> _Unfinished | None:
        try:
            raw = await self.context.cluster.get(managed_object.path(entry))
        except NotFoundError:
            return None
        wanted = written_version(entry.api, raw)
        if not entry.topology and wanted not in {str(self.version), self.version.bare}:
            raise StepError(
                f"{managed_object.named(entry)} was set to {wanted or 'no version'} while it rolled out to "
                f"{self.version}",
                fix="find out who did (GitOps? another tool?), and put it back or abort and make a new plan",
            )
        managed_object.demand_running(entry, raw)
        if not rolled_out(entry, raw):
            return _Unfinished(entry, raw, str(rollout(raw)))
        left = "" if entry.strategy == "OnDelete" else await self._left_over(entry, raw)
        return _Unfinished(entry, raw, left) if left else None

    async def _left_over(self, entry: MachineDeployment, raw: Json) -> str:
        """What the counts do not say: Cluster API counts old Machines as updated until it has looked at each, and
        nobody counts those that are being deleted, whose drain may hang.
        """
        wanted = written_version(entry.api, raw)
        machines = await machines_of(self.context.cluster, entry.api, raw)
        old = [machine for machine in machines if version_in(entry.api, machine["spec"]) != wanted]
        going = sum(bool(machine["metadata"].get("deletionTimestamp")) for machine in machines)
        if going:
            return f"{going} old Machines are being deleted"
        return f"{len(old)} old Machines are there" if old else ""

    async def _why(self, left: Sequence[_Unfinished]) -> str:
        cluster = self.context.cluster
        return "\n".join([await rollout_trouble(cluster, one.entry.api, one.raw) for one in left])

    async def _held(self, message: str, left: Sequence[_Unfinished]) -> StepError:
        return StepError(
            f"{message}: {self.last}\n{await self._why(left)}",
            fix=f"mend what is named there ({managed_object.get_command(left[0].entry)}), then run apply again: it "
            "waits on. The rollout itself goes on without us",
        )


def rolled_out(entry: MachineDeployment, raw: Json) -> bool:
    """With OnDelete nothing moves by itself: there it is enough that the controllers know."""
    state = rollout(raw)
    return state.observed if entry.strategy == "OnDelete" else state.done


async def nodes_are_at(context: StepContext, entry: MachineDeployment, version: Version) -> None:
    """StepError when Machines are new and their Nodes are not: the version is then a word that nobody heeds."""
    try:
        raw = await context.cluster.get(managed_object.path(entry))
    except NotFoundError:
        return
    if entry.strategy == "OnDelete":
        context.say(
            "OnDelete: a Machine gets the new version when its old one is deleted: "
            f"kubectl -n {entry.namespace} delete machines.{entry.api.partition('/')[0]} NAME, one after the other"
        )
        return
    names = {
        node["name"]
        for machine in await machines_of(context.cluster, entry.api, raw)
        if (node := (machine.get("status") or {}).get("nodeRef"))
    }
    old = [
        f"{n.name} {n.kubelet}" for n in await read_nodes(context.cluster) if n.name in names and n.kubelet != version
    ]
    if old:
        raise StepError(
            f"{managed_object.named(entry)}: its Machines are replaced, and their kubelets are not {version}: "
            f"{some_of(old)}",
            fix="what they start from decides: let infrastructureRef, or the provider's image, be one with "
            f"{version}, then run apply again",
        )
