"""The lock: a Lease that is created, never overwritten by another run; whose it is, is re-read before every change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import ConflictError, LockedError, NotFoundError, PlanError
from kubectl_upgrade.model.names import LOCK_COLLECTION, LOCK_NAME, LOCK_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from kubectl_upgrade.world import Cluster, Fence, Json

    _Say: TypeAlias = Callable[["Holder"], Mapping[str, str]]

_RUN, _EPOCH, _PLAN = "upgrade-cp/run", "upgrade-cp/epoch", "upgrade-cp/plan"
_NONCE, _SINCE, _STEP = "upgrade-cp/nonce-sha256", "upgrade-cp/since", "upgrade-cp/step"
_PAUSED, _ENDING = "upgrade-cp/paused", "upgrade-cp/ending"
_OWNER_DIGITS = 16
_UNKNOWN = "unknown"
# the Lease changes under a patch only when several targets say at once what they do, or when it is taken over
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock, as the Lease says."""

    uid: str
    version: str
    """resourceVersion of the Lease when it was read"""
    who: str
    run: str
    epoch: int
    plan: str
    since: str
    step: str
    nonce_hash: str
    paused: tuple[str, ...]
    """pauses of the plan that are behind the run, `hop/stage` each"""
    ending: str
    """how the run is being ended: `done` or `aborted`; empty while it goes on"""

    def __str__(self) -> str:
        at = f", at {self.step}" if self.step else ""
        return f"run {self.run[:8]} of {self.who} since {self.since}{at} (plan {self.plan[:19]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What this run writes into the lock."""

    fence: Fence
    nonce: str
    plan: str
    who: str
    since: str

    @property
    def said(self) -> dict[str, str]:
        """The annotations that say whose the lock is."""
        return {
            _RUN: self.fence.run,
            _EPOCH: str(self.fence.epoch),
            _PLAN: self.plan,
            _NONCE: hashed(self.nonce),
            _SINCE: self.since,
        }

    def lease(self) -> Json:
        """The Lease; no renewTime: no time-out ever frees it."""
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": LOCK_NAME, "namespace": "kube-system", "annotations": self.said},
            "spec": {"holderIdentity": self.who},
        }

    def holds(self, found: Holder) -> bool:
        """Is it this very claim that holds the lock?"""
        mine = (self.fence.run, self.fence.epoch, hashed(self.nonce))
        return (found.run, found.epoch, found.nonce_hash) == mine


def hashed(nonce: str) -> str:
    """What everybody may know of a nonce, 64 hexadecimal digits."""
    return hashlib.sha256(nonce.encode()).hexdigest()


def owner(nonce: str) -> str:
    """A nonce as fences name it."""
    return hashed(nonce)[:_OWNER_DIGITS]


def locked(found: Holder) -> LockedError:
    """What anybody is told who does not hold the lock."""
    return LockedError(
        f"the cluster is locked by {found}",
        fix="let that run end. Where its operator is gone for good, go on with it: the same plan with "
        f"`--take-over {found.run[:8]}`",
    )


def another_plan(run: str, begun_with: str, this: str) -> PlanError:
    """What is reviewed is what runs: no other plan is slipped under a run."""
    return PlanError(
        f"run {run[:8]} was begun with another plan (digest {begun_with[:19]}, this one has {this[:19]})",
        fix="give the plan that it was begun with, or end the run with `kubectl upgrade-cp abort` and make a new plan",
    )


async def holder(cluster: Cluster) -> Holder | None:
    """Who holds the lock now."""
    try:
        return _holder(await cluster.get(LOCK_PATH))
    except NotFoundError:
        return None


