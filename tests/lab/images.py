"""The images that kubeadm asks for, each one layer of the built programs."""

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from tests.lab.cache import Cache
from tests.lab.errors import LabError
from tests.lab.host import run
from tests.lab.minors import Release

BIN = "usr/local/bin"
PATH = "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SOURCE_REGISTRY = "registry.k8s.io/"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
RECIPE = "1"
PROXY_PROGRAMS = ("usr/sbin/xtables-nft-multi", "usr/sbin/conntrack", "bin/kmod")
PROXY_NAMES = tuple(f"{tool}{verb}" for tool in ("iptables", "ip6tables") for verb in ("", "-save", "-restore"))


class Image(NamedTuple):
    """An image ready to be pushed: name and tag as kubeadm says, and the folder of its blobs."""

    name: str
    tag: str
    folder: Path


class Content(NamedTuple):
    """What an image is made of: an entry point and files, by their path inside."""

    entry: str
    files: dict[str, Path]


def build(cache: Cache, release: Release, rootfs: Path) -> list[Image]:
    """Make every image of a release."""
    contents: dict[str, Callable[[], Content]] = {
        "kube-apiserver": lambda: _program(release.kubernetes, "kube-apiserver"),
        "kube-controller-manager": lambda: _program(release.kubernetes, "kube-controller-manager"),
        "kube-scheduler": lambda: _program(release.kubernetes, "kube-scheduler"),
        "kube-proxy": lambda: _proxy(release.kubernetes, rootfs),
        "etcd": lambda: _program(release.etcd, "etcd", "etcdctl", "etcdutl"),
        "coredns/coredns": lambda: _program(release.coredns, "coredns"),
        "pause": lambda: _pause(cache, release),
    }
    images = []
    for reference in release.images:
        name, _, tag = reference.removeprefix(SOURCE_REGISTRY).rpartition(":")
        if name not in contents:
            raise LabError(f"kubeadm asks for {reference}, which the lab cannot make")
        images.append(_image(cache, name, tag, contents[name]()))
    return images


def _image(cache: Cache, name: str, tag: str, content: Content) -> Image:
    inputs = {
        "entry": content.entry,
        "files": " ".join(f"{inside}={cache.name(file)}" for inside, file in sorted(content.files.items())),
        "recipe": RECIPE,
    }
    folder = cache.folder(f"image-{name.replace('/', '-')}-{tag}", inputs, lambda to: _write(to, content))
    return Image(name, tag, folder)


def _program(folder: Path, *names: str) -> Content:
    return Content(f"/{BIN}/{names[0]}", {f"{BIN}/{name}": folder / name for name in names})


def _proxy(kubernetes: Path, rootfs: Path) -> Content:
    """Add what kube-proxy calls: iptables, conntrack and their libraries, as the nodes have them."""
    files = dict(_program(kubernetes, "kube-proxy").files)
    for program in PROXY_PROGRAMS:
        files[program] = rootfs / program
    for name in PROXY_NAMES:
        files[f"usr/sbin/{name}"] = rootfs / PROXY_PROGRAMS[0]
    extensions = [str(file.relative_to(rootfs)) for file in (rootfs / "usr/lib/x86_64-linux-gnu/xtables").iterdir()]
    for library in (*extensions, *_libraries(rootfs, (*PROXY_PROGRAMS, *extensions))):
        files[library] = rootfs / library
    return Content(f"/{BIN}/kube-proxy", files)


def _libraries(rootfs: Path, programs: Iterable[str]) -> list[str]:
    listed = run(["chroot", rootfs, "ldd", *(f"/{program}" for program in programs)]).out
    return sorted({word.lstrip("/") for word in listed.split() if word.startswith("/") and not word.endswith(":")})


def _pause(cache: Cache, release: Release) -> Content:
    source = release.pause_source.read_text()
    argv = ["gcc", "-static", "-O2", "-DVERSION=lab", "-x", "c", "-"]
    folder = cache.folder(
        "pause",
        {"source": source, "flags": " ".join(argv)},
        lambda to: _compile(argv, to / "pause", source),
    )
    return _program(folder, "pause")


def _compile(argv: list[str], program: Path, source: str) -> None:
    run([*argv, "-o", program], stdin=source)


def _write(folder: Path, content: Content) -> None:
    layer = folder / "layer"
    with tarfile.open(layer, "w") as tar:
        _add_folders(tar, content.files)
        for inside, file in sorted(content.files.items()):
            _add_file(tar, inside, file.resolve())
    with layer.open("rb") as data:
        digest = "sha256:" + hashlib.file_digest(data, "sha256").hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [content.entry], "Env": [PATH]},
        "rootfs": {"type": "layers", "diff_ids": [digest]},
    }
    config_text = json.dumps(config, sort_keys=True).encode()
    (folder / "config").write_bytes(config_text)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(config_text), "size": len(config_text)},
        "layers": [{"mediaType": LAYER_TYPE, "digest": digest, "size": layer.stat().st_size}],
    }
    (folder / "manifest").write_text(json.dumps(manifest, sort_keys=True))


def digest_of(data: bytes) -> str:
    """Name data by its content, as a registry does."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _add_folders(tar: tarfile.TarFile, files: Iterable[str]) -> None:
    folders = {str(parent) for inside in files for parent in Path(inside).parents} | {"tmp", "etc"}
    for folder in sorted(folders - {"."}):
        entry = tarfile.TarInfo(folder)
        entry.type = tarfile.DIRTYPE
        entry.mode = 0o1777 if folder == "tmp" else 0o755
        tar.addfile(entry)


def _add_file(tar: tarfile.TarFile, inside: str, file: Path) -> None:
    entry = tarfile.TarInfo(inside)
    entry.mode = 0o755
    entry.size = file.stat().st_size
    with file.open("rb") as data:
        tar.addfile(entry, data)
