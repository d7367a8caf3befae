"""The state folder: what is on disk survives, what is damaged is never read as something else."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import resource
import signal
import stat
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.model.errors import LockedError, PlanError, StepError
from kubectl_upgrade.world.journal import Lines, read_entries
from kubectl_upgrade.world.state import FolderState, default_root

if TYPE_CHECKING:
    from collections.abc import Coroutine

UID = "3f2b7c1e-0000-4000-8000-0123456789ab"
ENTRIES: list[dict[str, Any]] = [
    {"intent": "v1.35.4/all/cp1", "n": 1},
    {"done": "ä\n\r\u2028"},
    {"x": [None, True, 1.5]},
]


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


def written(path: Path) -> bytes:
    lines = Lines(path)
    for entry in ENTRIES:
        lines.append(entry)
    lines.close()
    return path.read_bytes()


def read(path: Path) -> list[Any]:
    lines = Lines(path)
    lines.close()
    return list(lines.entries)


def test_a_run_is_begun_resumed_and_finished(tmp_path: Path) -> None:
    async def story() -> None:
        state = FolderState(tmp_path / "state")
        assert await state.resume(UID) is None
        journal = await state.begin(UID, "sha256:abc")
        for entry in ENTRIES:
            await journal.append(entry)
        await journal.close()
        again = await state.resume(UID)
        assert again is not None
        assert (again.run, again.nonce, again.digest) == (journal.run, journal.nonce, "sha256:abc")
        assert list(await again.entries()) == ENTRIES
        await again.append({"last": True})
        assert len(await again.entries()) == 4
        await again.finish()
        await again.close()
        assert await state.resume(UID) is None
        assert read(again.folder / "journal.jsonl") == [*ENTRIES, {"last": True}]

    run(story())


def test_ids_are_fresh_and_the_newest_unfinished_run_is_resumed(tmp_path: Path) -> None:
    async def story() -> None:
        state = FolderState(tmp_path)
        journals = []
        for _ in range(3):
            journals.append(await state.begin(UID, "d"))
            await journals[-1].close()
        assert len({journal.run for journal in journals} | {journal.nonce for journal in journals}) == 6
        assert all(len(journal.run) == 32 for journal in journals)
        again = await state.resume(UID)
        assert again is not None
        assert again.run == journals[-1].run

    run(story())


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    os.umask(0)
    try:
        journal = run(FolderState(tmp_path / "state").begin(UID, "d"))
        run(journal.append({}))
    finally:
        os.umask(0o022)
    for path in (tmp_path / "state").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_second_process_is_told_the_first_ones_id(tmp_path: Path) -> None:
    state = FolderState(tmp_path)
    journal = run(state.begin(UID, "d"))
    program = f"""
import asyncio
from pathlib import Path
from kubectl_upgrade.model.errors import LockedError
from kubectl_upgrade.world.state import FolderState
for verb in (lambda s: s.begin("{UID}", "d"), lambda s: s.resume("{UID}")):
    try:
        asyncio.run(verb(FolderState(Path("{tmp_path}"))))
    except LockedError as error:
        print(error.message)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.count(f"process {os.getpid()} on this machine") == 2, done
    run(journal.close())
    assert run(state.resume(UID)) is not None


