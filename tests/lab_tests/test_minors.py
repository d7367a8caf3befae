"""Each minor's folder is whole, and a stamp changes nothing but the version that is reported."""

import pytest

from tests.lab import minors
from tests.lab.errors import LabError
from tests.lab.versions import Version


@pytest.mark.parametrize("minor", minors.known())
def test_a_minor_has_every_part(minor: str) -> None:
    assert minors.newest(minor).minor_name == minor
    assert minors.source_version(minor, "etcd", "go.etcd.io/etcd/server/v3")
    assert minors.source_version(minor, "coredns", "github.com/coredns/coredns")
    assert all((minors.MINORS / minor / part / "go.sum").is_file() for part in ("kubernetes", "etcd", "coredns"))


def test_minors_follow_each_other_without_a_gap() -> None:
    numbers = [int(name.split(".")[1]) for name in minors.known()]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_an_unknown_minor_says_what_is_missing() -> None:
    with pytest.raises(LabError, match="a new minor is a new folder"):
        minors.newest("v1.7")


def test_both_version_packages_are_stamped() -> None:
    words = minors.stamps(Version(1, 35, 5))
    assert words.count("gitVersion=v1.35.5") == len(minors.STAMPED_PACKAGES)
    assert words.count("gitMinor=35") == len(minors.STAMPED_PACKAGES)
