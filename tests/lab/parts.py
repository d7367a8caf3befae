"""Everything that is built before a cluster can be made."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.lab import images, minors, packages, rootfs
from tests.lab.cache import Cache
from tests.lab.images import Image
from tests.lab.minors import Release
from tests.lab.versions import Version


@dataclass(frozen=True)
class Parts:
    """What was built: the nodes' root file system and, for each version, programs, images and packages."""

    rootfs: Path
    releases: dict[Version, Release]
    images: dict[Version, list[Image]]
    debs: dict[Version, Path]


def everything(cache: Cache, versions: Iterable[Version]) -> Parts:
    """Build what is not yet in the cache."""
    root = rootfs.build(cache)
    releases = {version: minors.build(cache, version) for version in versions}
    return Parts(
        rootfs=root,
        releases=releases,
        images={version: images.build(cache, release, root) for version, release in releases.items()},
        debs={version: packages.build(cache, release) for version, release in releases.items()},
    )
