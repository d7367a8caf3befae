"""Ssh: what it says when it does not get through, and what it never does."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.model.errors import AccessError, NodeUnreachableError, UsageError
from kubectl_upgrade.world import Machine
from kubectl_upgrade.world.ssh import Answer, Ssh, SshOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Sshd

    Stub = Callable[..., None]

CP1 = Machine("cp1", "127.0.0.1")


def call(options: SshOptions, machine: Machine = CP1, program: str = "echo yes", limit: float = 20) -> Answer:
    async def run() -> Answer:
        ssh = Ssh(options)
        try:
            return await ssh.call(machine, "looking", [], program.encode(), limit)
        finally:
            await ssh.close()

    return asyncio.run(run())


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    """Put a program of ours in place of ssh (and of others, `NAME: text`), first on PATH."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def put(text: str, name: str = "ssh") -> None:
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)

    return put


def test_a_program_runs_as_root(sshd: Sshd) -> None:
    answer = call(SshOptions(config=sshd.config), program="id -u; echo no >&2")
    assert (answer.stdout, answer.stderr) == (b"0\n", "no\n")


def test_an_unknown_host_key_is_refused_whatever_the_configuration_says(sshd: Sshd) -> None:
    assert "StrictHostKeyChecking no" in sshd.config.read_text()
    sshd.known_hosts.write_text("")
    with pytest.raises(NodeUnreachableError, match="host key is not in known_hosts") as caught:
        call(SshOptions(config=sshd.config))
    assert "StrictHostKeyChecking" not in caught.value.fix
    assert sshd.known_hosts.read_text() == ""


def test_a_changed_host_key_is_named_with_its_line(sshd: Sshd) -> None:
    sshd.known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {(sshd.config.parent / 'login.pub').read_text()}")
    with pytest.raises(NodeUnreachableError, match="not the one in known_hosts") as caught:
        call(SshOptions(config=sshd.config))
    assert f"{sshd.known_hosts}:1" in caught.value.message
    assert "fingerprint" in caught.value.fix


def test_a_refused_login(sshd: Sshd) -> None:
    (sshd.config.parent / "login.pub").unlink()
    with pytest.raises(NodeUnreachableError, match=r"refused the login.*Permission denied"):
        call(SshOptions(config=sshd.config))


def test_nothing_listens(sshd: Sshd) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sshd.config.write_text(sshd.config.read_text().replace(f"Port {sshd.port}", f"Port {port}"))
    with pytest.raises(NodeUnreachableError, match=r"nothing listens.*Connection refused"):
        call(SshOptions(config=sshd.config))


def test_a_server_that_never_speaks(sshd: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        sshd.config.write_text(sshd.config.read_text().replace(f"Port {sshd.port}", f"Port {mute.getsockname()[1]}"))
        with pytest.raises(NodeUnreachableError, match="timed out"):
            call(SshOptions(config=sshd.config, connect_timeout_seconds=1))


@pytest.mark.parametrize("address", ["", "-oProxyCommand=touch", "a b", "$(x)", "fe80::1%eth0", "@x"])
def test_an_address_is_an_address(address: str) -> None:
    with pytest.raises(NodeUnreachableError, match="is no address"):
        call(SshOptions(), Machine("cp1", address))


def test_by_name(stub: Stub) -> None:
    stub('for word; do shift; [ "$word" != -- ] || break; done; echo "$1"')
    assert call(SshOptions(destination="name")).stdout == b"cp1\n"
    assert call(SshOptions()).stdout == b"127.0.0.1\n"


def test_a_call_that_takes_too_long_is_ended_here(stub: Stub) -> None:
    stub("case $* in *-O*) ;; *) sleep 60 & wait ;; esac")
    began = time.monotonic()
    with pytest.raises(NodeUnreachableError, match="no answer within 1 seconds") as caught:
        call(SshOptions(), limit=1)
    assert "goes on" in caught.value.fix
    assert time.monotonic() - began < 5


def test_our_ssh_hears_no_signal_of_the_terminal(stub: Stub) -> None:
    stub("ps -o sid=,tty= -p $$; echo $$; grep SigBlk /proc/self/status; stty -a </dev/tty || true")
    sid, tty, pid, _, blocked = call(SshOptions()).stdout.decode().split()
    assert sid == pid
    assert tty == "?"
    assert int(blocked, 16) == 0


def test_a_login_that_is_not_root_becomes_it_by_sudo(stub: Stub) -> None:
    stub('for last; do :; done; exec sh -c "$last"')
    stub("echo 1000", "id")
    stub('[ "$1 $2" = "-n --" ] && shift 2 && echo by sudo && exec "$@"', "sudo")
    assert call(SshOptions()).stdout == b"by sudo\nyes\n"


@pytest.mark.parametrize("said", ["sudo: a password is required", "sudo: sorry, you must have a tty to run sudo"])
def test_sudo_may_refuse(stub: Stub, said: str) -> None:
    stub('for last; do :; done; exec sh -c "$last"')
    stub("echo 1000", "id")
    stub(f"echo '{said}' >&2; exit 1", "sudo")
    with pytest.raises(NodeUnreachableError, match=f"sudo refused.*{said}") as caught:
        call(SshOptions())
    assert "NOPASSWD" in caught.value.fix


def test_sudo_may_be_missing(stub: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stub('for last; do :; done; exec /bin/sh -c "$last"')
    stub("echo 1000", "id")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    with pytest.raises(NodeUnreachableError, match=r"sudo refused.*sudo: not found"):
        call(SshOptions())


def test_a_failing_program_is_no_lost_connection(stub: Stub) -> None:
    stub("echo disk full >&2; exit 74")
    with pytest.raises(AccessError, match="exit 74; it said: disk full") as caught:
        call(SshOptions())
    assert not isinstance(caught.value, NodeUnreachableError)


def test_no_ssh_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AccessError, match="none on PATH"):
        Ssh(SshOptions())


def test_one_connection_serves_many_calls_at_once(sshd: Sshd) -> None:
    async def run() -> None:
        ssh = Ssh(SshOptions(config=sshd.config))
        calls = (
            ssh.call(sshd.machine, "looking", [], f"sleep 0.2; echo {number}".encode(), 20) for number in range(20)
        )
        answers = await asyncio.gather(*calls)
        await ssh.close()
        assert [int(answer.stdout) for answer in answers] == list(range(20))

    asyncio.run(run())
    assert sshd.log.read_text().count("Accepted publickey") == 1


@pytest.fixture
def short() -> Iterator[Path]:
    """Make a folder whose path is short enough for a socket."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def test_the_folder_for_sockets_is_private_and_goes(sshd: Sshd, short: Path) -> None:
    folder = short / "s"

    async def run() -> None:
        ssh = Ssh(SshOptions(config=sshd.config, folder=folder))
        await ssh.call(sshd.machine, "looking", [], b"true", 20)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert [entry.is_socket() for entry in folder.iterdir()] == [True]
        await ssh.close()

    asyncio.run(run())
    assert not folder.exists()


def test_a_folder_too_deep_for_a_socket_is_refused() -> None:
    with pytest.raises(UsageError, match="too long"):
        SshOptions(folder=Path("/" + "a" * 60))


def test_a_folder_that_is_there_already_is_refused(short: Path) -> None:
    with pytest.raises(UsageError, match="File exists"):
        Ssh(SshOptions(folder=short))
