"""The action apt-install-kubeadm on a real apt and dpkg."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.node.conftest import Machine, Result

LIST = "/etc/apt/sources.list.d/kubernetes.list"
KEEP = "/var/lib/upgrade-cp/keep-0123"


def install(machine: Machine, version: str = "1.35.4", line: str = "v1.35") -> Result:
    return machine.act("apt-install-kubeadm", version, line)


def test_installs_the_newest_revision_of_the_version_and_keeps_holds(machine: Machine) -> None:
    done = install(machine)
    assert done.code == 0, done.text
    assert machine.version("kubeadm") == "installed 1.35.4-1.2"
    assert machine.version("kubelet") == "installed 1.34.4-1.1"
    assert machine.held() == {"kubeadm", "kubelet"}
    assert done.text.splitlines()[-1] == "kubeadm is v1.35.4"
    assert "v1.35/deb" in machine.file(LIST).read_text()
    assert "v1.34/deb" in machine.file(f"{KEEP}/source").read_text()
    assert not machine.file(f"{KEEP}/holds").exists()


def test_again_only_verifies(machine: Machine) -> None:
    install(machine)
    again = install(machine)
    assert again.code == 0
    assert "fetching" not in again.text
    assert "kubeadm 1.35.4-1.2 is installed already" in again.text


def test_does_not_hold_what_was_not_held(machine: Machine) -> None:
    machine.must("apt-mark unhold kubeadm")
    assert install(machine).code == 0
    assert machine.held() == {"kubelet"}


def test_a_version_that_is_not_there_changes_no_package(machine: Machine) -> None:
    done = install(machine, "1.35.9")
    assert done.code == 1
    assert "no repository of this node offers kubeadm 1.35.9" in done.text
    assert done.text.splitlines()[-1].startswith("What to do: ")
    assert machine.version("kubeadm") == "installed 1.34.4-1.1"
    assert machine.held() == {"kubeadm", "kubelet"}


def test_refuses_when_apt_would_install_something_else(machine: Machine) -> None:
    done = install(machine, "1.36.0", "v1.36")
    assert done.code == 1
    assert "also change other packages: surprise" in done.text
    assert machine.version("kubeadm") == "installed 1.34.4-1.1"


def test_allows_a_missing_dependency_of_kubernetes(machine: Machine) -> None:
    assert install(machine, "1.37.0", "v1.37").code == 0
    assert machine.version("cri-tools") == "installed 1.37.0-1.1"


def test_never_installs_a_lower_version(machine: Machine) -> None:
    install(machine)
    done = install(machine, "1.34.4", "v1.34")
    assert done.code == 1
    assert machine.version("kubeadm") == "installed 1.35.4-1.2"
    assert machine.held() == {"kubeadm", "kubelet"}


def test_a_repository_that_is_not_there_is_an_error(machine: Machine) -> None:
    done = install(machine, "1.38.0", "v1.38")
    assert done.code == 1
    assert "Failed: apt-get update of " in done.text


@pytest.mark.parametrize(
    ("version", "line"), [("1.35.4;id", "v1.35"), ("1.35", "v1.35"), ("1.35.4", "../v1.35"), ("", "")]
)
def test_refuses_other_arguments(bare: Machine, version: str, line: str) -> None:
    done = install(bare, f"'{version}'", f"'{line}'")
    assert done.code == 2
    assert done.text.startswith("Refused: ")


def test_waits_for_a_lock_and_names_its_holder(machine: Machine) -> None:
    lock = "f = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(f, 2); print(flush=True); time.sleep(1)"
    program = machine.command("python3", "-c", f"import fcntl, time; {lock}")
    holder = subprocess.Popen(program, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    done = install(machine)
    holder.wait()
    holder.stdout.close()
    assert done.code == 0
    assert "waiting for another package manager: Could not get lock" in done.text
    assert "(python3)" in done.text


@pytest.mark.parametrize(
    ("flag", "status", "held"), [("/slow", "half-configured", False), ("/slow-unpack", "half-installed", True)]
)
def test_goes_on_after_its_own_interrupted_transaction(machine: Machine, flag: str, status: str, *, held: bool) -> None:
    machine.must(f"touch {flag}")
    first = machine.start(f"env UPGRADE_CP_KEEP={KEEP} /bin/sh /srv/actions/apt-install-kubeadm.sh 1.35.4 v1.35")
    eventually(lambda: machine.run("pgrep -x sleep -s $(cat /session)").code == 0)
    machine.power_off(first)
    machine.must(f"rm {flag}")
    assert machine.version("kubeadm").startswith(status)
    assert ("kubeadm" in machine.held()) == held
    done = install(machine)
    assert done.code == 0, done.text
    assert machine.version("kubeadm") == "installed 1.35.4-1.2"
    assert machine.held() == {"kubeadm", "kubelet"}


def test_stops_at_a_package_that_somebody_else_left_broken(machine: Machine) -> None:
    machine.must("touch /slow")
    other = machine.start("dpkg --install /repo/core:/stable:/v1.34/deb/kubectl_*.deb")
    eventually(lambda: machine.run("pgrep -x sleep -s $(cat /session)").code == 0)
    machine.power_off(other)
    machine.must("rm /slow")
    done = install(machine)
    assert done.code == 1
    assert "dpkg on this node was left in the middle of something before this run" in done.text
    assert machine.version("kubectl").startswith("half-configured")
    assert "v1.34/deb" in machine.file(LIST).read_text()


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
