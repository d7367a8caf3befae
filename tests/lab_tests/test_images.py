"""An image is the same bytes whenever it is made, and its digests are right."""

import hashlib
import json
import tarfile
from pathlib import Path

from tests.lab import images


def make(folder: Path) -> Path:
    program = folder / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    target = folder / "image"
    target.mkdir()
    images._write(target, images.Content("/usr/local/bin/program", {"usr/local/bin/program": program}))  # noqa: SLF001 - the one pure part
    return target


def test_the_layer_holds_the_program_for_everybody(tmp_path: Path) -> None:
    with tarfile.open(make(tmp_path) / "layer") as layer:
        assert layer.getnames() == ["etc", "tmp", "usr", "usr/local", "usr/local/bin", "usr/local/bin/program"]
        assert layer.getmember("usr/local/bin/program").mode == 0o755
        assert layer.getmember("tmp").mode == 0o1777


def test_digests_name_what_is_there(tmp_path: Path) -> None:
    folder = make(tmp_path)
    manifest = json.loads((folder / "manifest").read_text())
    config = json.loads((folder / "config").read_text())
    layer = "sha256:" + hashlib.sha256((folder / "layer").read_bytes()).hexdigest()
    assert manifest["layers"][0]["digest"] == config["rootfs"]["diff_ids"][0] == layer
    assert manifest["config"]["digest"] == images.digest_of((folder / "config").read_bytes())


def test_made_twice_it_is_the_same(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    first, second = ((make(folder) / "manifest").read_text() for folder in folders)
    assert first == second
