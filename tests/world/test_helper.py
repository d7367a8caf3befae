"""helper.sh under dash: every verb, every state, every refusal."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Place

RUN = "0123456789abcdef" * 2
OWNER, RIVAL = "0" * 16, "1" * 16
OTHER = "f" * 32
UNIT = "upgrade-cp-01234567-0123456789ab-1"
NEXT = "upgrade-cp-01234567-0123456789ab-2"


@pytest.fixture
def node(place: Place) -> Place:
    place.install()
    assert said(place, "fence", RUN, "1", OWNER) == "raised"
    return place


def said(place: Place, *words: str) -> str:
    """The helper's answer; output that follows it is left out."""
    done = place.call(*words)
    assert done.returncode == 0, done
    mark, answer = done.stdout.split(b"\n", 1)[0].decode().split(": ", 1)
    assert mark == "upgrade-cp"
    return answer


def ended(place: Place, unit: str = UNIT) -> tuple[str, bytes]:
    done = place.call("wait", unit, "20", "0")
    answer, output = done.stdout.split(b"\n", 1)
    return answer.decode().removeprefix("upgrade-cp: "), output


def go(place: Place) -> None:
    (place.base / f"keep-{RUN}" / "go").touch()


def test_an_action_runs_to_its_end_and_is_remembered(node: Place) -> None:
    assert said(node, "wait", UNIT, "0", "0") == "absent"
    assert said(node, "start", RUN, "1", OWNER, UNIT, "print", "v1.35.4", "none") == "started"
    assert ended(node) == ("exited 0", b"v1.35.4 none\nto stderr\n")
    start = (node.base / "units" / UNIT / "start").read_text().splitlines()
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert [start[0], *start[2:]] == [f"boot-id {boot_id}", f"fence {RUN} 1 {OWNER}", "action print v1.35.4 none"]
    assert abs(int(start[1].removeprefix("started ")) - (node.base / "fence").stat().st_mtime) < 60


def test_an_exit_code_is_kept(node: Place) -> None:
    said(node, "start", RUN, "1", OWNER, UNIT, "fail")
    assert ended(node) == ("exited 7", b"no\n")
    assert (node.base / "units" / UNIT / "exit").read_text() == "7       \n"


def test_an_action_sees_only_what_we_give_it(node: Place) -> None:
    said(node, "start", RUN, "1", OWNER, UNIT, "environment")
    state, output = ended(node)
    lines = output.decode().splitlines()
    assert state == "exited 0"
    assert [line.split("=")[0] for line in lines[:-3]] == ["HOME", "LC_ALL", "PATH", "PWD", "UPGRADE_CP_KEEP"]
    assert lines[-3:] == ["0022", "/", "/dev/null"]
    assert (node.base / f"keep-{RUN}" / "file").read_text() == "kept\n"


def test_a_running_action_is_attached_to_and_nothing_else_starts(node: Place) -> None:
    assert said(node, "start", RUN, "1", OWNER, UNIT, "slow") == "started"
    assert said(node, "start", RUN, "1", OWNER, UNIT, "slow") == "attached"
    assert said(node, "start", RUN, "1", OWNER, NEXT, "print") == f"busy {UNIT}"
    assert said(node, "wait", UNIT, "0", "0") == "running"
    go(node)
    state, output = ended(node)
    assert state == "exited 0"
    assert output.startswith(b"begun\n")
    assert output.endswith(b"over\n")
    assert said(node, "start", RUN, "1", OWNER, UNIT, "slow") == "attached"
    assert said(node, "start", RUN, "1", OWNER, NEXT, "print") == "started"


def test_a_wait_ends_with_the_action_and_not_later(node: Place) -> None:
    said(node, "start", RUN, "1", OWNER, UNIT, "slow")
    with subprocess.Popen(["dash", node.helper, "wait", UNIT, "30", "0"], stdout=subprocess.PIPE) as waiting:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1)
        began = time.monotonic()
        go(node)
        out, _ = waiting.communicate(timeout=10)
    assert out.startswith(b"upgrade-cp: exited 0\n")
    assert time.monotonic() - began < 2


