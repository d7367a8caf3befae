"""Which versions a node's repositories offer, asked of real apt; nothing on the node is different afterwards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade import node
from kubectl_upgrade.facts import FACTS
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.offers import Offers
from kubectl_upgrade.world import FactOutput

if TYPE_CHECKING:
    from tests.node.conftest import Machine

SOURCE = "/etc/apt/sources.list.d/kubernetes"
DEB822 = """\
# somebody else's, and not to be asked for a version of Kubernetes
Types: deb
Trusted: yes
URIs: file:/other
Suites: ./

Types: deb
Trusted: yes
URIs: file:/repo/core:/stable:/v1.34/deb
Suites: ./
"""


TENS = "n=$(($(cat /slept 2>/dev/null || echo 0) + 10)); echo $n >/slept; echo $n\n"


def ask(machine: Machine) -> Offers:
    found = asked(machine)
    assert isinstance(found, Offers)
    return found


def asked(machine: Machine) -> object:
    machine.file("/fact").write_text(node.fact("offers"))
    done = machine.run("exec sh /fact")
    return FACTS["offers"](FactOutput(done.code, done.text))


def versions(found: Offers) -> list[str]:
    return [str(version) for version in found.versions]


def written(machine: Machine) -> dict[str, float]:
    """What differs on this machine from the one below it, and since when; folders do not count."""
    found = {path: path.lstat() for path in machine.upper.rglob("*")}
    return {str(path): stat.st_mtime for path, stat in found.items() if not path.is_dir() and path.name != "fact"}


def test_its_own_minor_from_its_lists_and_the_three_that_follow_from_the_repository(machine: Machine) -> None:
    hooks = [f'APT::Update::{when} {{ "touch /hook-ran"; }};' for when in ("Pre-Invoke", "Post-Invoke-Success")]
    # as on most machines, but not in images for containers
    caches = [f'Dir::Cache::{name} "{name}.bin";' for name in ("pkgcache", "srcpkgcache")]
    machine.file("/etc/apt/apt.conf.d/zz-usual").write_text("\n".join(hooks + caches))
    before = written(machine)
    found = ask(machine)
    assert versions(found) == ["v1.34.4", "v1.35.4", "v1.36.0", "v1.37.0"]
    assert found.refused == {}
    assert written(machine) == before


def test_its_lists_need_no_repository(machine: Machine) -> None:
    """As on a node whose mirror is away: what apt knew is told, and why the rest is not."""
    machine.must("umount /repo")
    found = ask(machine)
    assert versions(found) == ["v1.34.4"]
    assert list(found.refused) == ["v1.35"]
    assert "File not found - /repo" in found.refused["v1.35"]


def test_a_server_that_does_not_answer(machine: Machine) -> None:
    machine.must(f"sed -i s#file:/repo#http://127.0.0.1:1# {SOURCE}.list")
    found = ask(machine)
    assert found.versions == ()
    assert "no package list of it" in found.refused["v1.34"]
    assert "Connection refused" in found.refused["v1.35"]


def test_a_slow_repository_leaves_time_to_clean_up(machine: Machine) -> None:
    """Time runs in tens of seconds here."""
    clock = f'#!/bin/sh\nfor last; do :; done\n[ "$last" = /proc/uptime ] || exec /usr/bin/cut "$@"\n{TENS}'
    machine.file("/usr/local/bin/cut").write_text(clock)
    machine.must("chmod +x /usr/local/bin/cut")
    found = ask(machine)
    assert versions(found) == ["v1.34.4", "v1.35.4"]
    assert found.refused == {"v1.36": "the repository answers too slowly"}
    assert "upgrade-cp" not in machine.must("ls -A /run")


def test_a_node_whose_repository_is_ahead_is_asked_for_both(machine: Machine) -> None:
    machine.must(f"sed -i s/v1.34/v1.35/ {SOURCE}.list && apt-get -qq update")
    assert versions(ask(machine))[:2] == ["v1.34.4", "v1.35.4"]


def test_of_a_file_with_other_sources_only_that_of_kubernetes_is_asked(machine: Machine) -> None:
    machine.must(f"rm {SOURCE}.list && cp -r /repo/core:/stable:/v1.39/deb /other")
    machine.file(f"{SOURCE}.sources").write_text(DEB822)
    found = ask(machine)
    assert found.refused == {}
    assert versions(found)[-1] == "v1.37.0"


def test_one_repository_for_all_minors_is_what_the_lists_say(machine: Machine) -> None:
    machine.must(
        f"mkdir /all && cp /repo/core:/stable:/v1.3[45]/deb/kubeadm*.deb /all && rm {SOURCE}.list &&"
        "cd /all && dpkg-scanpackages --multiversion . >Packages 2>/dev/null &&"
        f"echo 'deb [trusted=yes] file:/all ./' >{SOURCE}.list && apt-get -qq update"
    )
    assert versions(ask(machine)) == ["v1.34.4", "v1.35.4"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("dpkg --purge --force-all kubeadm kubelet", "neither kubeadm nor kubelet is a package"),
        (f"sed s/v1.34/v1.36/ {SOURCE}.list >{SOURCE}-2.list", "several apt sources serve Kubernetes"),
    ],
)
def test_what_cannot_be_asked_is_unknown(machine: Machine, script: str, reason: str) -> None:
    machine.must(script)
    found = asked(machine)
    assert isinstance(found, Unknown)
    assert re.match(reason, found.reason)
