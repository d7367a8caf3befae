"""Versions are read strictly and written as Kubernetes writes them."""

import pytest

from tests.lab.versions import Version


@pytest.mark.parametrize("text", ["v1.34.4", "1.34.4"])
def test_a_version_is_read_with_and_without_its_v(text: str) -> None:
    assert str(Version.parse(text)) == "v1.34.4"


@pytest.mark.parametrize("text", ["v1.34", "1.34.4-rc.0", "stable", ""])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a version"):
        Version.parse(text)


def test_patches_are_ordered_as_numbers() -> None:
    assert Version.parse("v1.34.10") > Version.parse("v1.34.9")


def test_minors_are_named_as_folders_are() -> None:
    assert Version.parse("v1.34.4").minor_name == "v1.34"
