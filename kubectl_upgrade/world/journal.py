"""A file of checked lines: each is on disk when append returns, and damage never reads as something else."""

from __future__ import annotations

import json
import os
from threading import Lock
from typing import TYPE_CHECKING
from zlib import crc32

from kubectl_upgrade.model.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kubectl_upgrade.world import Json


class Lines:
    """`CRC32 SEQUENCE JSON` a line: eight hexadecimal digits over the rest, 1, 2, 3…, one object."""

    def __init__(self, path: Path) -> None:
        """Open the file, or create it; a torn last line is cut off, StepError when anything before it is damaged."""
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        sync(path.parent)
        self._lock = Lock()
        try:
            self._entries, self._size = _read(path)
            os.ftruncate(self._file, self._size)
        except BaseException:
            os.close(self._file)
            raise

    @property
    def entries(self) -> Sequence[Json]:
        return tuple(self._entries)

    def append(self, entry: Json) -> None:
        """Write one entry; OSError when it is not on disk, and then the file is as it was before."""
        with self._lock:
            line = _line(len(self._entries) + 1, entry)
            try:
                written = 0
                while written < len(line):  # a nearly full disk takes a part, and says so with the next
                    written += os.pwrite(self._file, line[written:], self._size + written)
                os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, self._size)
                raise
            self._size += len(line)
            self._entries.append(json.loads(json.dumps(entry)))

    def close(self) -> None:
        """After the entry that a thread may still be writing."""
        with self._lock:
            os.close(self._file)


def sync(folder: Path) -> None:
    """Bring a folder's names to disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _line(sequence: int, entry: Json) -> bytes:
    rest = f"{sequence} {json.dumps(entry, separators=(',', ':'))}"
    return f"{crc32(rest.encode()):08x} {rest}\n".encode()


def _read(path: Path) -> tuple[list[Json], int]:
    """All entries, and how many bytes of the file are good."""
    entries: list[Json] = []
    size = 0
    *lines, _ = path.read_bytes().split(b"\n")  # what follows the last newline is torn: append never returned for it
    for line in lines:
        checksum, _, rest = line.partition(b" ")
        sequence, _, text = rest.partition(b" ")
        if checksum != b"%08x" % crc32(rest) or sequence != b"%d" % (len(entries) + 1):
            raise StepError(
                f"reading {path}: line {len(entries) + 1} is damaged",
                "the nodes and the API know what was done: move this file away, then run the command again",
            )
        entries.append(json.loads(text))
        size += len(line) + 1
    return entries, size
