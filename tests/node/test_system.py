"""What a machine says of itself (system.sh), on a machine with real dpkg, locks and processes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kubectl_upgrade.model.node_health import KeptFolder, System
from tests.node.test_facts import ask, put

if TYPE_CHECKING:
    from tests.node.conftest import Machine

# PID is of a sleep that is started beside it
SYSTEMCTL = """\
#!/bin/sh
for unit; do
    case $unit in *.service) ;; *) continue ;; esac
    printf 'Id=%s\\n' "$unit"
    case $unit in
        kubelet.service) printf 'MainPID=%s\\nActiveState=active\\n' "$(cat /kubelet-pid)" ;;
        docker.service) printf 'ActiveState=failed\\nMainPID=0\\n' ;;
        *) printf 'ActiveState=inactive\\nMainPID=0\\n' ;;
    esac
    echo
done
"""
LOCK = """
import fcntl, sys, time
file = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(file, fcntl.LOCK_EX)
open("/locked", "w").close()
time.sleep(60)
"""


def system(machine: Machine) -> System:
    found = ask(machine, "system")
    assert isinstance(found, System), found
    return found


def until_there(machine: Machine, path: str) -> None:
    machine.must(f"timeout 10 /bin/sh -c 'until [ -e {path} ]; do sleep 0.02; done'")


def test_a_healthy_machine(bare: Machine) -> None:
    before = float(bare.must("date +%s.%N"))
    found = system(bare)
    assert before < found.clock < float(bare.must("date +%s.%N"))
    folders = ["/var/lib/upgrade-cp", "/usr", "/var/lib/containerd", "/etc/kubernetes", "/var/backups"]
    assert [room.folder for room in found.rooms] == folders
    assert all(room.mib > 0 for room in found.rooms)
    assert {room.mount for room in found.rooms} == {"/"}
    assert found == replace(System(clock=found.clock), rooms=found.rooms, swaps=found.swaps)


def test_the_runtime_says_where_images_are(bare: Machine) -> None:
    put(bare, "/var/lib/kubelet/config.yaml", "containerRuntimeEndpoint: unix:///var/run/crio/crio.sock\n")
    assert system(bare).rooms[2].folder == "/var/lib/containers"


def test_a_containerd_that_keeps_them_elsewhere(bare: Machine) -> None:
    config = '# root = "/x"\nversion = 3\n  root = \'/data/containerd\' # big\n[plugins.x]\n  root = "/not/this"\n'
    put(bare, "/etc/containerd/config.toml", config)
    assert system(bare).rooms[2].folder == "/data/containerd"
    put(bare, "/etc/containerd/config.toml", '[plugins.x]\nroot = "/not/this"\n')
    assert system(bare).rooms[2].folder == "/var/lib/containerd"


def test_a_file_system_of_its_own(bare: Machine) -> None:
    bare.must("mkdir -p '/mnt/two words' /var/lib/containerd && mount -t tmpfs -o size=3m tmpfs /var/lib/containerd")
    room = system(bare).rooms[2]
    assert (room.mount, room.mib) == ("/var/lib/containerd", 3)


def test_the_kubelet_and_failed_units(bare: Machine) -> None:
    put(bare, "/usr/bin/systemctl", SYSTEMCTL)
    flags = "--hostname-override w9 --fail-swap-on=false --v=2"
    started = bare.start(f"echo $$ >/kubelet-pid; exec perl -e 'sleep 60' -- {flags}")
    try:
        until_there(bare, "/kubelet-pid")
        found = system(bare)
        assert found.failed_units == ("docker.service",)
        assert found.kubelet_seconds in range(10)
        assert found.kubelet_flags == {"hostname-override": "w9", "fail-swap-on": "false"}
    finally:
        bare.power_off(started)
    assert system(bare).kubelet_seconds is None


def test_who_holds_a_lock(bare: Machine) -> None:
    put(bare, "/lock.py", LOCK)
    started = bare.start("exec python3 /lock.py")
    try:
        until_there(bare, "/locked")
        (lock,) = system(bare).locks
        assert lock.file == "/var/lib/dpkg/lock-frontend"
        assert lock.seconds in range(10)
        assert lock.program.startswith("python3")
    finally:
        bare.power_off(started)
    assert system(bare).locks == ()


def test_packages_that_dpkg_left(machine: Machine) -> None:
    assert system(machine).broken == ()
    state = "s/^Status: .*/Status: install ok half-configured/"
    machine.must(f"sed -i '/^Package: kubectl$/,/^$/ {state}' /var/lib/dpkg/status")
    assert system(machine).broken == ("kubectl half-configured",)
    machine.must("mkdir -p /var/lib/dpkg/updates && touch /var/lib/dpkg/updates/0001")
    assert system(machine).broken == ("kubectl half-configured", "dpkg's-journal unfinished")


def test_no_dpkg(bare: Machine) -> None:
    bare.must("rm /usr/bin/dpkg-query")
    assert not system(bare).dpkg


def test_folders_of_runs(bare: Machine) -> None:
    assert system(bare).kept == ()
    put(bare, f"/var/lib/upgrade-cp/keep-{'a' * 32}/holds", "kubelet\n")
    put(bare, f"/var/lib/upgrade-cp/keep-{'b' * 32}/holds", "")
    assert system(bare).kept == (KeptFolder(run="a" * 32, holds=True), KeptFolder(run="b" * 32, holds=False))
