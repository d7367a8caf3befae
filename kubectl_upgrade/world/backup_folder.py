"""The folder on the operator's own machine that takes backups off the nodes."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import StepError, UsageError
from kubectl_upgrade.world import BACKUP_PARTS, BACKUP_SUMS

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class BackupFolder:
    """Backups by cluster, run, version and node; open to nobody else."""

    root: Path

    @classmethod
    def at(cls, path: Path) -> BackupFolder:
        """The folder, made if need be; UsageError unless files can be written there."""
        root = path.absolute()
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=root) as trial:
                trial.write(b"?")
        except OSError as error:
            raise UsageError(
                f"backups cannot be written to {root}: {error.strerror}", "name a folder that you may write to"
            ) from error
        return cls(root)

    def of(self, cluster: str, run8: str, version: str, node: str) -> NodeBackup:
        """Where one node's backup goes. A cluster may be called anything: what does not fit a path is replaced."""
        plain = re.sub(r"[^A-Za-z0-9._-]|^\.+", "-", cluster)[:100]
        return NodeBackup(self.root / f"{plain}-{run8}-{version}" / node)


@dataclass(frozen=True, slots=True)
class NodeBackup:
    """One node's backup: each file is whole and on disk before it bears its name, the sums come last."""

    folder: Path

    @property
    def complete(self) -> bool:
        return (self.folder / BACKUP_SUMS).exists()

    def make(self) -> None:
        """StepError when it cannot be."""
        try:
            for folder in (self.folder.parent, self.folder):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StepError(f"making {self.folder}: {error.strerror}", "mend that, then run apply again") from error

    def new(self, name: str) -> Path:
        """Where a file is put while it comes."""
        return self.folder / f"{name}.partial"

    def sums(self) -> dict[str, str]:
        """Name -> sha256, of the file of sums that has just come; StepError when it is none."""
        text = self.new(BACKUP_SUMS).read_text(errors="replace")
        found = re.findall(r"^([0-9a-f]{64}) [ *](\S+)$", text, re.MULTILINE)
        sums = {name: value for value, name in found}
        if sums.keys() != set(BACKUP_PARTS):
            raise StepError(
                f"{self.new(BACKUP_SUMS)} does not name {', '.join(BACKUP_PARTS)}",
                "look at the backup on the node; without --backup-to the run goes on",
            )
        return sums

    def keep(self) -> None:
        """All files have come and are right."""
        for name in (*BACKUP_PARTS, BACKUP_SUMS):
            self.new(name).rename(self.folder / name)
        for folder in (self.folder, self.folder.parent):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
