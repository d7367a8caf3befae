"""The .debs of a release, and the signed repository that offers them, laid out as pkgs.k8s.io is."""

import os
import shutil
import tempfile
from pathlib import Path

from tests.lab import keys
from tests.lab.cache import Cache
from tests.lab.host import run
from tests.lab.minors import Release
from tests.lab.place import Place
from tests.lab.spec import GATEWAY
from tests.lab.versions import Version

PORT = 8080
NAMES = ("kubeadm", "kubectl", "kubelet")
REVISION = "1.1"
FILES = Path(__file__).parent / "files" / "deb"
UNITS = Path("usr/lib/systemd/system")
CONTROL = """\
Package: {name}
Version: {version}
Architecture: amd64
Maintainer: lab <lab@example.invalid>
Section: admin
Priority: optional
Description: {name} {version}, built for the lab
"""


def build(cache: Cache, release: Release) -> Path:
    """Make the packages of a release."""
    inputs = {
        "programs": cache.name(release.kubernetes),
        "control": CONTROL,
        "revision": REVISION,
        "unit": (FILES / "kubelet.service").read_text(),
        "drop-in": (FILES / "10-kubeadm.conf").read_text(),
    }

    def make(folder: Path) -> None:
        for name in NAMES:
            _deb(folder, release, name)

    return cache.folder(f"debs-{release.version}", inputs, make)


def repository(version: Version) -> str:
    """Say where a node finds the packages of a minor."""
    return f"http://{GATEWAY}:{PORT}/core:/stable:/{version.minor_name}/deb/"


def publish(place: Place, version: Version, debs: Path) -> None:
    """Offer a version's packages in its minor's repository."""
    folder = place.www / "core:" / "stable:" / version.minor_name / "deb"
    (folder / "amd64").mkdir(parents=True, exist_ok=True)
    for deb in debs.iterdir():
        offered = folder / "amd64" / deb.name
        if not offered.exists():
            os.link(deb, offered)
    (folder / "Packages").write_text(run(["apt-ftparchive", "packages", "."], cwd=folder).out)
    options = ["-o", "APT::FTPArchive::Release::Suite=deb", "-o", "APT::FTPArchive::Release::Architectures=amd64"]
    (folder / "Release").unlink(missing_ok=True)
    (folder / "Release").write_text(run(["apt-ftparchive", *options, "release", "."], cwd=folder).out)
    keys.sign(place, folder / "Release")
    shutil.copy(keys.armored(place), folder / "Release.key")


def published(place: Place) -> list[str]:
    """Name every package that is offered."""
    return sorted(deb.stem for deb in place.www.rglob("*.deb"))


def _deb(folder: Path, release: Release, name: str) -> None:
    version = f"{release.version.number}-{REVISION}"
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        tree = Path(scratch)
        tree.chmod(0o755)
        for inside in ("DEBIAN", "usr/bin"):
            (tree / inside).mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(CONTROL.format(name=name, version=version))
        os.link(release.kubernetes / name, tree / "usr/bin" / name)
        if name == "kubelet":
            (tree / UNITS / "kubelet.service.d").mkdir(parents=True)
            shutil.copy(FILES / "kubelet.service", tree / UNITS)
            shutil.copy(FILES / "10-kubeadm.conf", tree / UNITS / "kubelet.service.d")
        # not compressed: six nodes unpack each package, and the network is a bridge in memory
        run(["dpkg-deb", "-Znone", "--root-owner-group", "--build", tree, folder / f"{name}_{version}_amd64.deb"])
