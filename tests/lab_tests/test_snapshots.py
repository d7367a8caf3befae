"""A snapshot brings back the nodes, and the operator's folder, as they were."""

from pathlib import Path

import pytest

from tests.lab import snapshots
from tests.lab.errors import LabError
from tests.lab.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "state")
    (made.nodes / "cp1").mkdir(parents=True)
    made.snapshots.mkdir()
    (made.nodes / "cp1" / "file").write_text("before")
    return made


def test_what_changed_and_what_is_new_goes(place: Place, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "journal").write_text("before")
    snapshots.save(place, "fresh", [own])
    (place.nodes / "cp1" / "file").write_text("after")
    (place.nodes / "cp1" / "new").touch()
    (own / "journal").write_text("after")
    snapshots.bring_back(place, "fresh")
    assert [path.name for path in (place.nodes / "cp1").iterdir()] == ["file"]
    assert (place.nodes / "cp1" / "file").read_text() == (own / "journal").read_text() == "before"


def test_a_name_can_be_used_again(place: Place) -> None:
    snapshots.save(place, "fresh", [])
    (place.nodes / "cp1" / "file").write_text("later")
    snapshots.save(place, "fresh", [])
    snapshots.bring_back(place, "fresh")
    assert (place.nodes / "cp1" / "file").read_text() == "later"
    assert snapshots.names(place) == ["fresh"]


def test_a_missing_snapshot_is_refused_before_anything_stops(place: Place) -> None:
    with pytest.raises(LabError, match="no snapshot lost; there are none"):
        snapshots.check(place, "lost")


@pytest.mark.parametrize("name", ["../nodes", "", ".fresh", "a/b"])
def test_a_name_cannot_be_a_path(place: Place, name: str) -> None:
    with pytest.raises(LabError, match="not a name"):
        snapshots.save(place, name, [])
