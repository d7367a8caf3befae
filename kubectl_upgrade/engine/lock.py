"""The lock: a Lease that is created, never overwritten; whose it is, is re-read before every change through the API."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import ConflictError, LockedError, NotFoundError
from kubectl_upgrade.model.names import LOCK_COLLECTION, LOCK_NAME, LOCK_PATH

if TYPE_CHECKING:
    from kubectl_upgrade.world import Cluster, Fence, Journal, Json

_RUN, _EPOCH, _PLAN = "upgrade-cp/run", "upgrade-cp/epoch", "upgrade-cp/plan"
_NONCE, _SINCE, _STEP = "upgrade-cp/nonce-sha256", "upgrade-cp/since", "upgrade-cp/step"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock, as the Lease says."""

    uid: str
    who: str
    run: str
    epoch: int
    plan: str
    since: str
    step: str
    nonce_hash: str

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

    def lease(self) -> Json:
        """The Lease; no renewTime: no time-out ever frees it."""
        annotations = {
            _RUN: self.fence.run,
            _EPOCH: str(self.fence.epoch),
            _PLAN: self.plan,
            _NONCE: _hash(self.nonce),
            _SINCE: self.since,
            _STEP: "",
        }
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": LOCK_NAME, "namespace": "kube-system", "annotations": annotations},
            "spec": {"holderIdentity": self.who},
        }


async def holder(cluster: Cluster) -> Holder | None:
    """Who holds the lock now."""
    try:
        return _holder(await cluster.get(LOCK_PATH))
    except NotFoundError:
        return None


async def acquire(cluster: Cluster, claim: Claim) -> Holder:
    """Create the lock, or find it to be this run's own; LockedError names the other holder."""
    try:
        return _holder(await cluster.create(LOCK_COLLECTION, claim.lease()))
    except ConflictError:
        found = await holder(cluster)
    if found is None:
        raise LockedError("another run held the lock a moment ago and has just ended", fix="run apply again")
    if (found.run, found.nonce_hash) != (claim.fence.run, _hash(claim.nonce)):
        raise LockedError(
            f"the cluster is locked by {found}",
            fix="let that run end, or ask its owner; the lock is Lease kube-system/upgrade-cp",
        )
    return found


async def own(journal: Journal, cluster: Cluster) -> Holder | None:
    """The lock if it is this journal's; None when there is none; LockedError when it is another's."""
    found = await holder(cluster)
    if found is None or (found.run, found.nonce_hash) == (journal.run, _hash(journal.nonce)):
        return found
    raise LockedError(f"the cluster is locked by {found}", fix="let that run end, or ask its owner")


async def demand(cluster: Cluster, fence: Fence) -> None:
    """LockedError unless the lock is still this run's, at this epoch."""
    found = await holder(cluster)
    if found is None:
        raise LockedError(
            "the lock of this run is gone: someone deleted Lease kube-system/upgrade-cp",
            fix="run apply again: it takes the lock anew after a fresh look",
        )
    if (found.run, found.epoch) != (fence.run, fence.epoch):
        raise LockedError(f"the lock was taken over by {found}", fix="leave the cluster to that run")


async def note_step(cluster: Cluster, step: str) -> None:
    """Say in the lock what is being done, for whoever meets it."""
    await cluster.patch(LOCK_PATH, {"metadata": {"annotations": {_STEP: step}}})


async def release(cluster: Cluster, held: Holder) -> None:
    """Delete the lock by its uid; one that is gone is fine."""
    try:
        await cluster.delete(LOCK_PATH, uid=held.uid)
    except NotFoundError:
        return


def _holder(lease: Json) -> Holder:
    metadata = lease["metadata"]
    said = metadata.get("annotations") or {}
    epoch = said.get(_EPOCH, "0")
    return Holder(
        uid=metadata["uid"],
        who=(lease.get("spec") or {}).get("holderIdentity") or "somebody",
        run=said.get(_RUN, ""),
        epoch=int(epoch) if epoch.isdigit() else 0,
        plan=said.get(_PLAN, "unknown"),
        since=said.get(_SINCE, "unknown"),
        step=said.get(_STEP, ""),
        nonce_hash=said.get(_NONCE, ""),
    )


def _hash(nonce: str) -> str:
    return hashlib.sha256(nonce.encode()).hexdigest()
