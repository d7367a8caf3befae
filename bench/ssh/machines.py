"""Machines that are an sshd each: an address of loopback, a host key and a folder of their own; no systemd."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.errors import LabError
from tests.lab.host import run
from tests.lab.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SSHD = "/usr/sbin/sshd"
# each has a folder of its own where all have the same path, as on machines of their own
_START = 'mount -t tmpfs -o mode=0700 none "$1" && shift && exec "$@"'


@dataclass(frozen=True)
class Machines:
    """What a client needs to know of them."""

    addresses: tuple[str, ...]
    config: Path
    """for `ssh -F`"""
    base: Path
    """the folder that each has for itself"""


@contextmanager
def running(count: int, folder: Path) -> Iterator[Machines]:
    """So many, until the end of the block. LabError where this machine cannot play them."""
    if not Path(_SSHD).exists() or shutil.which("unshare") is None:
        raise LabError("needs OpenSSH's server and unshare")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    base = folder / "base"
    base.mkdir()
    addresses = tuple(f"127.0.1.{number}" for number in range(1, count + 1))
    port = _free_port()
    for name in ("login", *addresses):
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name])
    made = Machines(addresses, folder / "config", base)
    _write_client(made, folder, port)
    with ExitStack() as stack:
        for address in addresses:
            argv: list[str | Path] = [
                _SSHD,
                "-D",
                "-E",
                folder / f"{address}.log",
                "-f",
                _write_server(folder, address, port),
            ]
            stack.enter_context(_program(["unshare", "--mount", "sh", "-c", _START, "sh", base, *argv]))
        until("every sshd listens", 60, lambda: _silent(addresses, port))
        yield made


def _write_client(made: Machines, folder: Path, port: int) -> None:
    known = [f"[{address}]:{port} {(folder / f'{address}.pub').read_text()}" for address in made.addresses]
    (folder / "known_hosts").write_text("".join(known))
    made.config.write_text(
        f"Host 127.0.1.*\n  Port {port}\n  User root\n  IdentityFile {folder}/login\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {folder}/known_hosts\n"
    )


def _write_server(folder: Path, address: str, port: int) -> Path:
    config = folder / f"{address}.conf"
    config.write_text(
        f"ListenAddress {address}\nPort {port}\nHostKey {folder}/{address}\nAuthorizedKeysFile {folder}/login.pub\n"
        f"PidFile none\nStrictModes no\nPermitRootLogin yes\nUsePAM no\nPasswordAuthentication no\n"
        "Subsystem sftp internal-sftp\n"
    )
    return config


def _silent(addresses: Sequence[str], port: int) -> str:
    for address in addresses:
        with socket.create_connection((address, port), timeout=5):
            pass
    return ""


def _free_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.1.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _program(argv: Sequence[str | Path]) -> Iterator[None]:
    with subprocess.Popen(argv) as program:
        try:
            yield
        finally:
            program.terminate()
