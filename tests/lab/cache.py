"""Things made once: a folder named by the hash of what it is made from, complete or absent."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.lab.timings import Timings

UNFINISHED = "unfinished-"
KEY_LENGTH = 16


def key(inputs: Mapping[str, str]) -> str:
    """Hash everything that a thing is made from."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:KEY_LENGTH]


class Cache:
    """The folder of made things."""

    def __init__(self, root: Path, timings: Timings) -> None:
        """Keep things under `root`."""
        self._root = root
        self._timings = timings
        self.made: list[str] = []

    def folder(self, name: str, inputs: Mapping[str, str], make: Callable[[Path], None]) -> Path:
        """Return the folder for these inputs, calling `make` on an empty one if there is none yet."""
        kept = self._root / f"{name}-{key(inputs)}"
        if kept.is_dir():
            return kept
        self._root.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self._root))
        with self._timings.part(f"build {name}"):
            make(unfinished)
            unfinished.chmod(0o755)
            unfinished.rename(kept)
        self.made.append(name)
        return kept

    def name(self, kept: Path) -> str:
        """Name a kept file among the inputs of another thing: its folder's hash says what it is."""
        return str(kept.relative_to(self._root))

    def sweep(self) -> None:
        """Remove what a killed build left behind."""
        for left in self._root.glob(UNFINISHED + "*"):
            shutil.rmtree(left)