def test_a_wait_that_is_over_says_that_it_runs(node: Place) -> None:
    said(node, "start", RUN, "1", OWNER, UNIT, "slow")
    began = time.monotonic()
    assert said(node, "wait", UNIT, "1", "0") == "running"
    assert time.monotonic() - began < 4


def test_a_killed_action_is_interrupted_and_wakes_who_waits(node: Place) -> None:
    said(node, "start", RUN, "1", OWNER, UNIT, "slow")
    with subprocess.Popen(["dash", node.helper, "wait", UNIT, "30", "0"], stdout=subprocess.PIPE) as waiting:
        os.killpg(node.pid(UNIT), signal.SIGKILL)
        out, _ = waiting.communicate(timeout=10)
    assert out.startswith(b"upgrade-cp: interrupted\n")
    assert said(node, "start", RUN, "1", OWNER, UNIT, "slow") == "attached"
    assert said(node, "start", RUN, "1", OWNER, NEXT, "print") == "started"


def test_after_a_reboot_nothing_runs_any_more(node: Place) -> None:
    said(node, "start", RUN, "1", OWNER, UNIT, "slow")
    start = node.base / "units" / UNIT / "start"
    lines = start.read_text().splitlines()
    start.write_text("\n".join(["boot-id 00000000-0000-0000-0000-000000000000", *lines[1:]]) + "\n")
    assert said(node, "wait", UNIT, "20", "0") == "interrupted"


def test_when_systemd_does_not_answer_nobody_guesses(node: Place) -> None:
    said(node, "start", RUN, "1", OWNER, UNIT, "slow")
    (node.stubs / "silent").touch()
    for words in (("wait", UNIT, "0", "0"), ("start", RUN, "1", OWNER, NEXT, "print"), ("release", RUN, "1", OWNER)):
        done = node.call(*words)
        assert (done.returncode, done.stdout) == (69, b"")
        assert b"systemd does not say" in done.stderr


def test_an_action_that_systemd_refuses_leaves_no_trace(node: Place) -> None:
    (node.stubs / "refuse").touch()
    assert said(node, "start", RUN, "1", OWNER, UNIT, "print").startswith(
        "refused Failed to start transient service unit"
    )
    assert said(node, "wait", UNIT, "0", "0") == "absent"
    (node.stubs / "refuse").unlink()
    assert said(node, "start", RUN, "1", OWNER, UNIT, "print") == "started"


