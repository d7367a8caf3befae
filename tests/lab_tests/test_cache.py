"""The cache makes a thing once for its inputs, and never shows one that is not whole."""

from pathlib import Path

import pytest

from tests.lab.cache import Cache, key
from tests.lab.timings import Timings


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", Timings(tmp_path / "timings.jsonl"))


def write(folder: Path) -> None:
    (folder / "file").write_text("made")


def test_the_same_inputs_are_made_once(cache: Cache) -> None:
    first = cache.folder("thing", {"flags": "-a"}, write)
    assert cache.folder("thing", {"flags": "-a"}, write) == first
    assert cache.made == ["thing"]
    assert (first / "file").read_text() == "made"


def test_other_inputs_are_another_thing(cache: Cache) -> None:
    assert cache.folder("thing", {"flags": "-a"}, write) != cache.folder("thing", {"flags": "-b"}, write)


def test_the_order_of_inputs_does_not_matter() -> None:
    assert key({"a": "1", "b": "2"}) == key({"b": "2", "a": "1"})


def test_a_failed_build_leaves_nothing_that_looks_made(cache: Cache, tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cache.folder("thing", {}, fail)
    assert [path.name.split("-")[0] for path in (tmp_path / "cache").iterdir()] == ["unfinished"]
    cache.sweep()
    assert list((tmp_path / "cache").iterdir()) == []
