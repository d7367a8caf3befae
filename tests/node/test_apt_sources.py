"""Which apt source serves Kubernetes, and its switch to another minor, as apt reads source files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade import node

if TYPE_CHECKING:
    from tests.node.conftest import Machine

KEEP = "/var/lib/upgrade-cp/keep-0123"
SWITCH = (
    f"export UPGRADE_CP_KEEP={KEEP}; "
    'for part in action apt apt-repository repository-switch; do . "/srv/lib/$part.sh"; done; '
    'switch_repository "$LINE"; printf "source is %s\\n" "$source"'
)
OFFICIAL = (
    "deb [signed-by=/etc/apt/keyrings/v1.34/kubernetes.gpg arch=amd64] https://pkgs.k8s.io/core:/stable:/v1.34/deb/ /\n"
)
SOURCES = OFFICIAL.replace("deb [", "deb-src [")
DEB822 = """\
# https://pkgs.k8s.io/core:/stable:/v1.34/deb/ is upstream's
Types: deb deb-src
URIs: https://user:secret@mirror.example.com/k8s/v1.34/deb
Suites: /
Signed-By: /etc/apt/keyrings/kubernetes.gpg

Types: deb
Enabled: no
URIs: https://elsewhere.example.com/k8s/v1.34/deb
Suites: /
"""
CRI_O = "deb https://download.opensuse.org/repositories/isv:/cri-o:/stable:/v1.34/deb/ /\n"
OTHERS = {"debian.list": "deb https://deb.debian.org/debian bookworm main\n", "cri-o.list": CRI_O}


def write(machine: Machine, sources: dict[str, str]) -> None:
    machine.must("rm -f /etc/apt/sources.list.d/*; : >/etc/apt/sources.list")
    for name, text in (OTHERS | sources).items():
        machine.file(f"/etc/apt/sources.list.d/{name}").write_text(text)


def read(machine: Machine, name: str) -> str:
    return machine.file(f"/etc/apt/sources.list.d/{name}").read_text()


def switch(machine: Machine, line: str = "v1.35") -> tuple[int, str]:
    done = machine.run(f"LINE={line}; {SWITCH}")
    return done.code, done.text


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("kubernetes.list", OFFICIAL, OFFICIAL.replace(":/v1.34/deb", ":/v1.35/deb")),
        (
            "kubernetes.list",
            f"# {OFFICIAL}{OFFICIAL}{SOURCES}",
            f"# {OFFICIAL}{OFFICIAL.replace(':/v1.34', ':/v1.35')}{SOURCES.replace('v1.34/deb', 'v1.35/deb')}",
        ),
        (
            "k8s.sources",
            DEB822,
            DEB822.replace("@mirror.example.com/k8s/v1.34/", "@mirror.example.com/k8s/v1.35/"),
        ),
        (
            "mirror.list",
            "deb http://mirror.example.com/kubernetes/v1.34 stable main\n",
            "deb http://mirror.example.com/kubernetes/v1.35 stable main\n",
        ),
    ],
    ids=["one-line", "with comment and deb-src", "deb822", "minor at the end"],
)
def test_changes_only_the_minor_of_what_apt_uses(bare: Machine, name: str, before: str, after: str) -> None:
    write(bare, {name: before})
    bare.must(f"chmod 640 /etc/apt/sources.list.d/{name}; chown daemon /etc/apt/sources.list.d/{name}")
    code, text = switch(bare)
    assert code == 0, text
    assert f"source is /etc/apt/sources.list.d/{name}" in text
    assert read(bare, name) == after
    assert bare.must(f"stat -c '%a %U' /etc/apt/sources.list.d/{name}") == "640 daemon\n"
    assert bare.file(f"{KEEP}/source").read_text() == before
    assert read(bare, "cri-o.list") == CRI_O


def test_a_second_switch_keeps_the_first_original(bare: Machine) -> None:
    write(bare, {"kubernetes.list": OFFICIAL})
    assert switch(bare, "v1.35")[0] == 0
    assert switch(bare, "v1.36")[0] == 0
    assert ":/v1.36/deb" in read(bare, "kubernetes.list")
    assert bare.file(f"{KEEP}/source").read_text() == OFFICIAL


def test_a_source_that_serves_the_minor_is_left_alone(bare: Machine) -> None:
    write(bare, {"kubernetes.list": OFFICIAL})
    code, text = switch(bare, "v1.34")
    assert code == 0
    assert "serves v1.34 already" in text
    assert not bare.file(f"{KEEP}/source").exists()


def test_a_symbolic_link_stays_one(bare: Machine) -> None:
    write(bare, {})
    bare.file("/etc/apt/real").write_text(OFFICIAL)
    bare.must("ln -s ../real /etc/apt/sources.list.d/kubernetes.list")
    assert switch(bare)[0] == 0
    assert bare.must("readlink /etc/apt/sources.list.d/kubernetes.list") == "../real\n"
    assert ":/v1.35/deb" in bare.file("/etc/apt/real").read_text()


def test_without_a_source_per_minor_nothing_is_switched(bare: Machine) -> None:
    write(bare, {"all.list": "deb https://mirror.example.com/kubernetes all main\n"})
    assert switch(bare) == (0, "no apt source of this node is split by minor: nothing to switch\nsource is \n")


def test_sources_that_apt_cannot_read_are_an_error(bare: Machine) -> None:
    write(bare, {"kubernetes.list": f"{OFFICIAL}deb-src https://pkgs.k8s.io/core:/stable:/v1.34/deb/ /\n"})
    code, text = switch(bare)
    assert code == 1
    assert "E: Conflicting values set for option Signed-By" in text
    assert "Failed: apt cannot read its sources" in text


def test_two_sources_are_refused_by_action_and_fact(machine: Machine) -> None:
    write(machine, {"a.list": OFFICIAL, "b.list": OFFICIAL.replace("v1.34/deb", "v1.33/deb")})
    code, text = switch(machine)
    assert code == 1
    assert "several apt sources serve Kubernetes" in text
    assert read(machine, "a.list") == OFFICIAL
    machine.file("/fact").write_text(node.fact("packages"))
    done = machine.run("sh /fact")
    assert done.code == 1
    assert "/etc/apt/sources.list.d/a.list v1.34" in done.text
    assert "/etc/apt/sources.list.d/b.list v1.33" in done.text
