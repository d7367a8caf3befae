"""Mounts are found by path, also when the path has a blank in it."""

from pathlib import Path

from tests.lab import disk


def test_a_mount_point_is_below_its_parents_only() -> None:
    assert Path("/proc") in disk.mounts(Path("/"))
    assert disk.mounts(Path("/proc/self/fd")) == []


def test_an_escaped_blank_is_read() -> None:
    assert disk._unescaped(r"/var/a\040b") == "/var/a b"  # noqa: SLF001 - such a mount would need root
