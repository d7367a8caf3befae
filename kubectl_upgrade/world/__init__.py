"""The seam to everything outside: nodes, the API, time, the state folder.

Every method is a coroutine, so that one event loop drives the real world and the simulation alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

Json: TypeAlias = "dict[str, Any]"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Machine:
    """A node as ssh sees it."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Fence:
    """Who may change a node: a run, its epoch, and of two that took it over at once, which."""

    run: str
    """32 hexadecimal digits"""
    epoch: int
    """begins at 1; each take-over raises it"""
    owner: str
    """16 hexadecimal digits of the hash of the holder's nonce"""


@dataclass(frozen=True, slots=True)
class FactOutput:
    """What a fact's script printed on a node."""

    exit_code: int
    text: str


@dataclass(frozen=True, slots=True)
class UnitStatus:
    """A detached action, as its node knows it."""

    state: Literal["absent", "running", "exited", "interrupted"]
    exit_code: int | None
    output: str
    """what it printed from the offset that was asked for"""
    offset: int
    """where the next answer's output begins, in bytes"""


# the parts of a backup, and the file with their sums
BACKUP_SUMS = "SHA256SUMS"
BACKUP_PARTS = ("etcd.db", "kubernetes.tar", "etcdutl")


class Nodes(Protocol):
    """Programs on nodes. There is no free command: facts and actions are files of ours, arguments are allow-listed.

    All raise NodeUnreachableError when ssh or sudo does not get through.
    """

    async def probe(self, machine: Machine, facts: Sequence[str]) -> Mapping[str, FactOutput]:
        """Run facts (names of node/facts/*.sh) in one round trip; changes nothing, leaves nothing.

        Words after a name are its script's arguments; answers are by the name alone.
        """

    async def install(self, machine: Machine) -> None:
        """Bring the bundle (helper and actions) to the node, or prove that it is there unaltered."""

    async def raise_fence(self, machine: Machine, fence: Fence) -> None:
        """Let only this fence act; LockedError when another run, a higher epoch, or the same epoch's other owner holds
        the node. A lower epoch of the same run gives way.
        """

    async def start(self, machine: Machine, fence: Fence, unit: str, action: str, args: Sequence[str]) -> None:
        """Start an action (name of node/actions/*.sh) detached; attaches when the unit exists.

        LockedError unless the node's fence equals this one.
        """

    async def wait(self, machine: Machine, unit: str, seconds: int, offset: int = 0) -> UnitStatus:
        """Wait on the node until the unit has ended, at most so many seconds (0 to 30), and say how it is."""

    async def fetch(self, machine: Machine, fence: Fence, version: str, name: str, target: Path) -> str:
        """Bring one file of this run's backup (BACKUP_SUMS, BACKUP_PARTS) to a local file, which nobody else may read,
        and say its sha256 in hexadecimal digits. It may be as large as etcd: it is never held in memory as a whole.

        LockedError unless the node's fence equals this one; StepError when the node has no such backup, or the local
        disk does not take it.
        """

    async def release(self, machine: Machine, fence: Fence) -> None:
        """Remove fence, records of units and bundle; a lower epoch of the same run gives way, and nothing happens when
        another run holds the node.

        LockedError when a higher epoch, or the same epoch's other owner, holds it. An action that still runs is never
        removed: StepError.
        """

    async def close(self) -> None:
        """End connections; whatever runs on nodes goes on."""


class Cluster(Protocol):
    """The API server, in raw objects by path (`/api/v1/nodes/cp1`).

    All raise ApiError: NotFoundError for 404, ConflictError for 409, status 0 when no answer came.
    """

    async def get(self, path: str) -> Json:
        """One object, or a raw endpoint such as /version."""

    async def list(self, path: str, *, labels: str = "", fields: str = "") -> list[Json]:
        """All items of a collection, page by page, filtered by label and field selectors."""

    async def reduced(
        self, path: str, keep: Callable[[Json], T | None], *, labels: str = "", fields: str = ""
    ) -> tuple[T, ...]:
        """What `keep` makes of each item, without those of which it makes None. Items come one by one and are never all
        in memory: 50,000 pods are too many. `keep` is pure: it may run in a thread.
        """

    async def rehearse_create(self, path: str, body: Json) -> Json:
        """A create as a dry run: validated and admitted, webhooks and all, and then not stored."""

    async def rehearse_patch(self, path: str, body: Json) -> Json:
        """A patch as a dry run."""

    async def create(self, path: str, body: Json) -> Json:
        """POST an object to a collection, or to a subresource such as …/pods/p/eviction."""

    async def patch(self, path: str, body: Json) -> Json:
        """JSON merge patch; metadata.uid and metadata.resourceVersion in the body are preconditions."""

    async def delete(self, path: str, *, uid: str, version: str = "") -> None:
        """Delete the object with this uid, and this resourceVersion if given; ConflictError when it has another."""

    async def close(self) -> None:
        """End connections."""


class Clock(Protocol):
    """Time; the only place that knows it."""

    def monotonic(self) -> float:
        """Seconds since some start; never goes back."""

    def now(self) -> datetime:
        """Wall clock, UTC, for people and records only: no step depends on how clocks of two machines compare.

        The check clock-skew measures how they do.
        """

    async def sleep(self, seconds: float) -> None:
        """Let so much time pass."""


class Journal(Protocol):
    """The history of one run in the state folder: intent before an act, record after it, each on disk on return."""

    @property
    def run(self) -> str:
        """Run id, 32 hexadecimal digits."""

    @property
    def nonce(self) -> str:
        """Whoever holds it may resume the run."""

    @property
    def digest(self) -> str:
        """Of the plan that the run began with, as it was told when the run was begun or adopted here."""

    @property
    def damaged(self) -> str:
        """Where the rest of a damaged history was set aside when it was opened; empty when it was whole."""

    async def append(self, entry: Json) -> None:
        """Write one entry durably; StepError when it cannot be, and then nothing of it is there."""

    async def entries(self) -> Sequence[Json]:
        """All entries so far, up to the first damaged line: the rest was set aside when the journal was opened."""

    async def keep(self, name: str, text: str) -> str:
        """Keep a file beside the history (what a failed step left behind); says where it is."""

    async def finish(self) -> None:
        """The run has ended cleanly: keep the history, resume no more."""

    async def close(self) -> None:
        """Let go of the folder (and its flock)."""


@dataclass(frozen=True, slots=True)
class KnownRun:
    """An unfinished run that the state folder knows, as it was read without any lock."""

    cluster_uid: str
    run: str
    nonce: str
    """empty when it cannot be read any more"""
    entries: Sequence[Json]


class State(Protocol):
    """The local state folder: one folder per cluster uid, in it one per run."""

    async def unfinished(self) -> Sequence[KnownRun]:
        """Of every cluster the run that is not finished, read only; a client may be at work on it meanwhile."""

    async def begin(self, cluster_uid: str, digest: str) -> Journal:
        """A new run with a fresh id and nonce; LockedError while another process here works on this cluster."""

    async def adopt(self, cluster_uid: str, run: str, digest: str) -> Journal:
        """A run that was begun elsewhere, or here before: with a fresh nonce, and the history if it is here.

        LockedError as begin.
        """

    async def resume(self, cluster_uid: str) -> Journal | None:
        """The unfinished run of this cluster, None when there is none; LockedError as begin."""


@dataclass(frozen=True, slots=True)
class World:
    """All of it."""

    nodes: Nodes
    cluster: Cluster
    clock: Clock
    state: State
    probe: Cluster | None = None
    """for the availability probe: sends no request twice and waits for none; None: `cluster` is like that"""
