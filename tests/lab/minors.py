"""The programs of a Kubernetes minor, built from its folder: minors/v1.N/{kubernetes,etcd,coredns}/go.mod."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.lab.cache import Cache
from tests.lab.errors import LabError
from tests.lab.host import run
from tests.lab.versions import Version

MINORS = Path(__file__).parent / "minors"
FLAGS = ("-mod=readonly", "-trimpath")
STRIPPED = "-s -w"
STAMPED_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
# A build says who made it and when; the same source gives the same bytes, whenever it is built.
BUILT_AT = "2026-01-01T00:00:00Z"
COMMIT = "0" * 40
LIMIT = 3600


@dataclass(frozen=True)
class Release:
    """The programs of one version, and the images that its kubeadm asks for."""

    version: Version
    kubernetes: Path
    etcd: Path
    coredns: Path
    pause_source: Path
    images: tuple[str, ...]


def source_version(minor: str, part: str, module: str) -> str:
    """Say which version of a module the minor's folder asks for."""
    file = MINORS / minor / part / "go.mod"
    if not file.is_file():
        raise LabError(f"no folder for {minor}: {file} is missing; a new minor is a new folder")
    return source_version_in(file, module)


def source_version_in(file: Path, module: str) -> str:
    """Say which version of a module a go.mod asks for."""
    found = re.search(rf"^\s*{re.escape(module)} (v\S+)", file.read_text(), re.MULTILINE)
    if not found:
        raise LabError(f"{file} does not require {module}")
    return found.group(1)


def newest(minor: str) -> Version:
    """Say which patch of a minor the folder's source is."""
    return Version.parse(source_version(minor, "kubernetes", "k8s.io/kubernetes"))


def known() -> tuple[str, ...]:
    """Name every minor that has a folder, the lowest first."""
    return tuple(sorted((folder.name for folder in MINORS.iterdir()), key=lambda name: int(name.split(".")[1])))


def stamps(version: Version) -> str:
    """Say to the linker which version the programs report."""
    values = {
        "gitVersion": str(version),
        "gitMajor": str(version.major),
        "gitMinor": str(version.minor),
        "gitTreeState": "clean",
        "gitCommit": COMMIT,
        "buildDate": BUILT_AT,
    }
    words = [f"-X {package}.{name}={value}" for package in STAMPED_PACKAGES for name, value in values.items()]
    return " ".join([STRIPPED, *words])


def build(cache: Cache, version: Version) -> Release:
    """Build every program of a version; another patch of the same source is only linked anew."""
    minor = version.minor_name
    kubernetes = tools(cache, f"kubernetes-{version}", MINORS / minor / "kubernetes", stamps(version))
    etcd_source = source_version(minor, "etcd", "go.etcd.io/etcd/server/v3")
    etcd = tools(cache, f"etcd-{etcd_source}", MINORS / minor / "etcd", STRIPPED)
    coredns_source = source_version(minor, "coredns", "github.com/coredns/coredns")
    coredns = tools(cache, f"coredns-{coredns_source}", MINORS / minor / "coredns", STRIPPED)
    wanted = run([kubernetes / "kubeadm", "config", "images", "list", "--kubernetes-version", str(version)])
    images = tuple(wanted.out.split())
    _agree(images, {"/etcd:": etcd_source.removeprefix("v"), "/coredns:": coredns_source})
    return Release(version, kubernetes, etcd, coredns, _pause_source(MINORS / minor / "kubernetes"), images)


def tools(cache: Cache, name: str, module: Path, linker: str) -> Path:
    """Build what a go.mod names as its tools."""
    inputs = {
        "go.mod": (module / "go.mod").read_text(),
        "go.sum": (module / "go.sum").read_text(),
        "flags": " ".join((*FLAGS, linker)),
        "go": run(["go", "env", "GOVERSION"]).out,
    }

    def make(folder: Path) -> None:
        argv = ["go", "build", *FLAGS, "-ldflags", linker, "-o", f"{folder}/", "tool"]
        run(argv, cwd=module, env={"CGO_ENABLED": "0"}, limit=LIMIT)
        server = folder / "server"
        if server.exists():  # Go names a program after its folder, and etcd's is called server
            server.rename(folder / "etcd")

    return cache.folder(name, inputs, make)


def _agree(images: tuple[str, ...], sources: dict[str, str]) -> None:
    for part, source in sources.items():
        if not any(f"{part}{source}" in image for image in images):
            raise LabError(f"the minor's folder has {part}{source}, but kubeadm asks for {' '.join(images)}")


def _pause_source(module: Path) -> Path:
    where = run(["go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes"], cwd=module).out.strip()
    return Path(where) / "build/pause/linux/pause.c"