def test_output_comes_in_parts_byte_for_byte(node: Place) -> None:
    said(node, "start", RUN, "1", OWNER, UNIT, "binary")
    ended(node)
    whole = b"a\xff\x00\xc3\xa4" + "ä\n".encode() * (131072 // 3) + "ä\n".encode()[: 131072 % 3]
    parts = []
    offset = 0
    while part := node.call("wait", UNIT, "0", str(offset)).stdout.split(b"\n", 1)[1]:
        assert len(part) <= 65536
        parts.append(part)
        offset += len(part)
    assert b"".join(parts) == whole


@pytest.mark.parametrize(
    ("fence", "raised"),
    [
        ((RUN, "1", OWNER), True),
        ((RUN, "2", OWNER), True),
        ((RUN, "2", RIVAL), True),
        ((RUN, "1", RIVAL), False),
        ((RUN, "0", OWNER), False),
        ((OTHER, "9", OWNER), False),
    ],
)
def test_a_fence_goes_up_and_never_down(node: Place, fence: tuple[str, str, str], raised: bool) -> None:  # noqa: FBT001 - a parameter
    assert said(node, "fence", *fence) == ("raised" if raised else f"held {RUN} 1 {OWNER}")
    assert (node.base / "fence").read_text() == (" ".join(fence) if raised else f"{RUN} 1 {OWNER}") + "\n"


@pytest.mark.parametrize("fence", [(RUN, "0", OWNER), (RUN, "2", OWNER), (RUN, "1", RIVAL), (OTHER, "1", OWNER)])
def test_only_the_holder_of_the_fence_may_start(node: Place, fence: tuple[str, str, str]) -> None:
    assert said(node, "start", *fence, UNIT, "print") == f"held {RUN} 1 {OWNER}"
    assert said(node, "wait", UNIT, "0", "0") == "absent"


def test_without_a_fence_nothing_starts(node: Place) -> None:
    (node.base / "fence").unlink()
    assert said(node, "start", RUN, "1", OWNER, UNIT, "print") == "held none"


def test_a_damaged_fence_belongs_to_nobody_who_asks(node: Place) -> None:
    (node.base / "fence").write_text("")
    assert said(node, "start", RUN, "1", OWNER, UNIT, "print") == "held "
    assert said(node, "fence", RUN, "2", OWNER) == "held "
    assert said(node, "release", RUN, "1", OWNER) == "held "


def test_a_release_takes_everything_away(node: Place) -> None:
    said(node, "start", RUN, "1", OWNER, UNIT, "print")
    ended(node)
    assert said(node, "release", RUN, "1", OWNER) == "released"
    assert not node.base.exists()


def test_a_bundle_of_the_administrator_stays(node: Place) -> None:
    node.helper.parent.with_name(f"{node.bundle.name}.ours").unlink()
    assert said(node, "release", RUN, "1", OWNER) == "released"
    assert [entry.name for entry in node.base.iterdir()] == [node.bundle.name]
    assert said(node, "release", RUN, "1", OWNER) == "released"


def test_a_lower_epoch_of_the_same_run_gives_way_to_a_release(node: Place) -> None:
    """A worker that was done before a take-over bears the epoch from before it."""
    said(node, "start", RUN, "1", OWNER, UNIT, "print")
    ended(node)
    assert said(node, "release", RUN, "2", RIVAL) == "released"
    assert not node.base.exists()


@pytest.mark.parametrize("fence", [(RUN, "0", OWNER), (RUN, "1", RIVAL), (OTHER, "2", OWNER)])
def test_a_release_by_another_changes_nothing(node: Place, fence: tuple[str, str, str]) -> None:
    assert said(node, "release", *fence) == f"held {RUN} 1 {OWNER}"
    assert (node.base / "fence").exists()


def test_a_release_leaves_what_runs(node: Place) -> None:
    said(node, "start", RUN, "1", OWNER, UNIT, "slow")
    assert said(node, "release", RUN, "1", OWNER) == f"busy {UNIT}"
    go(node)
    assert ended(node)[0] == "exited 0"


def test_a_file_of_a_backup_is_sent_byte_for_byte(node: Place) -> None:
    content = bytes(range(256)) * 1000 + b"\nupgrade-cp: sends 1\n"
    node.save("etcd.db", content)
    done = node.call("fetch", RUN, "1", OWNER, "v1.35.4", "etcd.db")
    assert (done.returncode, done.stdout) == (0, b"upgrade-cp: sends %d\n" % len(content) + content)


def test_a_backup_of_another_run_or_version_is_not_this_ones(node: Place) -> None:
    node.save("etcd.db", b"x", "ffffffff-v1.35.4")
    node.save("etcd.db", b"x", "01234567-v1.35.3")
    assert said(node, "fetch", RUN, "1", OWNER, "v1.35.4", "etcd.db") == "absent"


@pytest.mark.parametrize("fence", [(RUN, "0", OWNER), (RUN, "2", OWNER), (RUN, "1", RIVAL), (OTHER, "1", OWNER)])
def test_only_the_holder_of_the_fence_may_fetch(node: Place, fence: tuple[str, str, str]) -> None:
    node.save("etcd.db", b"x")
    node.save("etcd.db", b"x", f"{OTHER[:8]}-v1.35.4")
    assert node.call("fetch", *fence, "v1.35.4", "etcd.db").stdout == f"upgrade-cp: held {RUN} 1 {OWNER}\n".encode()


def test_a_release_leaves_backups(node: Place) -> None:
    node.save("etcd.db", b"x")
    assert said(node, "release", RUN, "1", OWNER) == "released"
    assert (node.backups / "01234567-v1.35.4" / "etcd.db").read_bytes() == b"x"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("fetch", RUN, "1", OWNER, "v1.35.4"),
        ("fetch", RUN, "1", OWNER, "v1.35.4", "shadow"),
        ("fetch", RUN, "1", OWNER, "v1.35.4", "../../../../etc/shadow"),
        ("fetch", RUN, "1", OWNER, "v1/../..", "etcd.db"),
        ("fetch", RUN, "1", OWNER, "", "etcd.db"),
        ("fetch", RUN, "1", OWNER, "v" + "1" * 80, "etcd.db"),
        ("fetch", RUN, "1", OWNER, "latest", "etcd.db"),
        ("fetch", RUN[:-1], "1", OWNER, "v1.35.4", "etcd.db"),
        ("fence", RUN, "1"),
        ("fence", RUN[:-1], "1", OWNER),
        ("fence", RUN, "01", OWNER),
        ("fence", RUN, "1234567890", OWNER),
        ("fence", RUN, "-1", OWNER),
        ("fence", RUN, "1", OWNER[1:]),
        ("fence", RUN, "1", "g" * 16),
        ("fence", "../../../../../../etc/cron.d/evil", "1", OWNER),
        ("start", RUN, "1", OWNER, "upgrade-cp-../x", "print"),
        ("start", RUN, "1", OWNER, "sshd", "print"),
        ("start", RUN, "1", OWNER, UNIT, "nothing"),
        ("start", RUN, "1", OWNER, UNIT, "../helper"),
        ("start", RUN, "1", OWNER, UNIT, "-x"),
        ("start", RUN, "1", OWNER, UNIT, "print", "$(touch /tmp/canary)"),
        ("start", RUN, "1", OWNER, UNIT, "print", "-x"),
        ("start", RUN, "1", OWNER, UNIT, "print", "a b"),
        ("start", RUN, "1", OWNER, UNIT, "print", "a\nb"),
        ("start", RUN, "1", OWNER, UNIT, "print", ""),
        ("start", RUN, "1", OWNER, UNIT, "print", "a" * 257),
        ("wait", UNIT, "31", "0"),
        ("wait", UNIT, "1", "-1"),
        ("wait", "upgrade-cp-", "1", "0"),
        ("run", UNIT, "print"),
        ("eval", "true"),
    ],
)
def test_words_that_are_not_ours_are_refused(node: Place, words: tuple[str, ...]) -> None:
    before = sorted(node.base.rglob("*"))
    done = node.call(*words)
    assert (done.returncode, done.stdout) == (64, b"")
    assert sorted(node.base.rglob("*")) == before


def test_a_finished_action_never_runs_again(node: Place) -> None:
    said(node, "start", RUN, "1", OWNER, UNIT, "print")
    ended(node)
    assert node.call("run", UNIT, "print").returncode == 64


def test_of_many_starts_at_once_one_starts(node: Place) -> None:
    units = [f"upgrade-cp-01234567-0123456789ab-{number}" for number in range(1, 7)]
    calls = [
        subprocess.Popen(["dash", node.helper, "start", RUN, "1", OWNER, unit, "slow"], stdout=subprocess.PIPE)
        for unit in units
    ]
    answers = [call.communicate(timeout=20)[0].decode().strip() for call in calls]
    assert answers.count("upgrade-cp: started") == 1
    assert len([answer for answer in answers if answer.startswith("upgrade-cp: busy ")]) == 5