async def take(cluster: Cluster, claim: Claim, *, create: bool) -> Holder:
    """Create the lock, find it to be this claim's, or raise it from an earlier epoch of the same run.

    Without `create` it was there a moment ago: gone means that somebody has ended the run since. LockedError then, and
    when it is another run's, or another taker was faster; PlanError when the run was begun with another plan.
    """
    for _ in range(_TRIES):
        found = await holder(cluster)
        try:
            if found is None and not create:
                raise LockedError(
                    f"run {claim.fence.run[:8]} was ended elsewhere a moment ago", fix="run apply again: it looks anew"
                )
            if found is None:
                return _holder(await cluster.create(LOCK_COLLECTION, claim.lease()))
            if found.run == claim.fence.run and found.plan not in {claim.plan, _UNKNOWN}:
                raise another_plan(found.run, found.plan, claim.plan)
            if claim.holds(found):
                return found
            if found.run != claim.fence.run or found.epoch >= claim.fence.epoch:
                raise locked(found)
            return await _patch(cluster, found, claim.said, claim.who)
        except ConflictError:
            continue  # somebody was faster: look whose it is now
    raise LockedError("the lock Lease kube-system/upgrade-cp changes all the time", fix="run apply again")


async def demand(cluster: Cluster, fence: Fence) -> Holder:
    """LockedError unless the lock is still this run's, at this epoch."""
    found = await holder(cluster)
    if found is None:
        raise LockedError(
            "the lock of this run is gone: someone deleted Lease kube-system/upgrade-cp",
            fix="run apply again: it takes the lock anew after a fresh look",
        )
    _must_be(found, fence)
    return found


def _must_be(found: Holder, fence: Fence) -> None:
    if (found.run, found.epoch, found.nonce_hash[:_OWNER_DIGITS]) != (fence.run, fence.epoch, fence.owner):
        raise LockedError(f"the lock was taken over by {found}", fix="leave the cluster to that run")


async def note_step(cluster: Cluster, fence: Fence, step: str) -> None:
    """Say in the lock what is being done, for whoever meets it."""
    await _note(cluster, fence, lambda _: {_STEP: step})


async def note_pause(cluster: Cluster, fence: Fence, subject: str) -> None:
    """Remember that a pause is behind the run, for whoever goes on without its journal."""
    await _note(cluster, fence, lambda found: {_PAUSED: ",".join(dict.fromkeys((*found.paused, subject)))})


async def note_ending(cluster: Cluster, fence: Fence, how: str) -> None:
    """From here on nothing but cleaning up is left, whoever goes on."""
    await _note(cluster, fence, lambda _: {_ENDING: how})


async def release(cluster: Cluster, fence: Fence) -> None:
    """Delete the lock, if it is still as this run left it; one that is gone is fine."""
    for _ in range(_TRIES):
        held = await holder(cluster)
        if held is None:
            return
        _must_be(held, fence)
        try:
            await cluster.delete(LOCK_PATH, uid=held.uid, version=held.version)
        except NotFoundError:
            return
        except ConflictError:
            continue
        return


async def _note(cluster: Cluster, fence: Fence, say: _Say) -> None:
    for _ in range(_TRIES):
        held = await demand(cluster, fence)
        try:
            await _patch(cluster, held, say(held))
        except ConflictError:
            continue
        return


async def _patch(cluster: Cluster, held: Holder, annotations: Mapping[str, str], who: str = "") -> Holder:
    """ConflictError when the lock has changed since it was read."""
    metadata = {"uid": held.uid, "resourceVersion": held.version, "annotations": dict(annotations)}
    spec = {"spec": {"holderIdentity": who}} if who else {}
    return _holder(await cluster.patch(LOCK_PATH, {"metadata": metadata, **spec}))


def _holder(lease: Json) -> Holder:
    metadata = lease["metadata"]
    said = metadata.get("annotations") or {}
    epoch = said.get(_EPOCH, "0")
    return Holder(
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        who=(lease.get("spec") or {}).get("holderIdentity") or "somebody",
        run=said.get(_RUN, ""),
        epoch=int(epoch) if epoch.isdigit() else 0,
        plan=said.get(_PLAN, _UNKNOWN),
        since=said.get(_SINCE, _UNKNOWN),
        step=said.get(_STEP, ""),
        nonce_hash=said.get(_NONCE, ""),
        paused=tuple(word for word in said.get(_PAUSED, "").split(",") if word),
        ending=said.get(_ENDING, ""),
    )