def test_a_process_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    program = f"""
import asyncio, os, signal
from pathlib import Path
from kubectl_upgrade.world.state import FolderState
journal = asyncio.run(FolderState(Path("{tmp_path}")).begin("{UID}", "d"))
asyncio.run(journal.append({{"intent": "x"}}))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGKILL
    journal = run(FolderState(tmp_path).resume(UID))
    assert list(run(journal.entries())) == [{"intent": "x"}]


@pytest.mark.parametrize("uid", ["", "..", "../../etc", UID.upper(), UID + "x", UID.replace("-", "")])
def test_a_uid_is_a_uid(tmp_path: Path, uid: str) -> None:
    with pytest.raises(PlanError, match="is no uid"):
        run(FolderState(tmp_path).begin(uid, "d"))
    assert list(tmp_path.iterdir()) == []


def test_a_pointer_that_is_damaged_is_no_pointer_to_nothing(tmp_path: Path) -> None:
    run(run(FolderState(tmp_path).begin(UID, "d")).close())
    (tmp_path / UID / "unfinished").write_text("../x")
    with pytest.raises(StepError, match="no id of a run"):
        run(FolderState(tmp_path).resume(UID))


def test_the_root_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value, root in (("/x", "/x"), ("", f"{tmp_path}/.local/state"), ("relative", f"{tmp_path}/.local/state")):
        monkeypatch.setenv("XDG_STATE_HOME", value)
        assert default_root() == Path(root) / "upgrade-cp"


def test_a_journal_cut_at_any_byte_is_a_shorter_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = written(path)
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        complete = whole[:length].count(b"\n")
        assert read(path) == ENTRIES[:complete]
        lines = Lines(path)
        lines.append({"after": length})
        lines.close()
        assert read(path) == [*ENTRIES[:complete], {"after": length}]


def test_no_flipped_bit_is_read_as_something_else(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = written(path)
    last = len(whole) - 1
    for position in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[position // 8] ^= 1 << position % 8
        path.write_bytes(damaged)
        found = read(path)
        assert found == ENTRIES[: len(found)]
        assert len(found) < len(ENTRIES)
        aside = sorted(tmp_path.glob("*.damaged-*"))
        if position // 8 == last:  # without its newline the last line is torn
            assert aside == []
        else:
            assert path.read_bytes() + aside[0].read_bytes() == damaged
            aside[0].unlink()


def test_a_sound_file_sets_nothing_aside_and_gives_back_every_word(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    lines = Lines(path)
    lines.append({"message": "kubeadm-apply on cp1 exited 1"})
    lines.close()
    again = Lines(path)
    again.close()
    assert again.set_aside is None
    assert list(again.entries) == [{"message": "kubeadm-apply on cp1 exited 1"}]
    assert list(read_entries(path)) == list(again.entries)
    assert list(read_entries(tmp_path / "none")) == []


def test_what_is_set_aside_is_as_private_as_the_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    written(path)
    path.write_bytes(b"x" + path.read_bytes())
    lines = Lines(path)
    lines.close()
    assert lines.set_aside is not None
    assert stat.S_IMODE(lines.set_aside.stat().st_mode) == 0o600


def test_what_was_damaged_is_told_and_kept(tmp_path: Path) -> None:
    async def story() -> None:
        state = FolderState(tmp_path)
        journal = await state.begin(UID, "d")
        for entry in ENTRIES:
            await journal.append(entry)
        await journal.close()
        assert journal.damaged == ""
        path = journal.folder / "journal.jsonl"
        whole = path.read_bytes()
        for number in (1, 2):
            path.write_bytes(whole.replace(b"\\u00e4", b"\\u00e5"))
            again = await state.resume(UID)
            assert again is not None
            assert list(await again.entries()) == ENTRIES[:1]
            assert again.damaged == f"{path}.damaged-{number}"
            await again.append({"goes": "on"})
            await again.close()

    run(story())


def test_a_run_of_elsewhere_is_adopted_with_a_fresh_nonce(tmp_path: Path) -> None:
    async def story() -> None:
        elsewhere, here = FolderState(tmp_path / "a"), FolderState(tmp_path / "b")
        begun = await elsewhere.begin(UID, "d")
        adopted = await here.adopt(UID, begun.run, "d")
        assert (adopted.run, adopted.digest) == (begun.run, "d")
        assert adopted.nonce != begun.nonce
        await adopted.append({"n": 1})
        assert await adopted.keep("cp1.txt", "what was seen") == str(adopted.folder / "cp1.txt")
        await adopted.close()
        (known,) = await here.unfinished()
        assert (known.cluster_uid, known.run, list(known.entries)) == (UID, begun.run, [{"n": 1}])
        assert known.nonce == adopted.nonce
        about = adopted.folder / "run.json"
        whole = about.read_text()
        about.write_text(whole[:-9])
        assert [(one.run, one.nonce) for one in await here.unfinished()] == [(begun.run, "")]
        about.write_text(whole)
        again = await here.adopt(UID, begun.run, "d")
        assert list(await again.entries()) == [{"n": 1}]
        assert again.nonce != adopted.nonce
        await again.finish()
        assert await here.unfinished() == []

    run(story())
    assert [path.read_text() for path in tmp_path.rglob("cp1.txt")] == ["what was seen"]


def test_a_damaged_run_file_says_how_to_go_on(tmp_path: Path) -> None:
    state = FolderState(tmp_path)
    journal = run(state.begin(UID, "d"))
    run(journal.close())
    (journal.folder / "run.json").write_text('{"run": ')
    with pytest.raises(StepError, match="is damaged") as caught:
        run(state.resume(UID))
    assert f"--take-over {journal.run[:8]}" in caught.value.fix
    run(run_adopt(state, journal.run))


async def run_adopt(state: FolderState, wanted: str) -> None:
    journal = await state.adopt(UID, wanted, "d")
    await journal.close()


def test_no_shuffled_or_doubled_lines(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    lines = written(path).splitlines(keepends=True)
    for picked in product(lines, repeat=3):
        path.write_bytes(b"".join(picked))
        found = read(path)
        good = next((n for n, line in enumerate(picked) if line != lines[n]), len(lines))
        assert found == ENTRIES[:good]


def test_a_full_disk_stops_before_anything_is_done(tmp_path: Path) -> None:
    journal = run(FolderState(tmp_path).begin(UID, "d"))
    run(journal.append({"first": 1}))
    before = (journal.folder / "journal.jsonl").read_bytes()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:  # a part of the line fits
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, old[1]))
        with pytest.raises(StepError, match="nothing new was begun") as caught:
            run(journal.append({"second": "x" * 100}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, ignored)
    assert os.strerror(errno.EFBIG) in caught.value.message
    assert (journal.folder / "journal.jsonl").read_bytes() == before
    run(journal.append({"second": 2}))
    assert list(run(journal.entries())) == [{"first": 1}, {"second": 2}]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StepError, match="Not a directory; nothing was done"):
        run(FolderState(tmp_path / "file").begin(UID, "d"))


def test_a_failed_beginning_lets_go_of_the_lock(tmp_path: Path) -> None:
    run(run(FolderState(tmp_path).begin(UID, "d")).close())
    (tmp_path / UID / "unfinished.new").mkdir()
    with pytest.raises(StepError, match="nothing was done"):
        run(FolderState(tmp_path).begin(UID, "d"))
    with (tmp_path / UID / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_locked_is_told_from_every_other_failure(tmp_path: Path) -> None:
    journal = run(FolderState(tmp_path).begin(UID, "d"))
    with pytest.raises(LockedError, match=f"process {os.getpid()}"):
        run(FolderState(tmp_path).resume(UID))
    run(journal.close())
    run(journal.close())
