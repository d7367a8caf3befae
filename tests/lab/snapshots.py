"""Keep and bring back every node's disk, and with it any folder of the operator's own."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.lab import disk
from tests.lab.errors import LabError
from tests.lab.place import Place

NODES = "nodes"
WITH = "with.json"


def save(place: Place, name: str, extra: Sequence[Path]) -> None:
    """Copy the unmounted nodes under a name; an older snapshot of that name is replaced once the new one is whole."""
    unfinished, kept = place.snapshots / f".{name}", _kept(place, name)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    disk.copy(place.nodes, unfinished / NODES)
    paths = [path.resolve() for path in extra]
    for number, path in enumerate(paths):
        disk.copy(path, unfinished / str(number))
    (unfinished / WITH).write_text(json.dumps([str(path) for path in paths]))
    if kept.exists():
        shutil.rmtree(kept)
    unfinished.rename(kept)


def bring_back(place: Place, name: str) -> None:
    """Put a snapshot's nodes, and the folders saved with them, where they were."""
    kept = check(place, name)
    _replace(kept / NODES, place.nodes)
    for number, path in enumerate(json.loads((kept / WITH).read_text())):
        _replace(kept / str(number), Path(path))


def check(place: Place, name: str) -> Path:
    """Refuse a snapshot that is not there."""
    kept = _kept(place, name)
    if not kept.is_dir():
        raise LabError(f"no snapshot {name}; there are {', '.join(names(place)) or 'none'}")
    return kept


def names(place: Place) -> list[str]:
    """Name every snapshot."""
    return sorted(path.name for path in place.snapshots.iterdir() if not path.name.startswith("."))


def _kept(place: Place, name: str) -> Path:
    if not name.replace("-", "").isalnum():
        raise LabError(f"not a name for a snapshot: {name}; letters, digits and dashes")
    return place.snapshots / name


def _replace(source: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    disk.copy(source, target)
