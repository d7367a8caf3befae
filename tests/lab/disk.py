"""The nodes' disk: XFS in a sparse file, whose folders are copied by reference in a moment."""

import json
from pathlib import Path

from tests.lab.host import run
from tests.lab.place import Place

SIZE = "80G"


def make(place: Place) -> None:
    """Make the disk and mount it."""
    run(["truncate", "-s", SIZE, place.disk_image])
    run(["mkfs.xfs", "-q", "-m", "reflink=1", place.disk_image])
    place.disk.mkdir()
    run(["mount", "-o", "loop", place.disk_image, place.disk])
    place.nodes.mkdir()
    place.snapshots.mkdir()


def copy(source: Path, target: Path) -> None:
    """Copy a folder; on the nodes' disk no data is moved."""
    run(["cp", "-a", "--reflink=auto", source, target])


def mounts(root: Path) -> list[Path]:
    """Every mount below a folder, the innermost last."""
    points = (Path(_unescaped(line.split()[4])) for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return [point for point in points if root in point.parents]


def unmount_all(root: Path) -> None:
    """Unmount everything below a folder, the last mounted first."""
    for point in reversed(mounts(root)):
        run(["umount", point])


def loops(root: Path) -> list[str]:
    """Every loop device whose file is below a folder."""
    listed = run(["losetup", "--list", "--json", "--output", "NAME,BACK-FILE"]).out
    devices = json.loads(listed)["loopdevices"] if listed.strip() else []
    return [str(device["name"]) for device in devices if str(device["back-file"]).startswith(f"{root}/")]


def detach_all(root: Path) -> None:
    """Detach every loop device whose file is below a folder."""
    for device in loops(root):
        run(["losetup", "--detach", device])


def _unescaped(text: str) -> str:
    return text.encode().decode("unicode_escape")
