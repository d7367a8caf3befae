"""SshNodes over a real sshd on loopback."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.model.errors import AccessError, LockedError, NodeUnreachableError, PlanError, StepError
from kubectl_upgrade.world import Fence, Machine, UnitStatus
from kubectl_upgrade.world.bundle import Bundle
from kubectl_upgrade.world.nodes import SshNodes
from kubectl_upgrade.world.ssh import Ssh, SshOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .conftest import Place, Sshd

FENCE = Fence("0123456789abcdef" * 2, 1, "0123456789abcdef")
UNIT = "upgrade-cp-01234567-0123456789ab-1"
NEXT = "upgrade-cp-01234567-0123456789ab-2"


@asynccontextmanager
async def connected(sshd: Sshd, place: Place | None = None) -> AsyncIterator[SshNodes]:
    ssh = Ssh(SshOptions(config=sshd.config, connect_timeout_seconds=3, folder=sshd.sockets))
    nodes = SshNodes(ssh, Bundle.ours()) if place is None else SshNodes(ssh, place.bundle, str(place.base))
    try:
        yield nodes
    finally:
        await nodes.close()


def ssh_clients(sshd: Sshd) -> list[int]:
    # a master names itself `ssh: PATH OF ITS SOCKET [mux]`; a client has the path of its configuration
    found = subprocess.run(["pgrep", "-f", f"{sshd.config}|{sshd.sockets}/"], capture_output=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def go(place: Place) -> None:
    (place.base / f"keep-{FENCE.run}" / "go").touch()


def test_a_probe_brings_every_fact_and_leaves_nothing(sshd: Sshd) -> None:
    async def run() -> None:
        async with connected(sshd) as nodes:
            facts = await nodes.probe(sshd.machine, ["host", "run"])
            assert facts["host"].exit_code == 0
            assert "\nboot-id " in facts["host"].text
            assert facts["run"].exit_code == 0

    asyncio.run(run())


def test_an_action_from_installation_to_release(sshd: Sshd, place: Place) -> None:
    async def run() -> None:
        async with connected(sshd, place) as nodes:
            await nodes.install(sshd.machine)
            await nodes.install(sshd.machine)
            await nodes.raise_fence(sshd.machine, FENCE)
            assert (await nodes.wait(sshd.machine, UNIT, 0)).state == "absent"
            await nodes.start(sshd.machine, FENCE, UNIT, "print", ["v1.35.4", "none"])
            await nodes.start(sshd.machine, FENCE, UNIT, "print", ["v1.35.4", "none"])
            assert await nodes.wait(sshd.machine, UNIT, 30) == UnitStatus("exited", 0, "v1.35.4 none\nto stderr\n", 23)
            assert await nodes.wait(sshd.machine, UNIT, 30, 13) == UnitStatus("exited", 0, "to stderr\n", 23)
            await nodes.release(sshd.machine, FENCE)
            assert not place.base.exists()
            await nodes.release(sshd.machine, FENCE)
            assert not place.base.exists()

    asyncio.run(run())


def test_a_long_output_is_brought_whole(sshd: Sshd, place: Place) -> None:
    async def run() -> None:
        async with connected(sshd, place) as nodes:
            await nodes.install(sshd.machine)
            await nodes.raise_fence(sshd.machine, FENCE)
            await nodes.start(sshd.machine, FENCE, UNIT, "binary", [])
            whole = b"a\xff\x00\xc3\xa4" + "ä\n".encode() * (131072 // 3) + "ä\n".encode()[: 131072 % 3]
            assert await nodes.wait(sshd.machine, UNIT, 30) == UnitStatus(
                "exited", 0, whole.decode(errors="replace"), len(whole)
            )

    asyncio.run(run())


def test_while_it_runs_only_whole_lines_are_brought(sshd: Sshd, place: Place) -> None:
    async def run() -> None:
        async with connected(sshd, place) as nodes:
            await nodes.install(sshd.machine)
            await nodes.raise_fence(sshd.machine, FENCE)
            await nodes.start(sshd.machine, FENCE, UNIT, "halting", [])
            assert await nodes.wait(sshd.machine, UNIT, 1) == UnitStatus("running", None, "ä\n", 3)
            go(place)
            assert await nodes.wait(sshd.machine, UNIT, 30, 3) == UnitStatus("exited", 0, "öü\n", 8)

    asyncio.run(run())


def test_killing_our_ssh_ends_no_action(sshd: Sshd, place: Place) -> None:
    async def run() -> None:
        async with connected(sshd, place) as nodes:
            await nodes.install(sshd.machine)
            await nodes.raise_fence(sshd.machine, FENCE)
            await nodes.start(sshd.machine, FENCE, UNIT, "slow", [])
            waiting = asyncio.create_task(nodes.wait(sshd.machine, UNIT, 30))
            await asyncio.sleep(0.5)
            for pid in ssh_clients(sshd):  # the one that waits and the master with the connection
                os.kill(pid, signal.SIGKILL)
            with pytest.raises(NodeUnreachableError):
                await waiting
            assert (await nodes.wait(sshd.machine, UNIT, 0)).state == "running"
            with pytest.raises(StepError, match="still runs"):
                await nodes.start(sshd.machine, FENCE, NEXT, "print", [])
            with pytest.raises(StepError, match="still runs"):
                await nodes.release(sshd.machine, FENCE)
            go(place)
            status = await nodes.wait(sshd.machine, UNIT, 30)
            assert (status.state, status.exit_code, status.output[-5:]) == ("exited", 0, "over\n")

    asyncio.run(run())


def test_closing_detaches_at_once_and_ends_no_action(sshd: Sshd, place: Place) -> None:
    async def run() -> None:
        async with connected(sshd, place) as nodes:
            await nodes.install(sshd.machine)
            await nodes.raise_fence(sshd.machine, FENCE)
            await nodes.start(sshd.machine, FENCE, UNIT, "slow", [])
            waiting = asyncio.create_task(nodes.wait(sshd.machine, UNIT, 30))
            await asyncio.sleep(0.5)
            began = time.monotonic()
            await nodes.close()
            with pytest.raises(NodeUnreachableError):
                await waiting
            assert time.monotonic() - began < 3
        assert ssh_clients(sshd) == []
        async with connected(sshd, place) as nodes:
            assert (await nodes.wait(sshd.machine, UNIT, 0)).state == "running"
            go(place)
            assert (await nodes.wait(sshd.machine, UNIT, 10)).state == "exited"

    asyncio.run(run())


def test_another_run_is_named(sshd: Sshd, place: Place) -> None:
    other = Fence("f" * 32, 2, "0" * 16)

    async def run() -> None:
        async with connected(sshd, place) as nodes:
            await nodes.install(sshd.machine)
            with pytest.raises(LockedError, match="nobody holds"):
                await nodes.start(sshd.machine, other, UNIT, "print", [])
            await nodes.raise_fence(sshd.machine, FENCE)
            with pytest.raises(LockedError, match=rf"run {FENCE.run} \(epoch 1\)"):
                await nodes.raise_fence(sshd.machine, other)
            with pytest.raises(LockedError, match=rf"run {FENCE.run} \(epoch 1\)"):
                await nodes.start(sshd.machine, other, UNIT, "print", [])
            await nodes.release(sshd.machine, other)
            await nodes.start(sshd.machine, FENCE, UNIT, "print", [])

    asyncio.run(run())


def test_a_node_that_was_taken_over_is_not_released_in_silence(sshd: Sshd, place: Place) -> None:
    heir = Fence(FENCE.run, FENCE.epoch + 1, "f" * 16)

    async def run() -> None:
        async with connected(sshd, place) as nodes:
            await nodes.install(sshd.machine)
            await nodes.raise_fence(sshd.machine, heir)
            with pytest.raises(LockedError, match="this run was taken over") as told:
                await nodes.release(sshd.machine, FENCE)
            assert f"--take-over {FENCE.run[:8]}" in told.value.fix
            await nodes.release(sshd.machine, heir)
            await nodes.install(sshd.machine)
            await nodes.raise_fence(sshd.machine, FENCE)
            await nodes.release(sshd.machine, heir)
            assert not place.base.exists()

    asyncio.run(run())


def test_an_action_that_systemd_refuses(sshd: Sshd, place: Place) -> None:
    async def run() -> None:
        async with connected(sshd, place) as nodes:
            await nodes.install(sshd.machine)
            await nodes.raise_fence(sshd.machine, FENCE)
            (place.stubs / "refuse").touch()
            with pytest.raises(StepError, match="Failed to start transient service unit"):
                await nodes.start(sshd.machine, FENCE, UNIT, "print", [])

    asyncio.run(run())


def test_a_file_of_a_backup_is_fetched_in_a_stream(sshd: Sshd, place: Place, tmp_path: Path) -> None:
    """Larger than a pipe and than any buffer of ours, with every byte in it."""
    content = bytes(range(256)) * 65536 + b"\nupgrade-cp: held\n"
    target = tmp_path / "etcd.db.partial"

    async def run() -> None:
        async with connected(sshd, place) as nodes:
            await nodes.install(sshd.machine)
            await nodes.raise_fence(sshd.machine, FENCE)
            with pytest.raises(StepError, match=r"no backup for v1\.35\.4"):
                await nodes.fetch(sshd.machine, FENCE, "v1.35.4", "etcd.db", target)
            place.save("etcd.db", content)
            for _ in range(2):
                found = await nodes.fetch(sshd.machine, FENCE, "v1.35.4", "etcd.db", target)
                assert found == sha256(content).hexdigest()
            assert target.read_bytes() == content
            assert target.stat().st_mode & 0o777 == 0o600
            with pytest.raises(LockedError, match="taken over"):
                await nodes.fetch(sshd.machine, Fence(FENCE.run, 2, FENCE.owner), "v1.35.4", "etcd.db", target)
            with pytest.raises(AccessError, match="no file of a backup"):
                await nodes.fetch(sshd.machine, FENCE, "v1.35.4", "shadow", target)
        async with connected(sshd, place) as nodes, asyncio.timeout(20):  # its own master does not keep the pipe open
            assert await nodes.fetch(sshd.machine, FENCE, "v1.35.4", "etcd.db", target) == sha256(content).hexdigest()

    asyncio.run(run())


def test_a_local_disk_that_does_not_take_it_ends_the_fetch(sshd: Sshd, place: Place, tmp_path: Path) -> None:
    place.save("etcd.db", b"x" * 4_000_000)

    async def run() -> None:
        async with connected(sshd, place) as nodes:
            await nodes.install(sshd.machine)
            await nodes.raise_fence(sshd.machine, FENCE)
            with pytest.raises(StepError, match=r"writing /dev/full: No space left on device"):
                await nodes.fetch(sshd.machine, FENCE, "v1.35.4", "etcd.db", Path("/dev/full"))
            with pytest.raises(StepError, match=r"No such file or directory"):
                await nodes.fetch(sshd.machine, FENCE, "v1.35.4", "etcd.db", tmp_path / "nowhere" / "x")
            assert (await nodes.wait(sshd.machine, UNIT, 0)).state == "absent"

    asyncio.run(run())


def test_a_connection_that_is_cut_in_a_fetch_is_noticed(sshd: Sshd, place: Place, tmp_path: Path) -> None:
    target = tmp_path / "etcd.db.partial"

    async def run() -> None:
        async with connected(sshd, place) as nodes:
            await nodes.install(sshd.machine)
            await nodes.raise_fence(sshd.machine, FENCE)
            place.save("etcd.db", b"")
            os.truncate(place.backups / "01234567-v1.35.4" / "etcd.db", 1 << 36)  # sparse, and endless for this test
            fetching = asyncio.create_task(nodes.fetch(sshd.machine, FENCE, "v1.35.4", "etcd.db", target))
            while not target.exists() or target.stat().st_size < 1_000_000:
                await asyncio.sleep(0.02)
                assert not fetching.done()
            for pid in ssh_clients(sshd):
                os.kill(pid, signal.SIGKILL)
            with pytest.raises(NodeUnreachableError):
                await fetching

    asyncio.run(run())


@pytest.mark.parametrize("bad", ["", "-x", "a b", "$(touch x)", "a;b", "a\nb", "'", "ä", "a" * 257, "/etc"])
def test_arguments_are_allow_listed_before_anything_is_sent(place: Place, bad: str) -> None:
    async def run() -> None:
        ssh = Ssh(SshOptions())
        nodes = SshNodes(ssh, place.bundle, str(place.base))
        with pytest.raises(PlanError, match="may not be an argument"):
            await nodes.start(Machine("cp1", "127.0.0.1"), FENCE, UNIT, "print", ["fine", bad])
        await nodes.close()

    asyncio.run(run())


@pytest.mark.parametrize("how", ["content", "mode", "owner", "extra", "link"])
def test_an_altered_bundle_is_refused(sshd: Sshd, place: Place, how: str) -> None:
    place.install()
    action = place.helper.parent / "actions" / "print.sh"
    if how == "content":
        action.write_text("echo evil\n")
    elif how == "mode":
        action.chmod(0o722)
    elif how == "owner":
        os.chown(action, 65534, 65534)
    elif how == "extra":
        (action.parent / "evil.sh").write_text("echo evil\n")
    else:
        action.rename(place.base / "elsewhere")
        action.symlink_to(place.base / "elsewhere")

    async def run() -> None:
        async with connected(sshd, place) as nodes:
            with pytest.raises(AccessError, match="not ours"):
                await nodes.install(sshd.machine)

    asyncio.run(run())


def test_a_folder_that_others_may_write_is_refused(sshd: Sshd, place: Place) -> None:
    place.base.mkdir(mode=0o777)
    place.base.chmod(0o777)

    async def run() -> None:
        async with connected(sshd, place) as nodes:
            with pytest.raises(AccessError, match="must belong to root and be closed to others"):
                await nodes.install(sshd.machine)

    asyncio.run(run())


def test_an_upload_that_is_cut_runs_nothing(place: Place) -> None:
    program = place.bundle.installation(str(place.base))
    for length in (len(program) // 2, len(program) - 2):
        subprocess.run(["dash"], input=program[:length], capture_output=True, check=False)
        assert not place.base.exists()
