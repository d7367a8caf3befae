"""A file that comes out of a program on a node: written and hashed as it comes."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, BinaryIO

from kubectl_upgrade.model.errors import StepError

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 20
# of lines that a login prints before the answer
_LONGEST_HEAD = 65536


class Download:
    """What follows the line with `mark` goes to `target`; used once."""

    def __init__(self, target: Path, mark: bytes) -> None:
        self.head = b""
        """all that came up to the marked line, that line included"""
        self.size = 0
        self._target = target
        self._mark = mark
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def take(self, stream: BinaryIO) -> None:
        """Read it to its end; StepError when the file cannot be written."""
        for line in iter(lambda: stream.readline(_LONGEST_HEAD), b""):
            self.head += line
            if line.startswith(self._mark) or len(self.head) > _LONGEST_HEAD:
                break
        try:
            with os.fdopen(os.open(self._target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                while chunk := stream.read(_CHUNK):
                    file.write(chunk)
                    self._hash.update(chunk)
                    self.size += len(chunk)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StepError(
                f"writing {self._target}: {error.strerror}", "make room there, then run apply again"
            ) from error
