"""A file of checked lines: each is on disk when append returns, and damage never reads as something else."""

from __future__ import annotations

import json
import os
from threading import Lock
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kubectl_upgrade.world import Json


class Lines:
    """`CRC32 SEQUENCE JSON` a line: eight hexadecimal digits over the rest, 1, 2, 3…, one object."""

    def __init__(self, path: Path) -> None:
        """Open the file, or create it. What was damaged, and all after it, is set aside in a file beside it: a shorter
        history is a true one. A torn last line is cut off, for nobody was told that it is there.
        """
        self.set_aside: Path | None = None
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        sync(path.parent)
        self._lock = Lock()
        try:
            content = path.read_bytes()
            self._entries, self._size = _read(content)
            if b"\n" in content[self._size :]:
                self.set_aside = _set_aside(path, content[self._size :])
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


def read_entries(path: Path) -> Sequence[Json]:
    """What is good of a journal that another process may be writing; nothing when there is none."""
    return _read(path.read_bytes())[0] if path.exists() else []


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


def _read(content: bytes) -> tuple[list[Json], int]:
    """All entries before the first damaged line, and how many bytes they take."""
    entries: list[Json] = []
    size = 0
    *lines, _ = content.split(b"\n")  # what follows the last newline is torn: append never returned for it
    for line in lines:
        checksum, _, rest = line.partition(b" ")
        sequence, _, text = rest.partition(b" ")
        if checksum != b"%08x" % crc32(rest) or sequence != b"%d" % (len(entries) + 1):
            break
        entries.append(json.loads(text))
        size += len(line) + 1
    return entries, size


def _set_aside(path: Path, rest: bytes) -> Path:
    """Keep the damaged rest, on disk before the journal itself is cut."""
    taken = len(list(path.parent.glob(f"{path.name}.damaged-*")))
    aside = path.with_name(f"{path.name}.damaged-{taken + 1}")
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(rest)
        stream.flush()
        os.fsync(file)
    sync(path.parent)
    return aside
