"""What reached nodes and the API, and from whom: the proof that one operator at a time changes a cluster."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.simulation.client import Landed
    from kubectl_upgrade.simulation.cluster import ModelCluster

LOCK = "/leases/upgrade-cp"
_LEASES = "/leases"
_EVERY_SECONDS = 5.0
# kubeadm replaces its node's member, and so does a kubelet of another minor when it starts
STOPS_ETCD = ("kubeadm", "restart-kubelet")


def stale_changes(model: ModelCluster) -> str:
    """Once another client has the lock, at most one change of the former holder may land: the one it was about to make.

    Releases are left out: a node heeds one only from the fence that it bears, or one that this gives way to.
    """
    late: dict[int, list[Landed]] = {}
    for landed, displaced in _after_displacement(model.landed):
        if landed.client in displaced and not landed.what.startswith("release "):
            late.setdefault(landed.client, []).append(landed)
    for changes in late.values():
        if len(changes) > 1:
            return f"a client went on after its lock was taken: {[change.what for change in changes]}"
    return ""


def _after_displacement(changes: list[Landed]) -> Iterator[tuple[Landed, frozenset[int]]]:
    """Each change with the clients that had lost the lock to somebody else by then."""
    holders: list[int] = []
    for landed in changes:
        if landed.what == f"create {_lease_collection(landed.what)}" or _takes(landed, holders):
            holders.append(landed.client)
        yield landed, frozenset(holders[:-1]) - set(holders[-1:])


def _lease_collection(what: str) -> str:
    path = what.removeprefix("create ")
    return path if path.endswith(_LEASES) else "\0"


def _takes(landed: Landed, holders: list[int]) -> bool:
    """The first write of a client to the lock takes it; a former holder's late one takes nothing."""
    return landed.what.startswith("patch ") and landed.what.endswith(LOCK) and landed.client not in holders


class Quorum:
    """Watches etcd's members, and what begins while one is away."""

    def __init__(self, model: ModelCluster) -> None:
        self.began_beside: list[str] = []
        self._model = model
        self._away_since: dict[str, float] = {}
        self._seen = 0

    async def watch(self) -> None:
        """Until it is cancelled."""
        while True:
            self._look()
            await asyncio.sleep(_EVERY_SECONDS)

    def _look(self) -> None:
        now = self._model.now
        for node in self._model.control_planes:
            if node.up and node.running("etcd"):
                self._away_since.pop(node.name, None)
            else:
                self._away_since.setdefault(node.name, now)
        for landed in self._model.landed[self._seen :]:
            verb, _, rest = landed.what.partition(" ")
            name, _, action = rest.partition(" ")
            if verb == "start" and action.startswith(STOPS_ETCD) and name.startswith("cp"):
                self._judge(name, now)
        self._seen = len(self._model.landed)

    def _judge(self, name: str, now: float) -> None:
        """A gate waits a minute for health, then a few small steps come: after three minutes somebody did not look."""
        for other, since in self._away_since.items():
            if other != name and now - since > 180:
                self.began_beside.append(f"etcd was stopped on {name}; {other} had been away for {now - since:.0f} s")
