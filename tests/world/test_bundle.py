"""The bundle's name proves its content, and what is piped to a node is one compound command."""

from __future__ import annotations

import subprocess
from base64 import b64decode
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.world.bundle import Bundle, probe

if TYPE_CHECKING:
    from pathlib import Path


def test_the_hash_is_what_a_node_computes(tmp_path: Path) -> None:
    bundle = Bundle.ours()
    for path, content in bundle.files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    command = "find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == bundle.sha256
    assert bundle.name == f"bundle-{bundle.sha256[:16]}"


def test_any_byte_makes_another_bundle() -> None:
    files = {"helper.sh": b"a", "actions/b.sh": b"c"}
    others = [
        {"helper.sh": b"a", "actions/b.sh": b"d"},
        {"helper.sh": b"a", "actions/c.sh": b"c"},
        {"helper.sh": b"ac", "actions/b.sh": b""},
        {"helper.sh": b"a"},
    ]
    assert len({Bundle(made).sha256 for made in (files, *others)}) == 5
    assert Bundle(dict(reversed(files.items()))).sha256 == Bundle(files).sha256


def test_ours_holds_the_helper_and_every_action() -> None:
    files = Bundle.ours().files
    assert {"helper.sh", "actions/kubeadm-apply.sh", "actions/kubeadm-node.sh", "actions/restart-kubelet.sh"} <= set(
        files
    )
    assert not [path for path in files if path.startswith("facts/")]


def test_a_probe_that_is_cut_asks_nothing() -> None:
    program = probe(["host"])
    whole = subprocess.run(["dash"], input=program, capture_output=True, check=True)
    assert whole.stdout.startswith(b"upgrade-cp: host ")
    cut = subprocess.run(["dash"], input=program[:-2], capture_output=True, check=False)
    assert cut.stdout == b""


def test_a_fact_gets_the_words_after_its_name() -> None:
    program = probe(["etcd-images registry.invalid/etcd latest", "host"])
    done = subprocess.run(["dash"], input=program, capture_output=True, check=True)
    answers = dict(line.split()[1:] for line in done.stdout.decode().splitlines())
    assert set(answers) == {"etcd-images", "host"}
    assert b64decode(answers["etcd-images"]) == b"this is no tag of etcd's: latest\n\n1"


@pytest.mark.parametrize("argument", ["", "a;reboot", "$(reboot)", "a\nreboot", "'a", "-a", "a*"])
def test_a_fact_takes_plain_words_only(argument: str) -> None:
    with pytest.raises(ValueError, match="may not be an argument of the fact etcd-images"):
        probe([f"etcd-images registry.invalid/etcd {argument}"])
