"""The action that does what a skipped kubeadm would have done to kubeadm-flags.env."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.node.conftest import KEEP

if TYPE_CHECKING:
    from tests.node.conftest import Machine, Result

FILE = "/var/lib/kubelet/kubeadm-flags.env"
KEPT = f"{KEEP}/kubeadm-flags.env"
NAME = "pod-infra-container-image"
FLAG = f"--{NAME}=registry.k8s.io/pause:3.10.1"
FULL = f'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/containerd/containerd.sock {FLAG}"\n'
CLEAN = 'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/containerd/containerd.sock"\n'


@pytest.fixture
def worker(bare: Machine) -> Machine:
    """A node whose kubeadm has written the flag."""
    bare.must("mkdir -p /var/lib/kubelet")
    _write(bare, FULL)
    return bare


def _write(machine: Machine, text: str) -> None:
    machine.file(FILE).write_text(text)


def _act(machine: Machine) -> Result:
    return machine.act("clean-kubelet-flags", NAME)


def test_takes_it_out_and_keeps_the_file_as_it_was(worker: Machine) -> None:
    done = _act(worker)
    assert done.code == 0, done.text
    assert worker.file(FILE).read_text() == CLEAN
    assert worker.file(KEPT).read_text() == FULL
    assert done.text.splitlines()[-1] == f"{FILE} has no --{NAME} any more; as it was: {KEPT}"


def test_a_second_time_there_is_nothing_to_do(worker: Machine) -> None:
    _act(worker)
    done = _act(worker)
    assert done.code == 0
    assert done.text == f"{FILE} has no --{NAME}\n"
    assert worker.file(KEPT).read_text() == FULL


def test_an_attempt_that_died_in_between_is_made_good(worker: Machine) -> None:
    """It had kept the file, and left half of a new one beside it."""
    worker.must(f"mkdir -p {KEEP} && cp {FILE} {KEPT} && echo KUBELET >{FILE}.upgrade-cp")
    _write(worker, FULL.replace("3.10.1", "3.9"))
    assert _act(worker).code == 0
    assert worker.file(FILE).read_text() == CLEAN
    assert worker.file(KEPT).read_text() == FULL
    assert worker.must("ls /var/lib/kubelet/*.upgrade-cp || true").endswith("No such file or directory\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f'A="{FLAG}"', 'A=""'),
        (f'A="{FLAG} --b=c"', 'A="--b=c"'),
        (f'A="--b=c {FLAG} --d=e"', 'A="--b=c  --d=e"'),
        (f'A="--b=c {FLAG}"', 'A="--b=c"'),
        (f"A='{FLAG} --b=c'", "A='--b=c'"),
        (f"A={FLAG}", "A="),
        (f'A="--b=c --{NAME} registry.k8s.io/pause:3.10.1 --d=e"', 'A="--b=c  --d=e"'),
        (f'A="--b=c --{NAME} --d=e"', 'A="--b=c  --d=e"'),
        (f'A="{FLAG} --b=c {FLAG}"', 'A="--b=c"'),
        (f'# {FLAG}\nA="{FLAG} --b=c"', f'# {FLAG}\nA="--b=c"'),
    ],
)
def test_nothing_else_changes(worker: Machine, before: str, after: str) -> None:
    _write(worker, f"{before}\n")
    done = _act(worker)
    assert done.code == 0, done.text
    assert worker.file(FILE).read_text() == f"{after}\n"


@pytest.mark.parametrize("text", [CLEAN, f'A="--x-{NAME}=y"\n', f'A="--{NAME}-too=y"\n', f"# {FULL}", ""])
def test_what_is_clean_stays_as_it_is(worker: Machine, text: str) -> None:
    _write(worker, text)
    done = _act(worker)
    assert done.code == 0
    assert worker.file(FILE).read_text() == text
    assert not worker.file(KEPT).exists()


def test_a_node_without_the_file_has_nothing_to_clean(worker: Machine) -> None:
    worker.file(FILE).unlink()
    assert _act(worker).code == 0
    assert not worker.file(FILE).exists()


def test_mode_and_owner_stay(worker: Machine) -> None:
    worker.must(f"chown 7:8 {FILE} && chmod 640 {FILE}")
    assert _act(worker).code == 0
    assert worker.must(f"stat -c '%u %g %a' {FILE}").strip() == "7 8 640"


def test_a_form_that_kubeadm_never_writes_is_told_and_left_to_a_person(worker: Machine) -> None:
    _write(worker, f"{FLAG}\n")
    done = _act(worker)
    assert done.code == 1
    assert f"Failed: --{NAME} is still in {FILE}" in done.text
    assert done.text.splitlines()[-1].startswith("What to do: ")


@pytest.mark.parametrize("flags", [(), ("node-ip",), (NAME, "x y")])
def test_no_other_flag_is_taken_out(worker: Machine, flags: tuple[str, ...]) -> None:
    assert worker.act("clean-kubelet-flags", *(f"'{flag}'" for flag in flags)).code != 0
    assert worker.file(FILE).read_text() == FULL
