"""World.state in memory: what a state folder keeps when its process is killed, and what it lets go."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import LockedError
from kubectl_upgrade.simulation import identity
from kubectl_upgrade.simulation.faults import Point, UnplannedError
from kubectl_upgrade.world import KnownRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.simulation.client import Client
    from kubectl_upgrade.world import Json


@dataclass(slots=True, kw_only=True)
class StoredRun:
    """One run's folder."""

    run: str
    nonce: str
    digest: str
    """of the plan"""
    entries: list[str] = field(default_factory=list)
    finished: bool = False
    kept: dict[str, str] = field(default_factory=dict)
    """files beside the journal, by name"""


class Folder:
    """A state folder on some operator's disk; it outlives the processes that use it."""

    def __init__(self, seed: int, operator: str = "ops") -> None:
        self._words = (seed, operator)
        self.runs: dict[str, list[StoredRun]] = {}
        """by cluster uid, oldest first"""
        self._holders: dict[str, Client] = {}
        self._adopted = 0

    def new_run(self, cluster_uid: str, digest: str) -> StoredRun:
        runs = self.runs.setdefault(cluster_uid, [])
        number = sum(map(len, self.runs.values()))
        run, nonce = (identity.digest(word, *self._words, number)[:32] for word in ("run", "nonce"))
        runs.append(StoredRun(run=run, nonce=nonce, digest=digest))
        return runs[-1]

    def adopt(self, cluster_uid: str, run: str, digest: str) -> StoredRun:
        """The run's folder as the newest one, with another nonce; its history stays if it is here."""
        runs = self.runs.setdefault(cluster_uid, [])
        known = next((stored for stored in runs if stored.run == run), None)
        if known is not None:
            runs.remove(known)
        self._adopted += 1
        nonce = identity.digest("nonce", *self._words, "adopted", self._adopted)[:32]
        entries = known.entries if known is not None else []
        runs.append(StoredRun(run=run, nonce=nonce, digest=digest, entries=entries))
        return runs[-1]

    def lock(self, cluster_uid: str, client: Client) -> None:
        """flock: a killed process has let go of it."""
        holder = self._holders.get(cluster_uid)
        if holder is not None and not holder.killed:
            raise LockedError("another process here works on this cluster", fix="wait until it has ended")
        self._holders[cluster_uid] = client

    def unlock(self, cluster_uid: str) -> None:
        self._holders.pop(cluster_uid, None)


class MemoryState:
    """State, as one client uses a folder."""

    def __init__(self, client: Client, folder: Folder) -> None:
        self._client = client
        self._folder = folder

    async def unfinished(self) -> Sequence[KnownRun]:
        async with self._client.call(Point(call="state.unfinished")):
            newest = ((uid, runs[-1]) for uid, runs in sorted(self._folder.runs.items()) if runs)
            return [
                KnownRun(uid, stored.run, stored.nonce, [json.loads(entry) for entry in stored.entries])
                for uid, stored in newest
                if not stored.finished
            ]

    async def begin(self, cluster_uid: str, digest: str) -> MemoryJournal:
        async with self._client.call(Point(call="state.begin")):
            self._folder.lock(cluster_uid, self._client)
            run = self._folder.new_run(cluster_uid, digest)
            return MemoryJournal(self._client, self._folder, cluster_uid, run)

    async def adopt(self, cluster_uid: str, run: str, digest: str) -> MemoryJournal:
        async with self._client.call(Point(call="state.adopt")):
            self._folder.lock(cluster_uid, self._client)
            return MemoryJournal(self._client, self._folder, cluster_uid, self._folder.adopt(cluster_uid, run, digest))

    async def resume(self, cluster_uid: str) -> MemoryJournal | None:
        async with self._client.call(Point(call="state.resume")):
            self._folder.lock(cluster_uid, self._client)
            runs = self._folder.runs.get(cluster_uid, [])
            if not runs or runs[-1].finished:
                self._folder.unlock(cluster_uid)
                return None
            return MemoryJournal(self._client, self._folder, cluster_uid, runs[-1])


class MemoryJournal:
    """Journal of one run."""

    def __init__(self, client: Client, folder: Folder, cluster_uid: str, run: StoredRun) -> None:
        self._client = client
        self._folder = folder
        self._cluster_uid = cluster_uid
        self._run = run
        self._open = True

    @property
    def run(self) -> str:
        return self._run.run

    @property
    def nonce(self) -> str:
        return self._run.nonce

    @property
    def digest(self) -> str:
        return self._run.digest

    @property
    def damaged(self) -> str:
        return ""

    async def append(self, entry: Json) -> None:
        point = Point(call="journal.append", path=f"{entry.get('event', '')} {entry.get('subject', '')}".strip())
        async with self._client.call(point):
            self._need_open()
            self._run.entries.append(json.dumps(entry, allow_nan=False))

    async def entries(self) -> Sequence[Json]:
        async with self._client.call(Point(call="journal.entries")):
            self._need_open()
            return [json.loads(entry) for entry in self._run.entries]

    async def keep(self, name: str, text: str) -> str:
        async with self._client.call(Point(call="journal.keep")):
            self._need_open()
            self._run.kept[name] = text
            return f"{self._run.run}/{name}"

    async def finish(self) -> None:
        async with self._client.call(Point(call="journal.finish")):
            self._need_open()
            self._run.finished = True

    async def close(self) -> None:
        self._client.check()
        if self._open:
            self._open = False
            self._folder.unlock(self._cluster_uid)

    def _need_open(self) -> None:
        if not self._open:
            raise UnplannedError(f"the journal of run {self.run} was used after close")
