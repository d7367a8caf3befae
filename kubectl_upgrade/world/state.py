"""The state folder on the operator's machine: per cluster a lock and a folder for each run."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import LockedError, PlanError, StepError
from kubectl_upgrade.world import Journal, Json, KnownRun, State
from kubectl_upgrade.world.journal import Lines, read_entries, sync

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RUN = re.compile(r"[0-9a-f]{32}")
_UNTOUCHED = "nothing was done"
_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def default_root() -> Path:
    """$XDG_STATE_HOME/upgrade-cp, else ~/.local/state/upgrade-cp (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_STATE_HOME", "")
    return (Path(home) if home.startswith("/") else Path.home() / ".local" / "state") / "upgrade-cp"


class FolderState(State):
    """ROOT/CLUSTER-UID/{lock, unfinished, RUN/{run.json, journal.jsonl}}, closed to everybody else.

    `unfinished` names the run that may be resumed: the newest one that has not finished.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    async def begin(self, cluster_uid: str, digest: str) -> FolderJournal:
        return await asyncio.to_thread(self._begin, cluster_uid, digest)

    async def adopt(self, cluster_uid: str, run: str, digest: str) -> FolderJournal:
        return await asyncio.to_thread(self._begin, cluster_uid, digest, run)

    async def resume(self, cluster_uid: str) -> FolderJournal | None:
        return await asyncio.to_thread(self._resume, cluster_uid)

    async def unfinished(self) -> Sequence[KnownRun]:
        return await asyncio.to_thread(self._unfinished)

    def _unfinished(self) -> Sequence[KnownRun]:
        known: list[KnownRun] = []
        with _told(self._root, _UNTOUCHED):
            clusters = sorted(self._root.iterdir()) if self._root.is_dir() else []
            for cluster in clusters:
                folder = _unfinished(cluster)
                if folder is not None:
                    entries = read_entries(folder / "journal.jsonl")
                    known.append(KnownRun(cluster.name, folder.name, _nonce(folder / "run.json"), entries))
        return known

    def _begin(self, cluster_uid: str, digest: str, run: str = "") -> FolderJournal:
        """A new run, or one that was begun elsewhere: the nonce is always new."""
        cluster = self._cluster(cluster_uid)
        with _told(cluster, _UNTOUCHED), _released_on_error(self._lock(cluster)) as lock:
            adopted, run = bool(run), run or secrets.token_hex(16)
            folder = cluster / run
            folder.mkdir(mode=0o700, exist_ok=adopted)
            about = {"run": run, "nonce": secrets.token_hex(16), "digest": digest}
            _write(folder / "run.json", json.dumps(about))
            lines = Lines(folder / "journal.jsonl")
            _write(cluster / "unfinished", run)
            return FolderJournal(folder, lock, lines)

    def _resume(self, cluster_uid: str) -> FolderJournal | None:
        cluster = self._cluster(cluster_uid)
        with _told(cluster, _UNTOUCHED):
            if not (cluster / "unfinished").exists():
                return None
        with _told(cluster, _UNTOUCHED), _released_on_error(self._lock(cluster)) as lock:
            folder = _unfinished(cluster)
            if folder is None:
                os.close(lock)
                return None
            return FolderJournal(folder, lock, Lines(folder / "journal.jsonl"))

    def _cluster(self, cluster_uid: str) -> Path:
        if not _UID.fullmatch(cluster_uid):
            raise PlanError(f"opening the state folder: {cluster_uid!r} is no uid of a cluster", "make the plan again")
        return self._root / cluster_uid

    def _lock(self, cluster: Path) -> int:
        """Flock the cluster's folder, for as long as the descriptor is open."""
        cluster.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(cluster / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 20).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise LockedError(
                f"opening {cluster}: process {holder} on this machine works on this cluster",
                f"wait for it, or look at it: ps -fp {holder}",
            ) from None
        os.truncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        return lock


class FolderJournal(Journal):
    """One run's folder; its flock is held until close()."""

    def __init__(self, folder: Path, lock: int, lines: Lines) -> None:
        self._folder = folder
        self._about = _about(folder / "run.json")
        self._lock = lock
        self._lines = lines

    @property
    def run(self) -> str:
        return str(self._about["run"])

    @property
    def nonce(self) -> str:
        return str(self._about["nonce"])

    @property
    def digest(self) -> str:
        """The digest of the plan that the run began with."""
        return str(self._about["digest"])

    @property
    def folder(self) -> Path:
        """The run's own folder, for outputs and records that are kept."""
        return self._folder

    @property
    def damaged(self) -> str:
        return str(self._lines.set_aside or "")

    async def append(self, entry: Json) -> None:
        with _told(self._folder, "the nodes know what was done on them, and nothing new was begun"):
            await asyncio.to_thread(self._lines.append, entry)

    async def keep(self, name: str, text: str) -> str:
        path = self._folder / name
        with _told(path, "what was to be kept there is lost"):
            await asyncio.to_thread(_write, path, text)
        return str(path)

    async def entries(self) -> Sequence[Json]:
        return self._lines.entries

    async def finish(self) -> None:
        def forget() -> None:
            (self._folder.parent / "unfinished").unlink(missing_ok=True)
            sync(self._folder.parent)

        with _told(self._folder, "the run itself has ended well"):
            await asyncio.to_thread(forget)

    async def close(self) -> None:
        if self._lock >= 0:
            self._lines.close()
            os.close(self._lock)
            self._lock = -1


def _unfinished(cluster: Path) -> Path | None:
    """The folder of the run that may be resumed; None when it finished meanwhile or somebody removed it."""
    with suppress(FileNotFoundError):
        run = (cluster / "unfinished").read_text()
        if not _RUN.fullmatch(run):
            raise StepError(
                f"reading {cluster / 'unfinished'}: {run!r} is no id of a run",
                "`kubectl -n kube-system get lease upgrade-cp -o yaml` names the run: write its id into that file",
            )
        if (cluster / run / "run.json").exists():
            return cluster / run
    return None


def _about(path: Path) -> dict[str, str]:
    try:
        about = json.loads(path.read_text())
        return {name: str(about[name]) for name in ("run", "nonce", "digest")}
    except (ValueError, KeyError, TypeError) as error:
        raise StepError(
            f"reading {path}: it is damaged ({error!r})",
            f"take the run over: apply PLAN --take-over {path.parent.name[:8]}",
        ) from error


def _nonce(path: Path) -> str:
    with suppress(StepError):
        return _about(path)["nonce"]
    return ""


def _write(path: Path, text: str) -> None:
    """Write a small file whole and on disk, readable by its owner only."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(file)
    new.replace(path)
    sync(path.parent)


@contextmanager
def _released_on_error(lock: int) -> Iterator[int]:
    try:
        yield lock
    except BaseException:
        os.close(lock)
        raise


@contextmanager
def _told(folder: Path, consequence: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StepError(
            f"writing to {folder}: {error.strerror}; {consequence}",
            "make room or correct the permissions there (or set XDG_STATE_HOME), then run the command again",
        ) from error
