"""Programs on nodes by ssh; the only importer of `sh`, and the only place with threads for it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Timer
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import sh

from kubectl_upgrade.model.errors import AccessError, NodeUnreachableError, UsageError
from kubectl_upgrade.world import Machine
from kubectl_upgrade.world.ssh_errors import last, no_answer, sudo_refused, unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

# sshd's MaxSessions is 10; the 11th session on a master would open a whole new connection
_SESSIONS_PER_NODE = 8
# sun_path holds 108 bytes with its end; ssh adds /%C (40 hexadecimal digits) and, for a moment, a suffix of 17
_LONGEST_FOLDER = 108 - 1 - 1 - 40 - 17
_DESTINATION = re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:-]{0,252}")
_WORD = re.compile(r"[A-Za-z0-9/][A-Za-z0-9._,:=+/-]{0,255}")
# constant, and quoted so that any login shell passes it on: root as it is, anybody else by sudo
_AS_ROOT = """/bin/sh -c 'if [ "$(id -u)" = 0 ]; then exec "$@"; fi; exec sudo -n -- "$@"' upgrade-cp /bin/sh"""
_SSH_FAILED = 255
_LIMIT_OF_EXIT_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SshOptions:
    """How to reach nodes; what is not said here is ssh's own configuration's."""

    config: Path | None = None
    """instead of ~/.ssh/config (`ssh -F`)"""
    user: str | None = None
    destination: Literal["address", "name"] = "address"
    """what ssh is given: the Node's address or its name, as known_hosts and the configuration have it"""
    connect_timeout_seconds: int = 10
    connections: int = 32
    """ssh clients at once, all nodes together"""
    folder: Path | None = None
    """for the masters' sockets, this process's alone; None makes one among the temporary files"""

    def __post_init__(self) -> None:
        if self.folder is not None and len(bytes(self.folder)) > _LONGEST_FOLDER:
            raise UsageError(
                f"the path {self.folder} is too long for ssh's sockets", f"take one of at most {_LONGEST_FOLDER} bytes"
            )

    def arguments(self, folder: Path) -> list[str]:
        """Options of every call, before `--`; they win over any configuration."""
        settings = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "UpdateHostKeys": "no",
            "ConnectTimeout": str(self.connect_timeout_seconds),
            "ServerAliveInterval": "15",
            "ServerAliveCountMax": "3",
            "ControlMaster": "auto",
            "ControlPath": f"{folder}/%C",
            "ControlPersist": "60",
            "ForwardAgent": "no",
            "ForwardX11": "no",
            "ClearAllForwardings": "yes",
            "PermitLocalCommand": "no",
            "RemoteCommand": "none",
            "LogLevel": "ERROR",
        }
        config = [] if self.config is None else ["-F", str(self.config)]
        user = [] if self.user is None else ["-l", self.user]
        return ["-T", *config, *user, *(part for item in settings.items() for part in ("-o", "=".join(item)))]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended; `late` when its limit passed and we stopped our ssh."""

    exit_code: int
    stdout: bytes
    stderr: str
    late: bool = False


class Ssh:
    """One master per node; each call is a session of it, by a process that no signal of the terminal reaches."""

    def __init__(self, options: SshOptions) -> None:
        self._by_name = options.destination == "name"
        self._folder = _private_folder(options.folder)
        self._ssh = _command(options.arguments(self._folder))
        self._pool = ThreadPoolExecutor(options.connections, "ssh", initializer=_leave_signals_to_the_main_thread)
        self._sessions = defaultdict[Machine, asyncio.Semaphore](lambda: asyncio.Semaphore(_SESSIONS_PER_NODE))
        self._masters: dict[Machine, asyncio.Event] = {}
        self._clients: dict[int, Any] = {}
        self._closing = False

    async def call(
        self, machine: Machine, doing: str, words: list[str], program: bytes, limit_seconds: float
    ) -> Answer:
        """Run /bin/sh with these words as root on the node; without words it reads `program`, its standard input.

        NodeUnreachableError when ssh or sudo does not get through or the limit passes; what runs on the node then goes
        on. AccessError when the shell itself does not exit with 0.
        """
        return await self._session(
            machine, doing, words, lambda place, remote: self._run(place, remote, program, limit_seconds), limit_seconds
        )

    async def stream(
        self, machine: Machine, doing: str, words: list[str], take: Callable[[BinaryIO], None], limit_seconds: float
    ) -> Answer:
        """As call, but `take` reads what it prints, in a thread and to its end, so that it may be of any size."""
        return await self._session(
            machine, doing, words, lambda place, remote: self._stream(place, remote, take, limit_seconds), limit_seconds
        )

    async def _session(
        self, machine: Machine, doing: str, words: list[str], run: Callable[[str, str], Answer], limit_seconds: float
    ) -> Answer:
        first = machine not in self._masters
        master = self._masters.setdefault(machine, asyncio.Event())
        if not first:  # the first call opens the master; at the same time, the others would each connect on their own
            await master.wait()
        remote = " ".join([_AS_ROOT, *(_word(word) for word in words)])
        try:
            async with self._sessions[machine]:
                answer = await asyncio.get_running_loop().run_in_executor(
                    self._pool, run, self._destination(machine), remote
                )
        finally:
            master.set()
        _check(machine, doing, answer, limit_seconds)
        return answer

    async def close(self) -> None:
        """End our ssh clients and masters; programs on nodes are not told."""
        self._closing = True
        machines, self._masters = list(self._masters), {}
        # outside the pool, all of whose threads may be waiting; a master's end is the end of its sessions' clients
        await asyncio.gather(*(asyncio.to_thread(self._end_master, machine) for machine in machines))
        for client in list(self._clients.values()):
            _kill(client)
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, destination: str, remote: str, program: bytes, limit_seconds: float) -> Answer:
        return self._watched(self._ssh("--", destination, remote, _in=program, _bg=True), limit_seconds)

    def _stream(self, destination: str, remote: str, take: Callable[[BinaryIO], None], limit_seconds: float) -> Answer:
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb") as output:
            try:
                client = self._ssh("--", destination, remote, _in=b"", _out=writing, _bg=True)
            finally:
                os.close(writing)  # ssh has its own: when that is closed too, the output is at its end
            return self._watched(client, limit_seconds, lambda: take(output))

    def _watched(self, client: Any, limit_seconds: float, meanwhile: Callable[[], None] = lambda: None) -> Answer:
        self._clients[client.pid] = client  # by process: sh compares commands by what they print
        try:
            if self._closing:
                _kill(client)
            return _ended(client, limit_seconds, meanwhile)
        finally:
            del self._clients[client.pid]

    def _end_master(self, machine: Machine) -> None:
        with suppress(NodeUnreachableError):  # it never had an address that we could connect to
            destination = self._destination(machine)
            _ended(self._ssh("-O", "exit", "--", destination, _in=b"", _bg=True), _LIMIT_OF_EXIT_SECONDS)

    def _destination(self, machine: Machine) -> str:
        destination = machine.name if self._by_name else machine.address
        if not _DESTINATION.fullmatch(destination):
            raise NodeUnreachableError(
                f"connecting to {machine.name}: {destination!r} is no address",
                "see its InternalIP: kubectl get nodes -o wide; or connect by name (--ssh-to name)",
            )
        return destination


def _command(arguments: list[str]) -> Any:
    try:
        ssh = sh.Command("ssh")
    except sh.CommandNotFound as error:
        raise AccessError(
            "looking for ssh on this machine: there is none on PATH", "install OpenSSH's client"
        ) from error
    return ssh.bake(
        *arguments,
        _tty_out=False,
        _return_cmd=True,
        _no_pipe=True,
        _bg_exc=False,
        _new_session=True,
        _ok_code=list(range(-64, 256)),  # judged by us, also when a signal ended it
        _preexec_fn=_take_signals_again,
    )


def _ended(client: Any, limit_seconds: float, meanwhile: Callable[[], None] = lambda: None) -> Answer:
    late = Event()

    def stop() -> None:
        late.set()
        _kill(client)

    timer = Timer(limit_seconds, stop)  # ours, because sh's own limit costs every call up to 0.1 s
    timer.start()
    try:
        meanwhile()
    except BaseException:
        _kill(client)
        raise
    else:
        client.wait()
    finally:
        timer.cancel()
    return Answer(client.exit_code, client.stdout, client.stderr.decode(errors="replace"), late.is_set())


def _leave_signals_to_the_main_thread() -> None:
    # a child forked here has Python's handlers until it executes ssh; a Ctrl-C in between would be counted twice
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


def _take_signals_again() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


def _kill(client: Any) -> None:
    # its group: with ProxyJump ssh starts another ssh. The master has left the group; the remote side hears nothing.
    if client.process.exit_code is None:
        with suppress(ProcessLookupError):
            client.kill_group()


def _private_folder(wanted: Path | None) -> Path:
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="upgrade-cp-"))
    try:
        wanted.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise UsageError(
            f"making the folder {wanted} for ssh's sockets: {error.strerror}", "name another one"
        ) from error
    return wanted


def _word(word: str) -> str:
    if not _WORD.fullmatch(word):
        raise ValueError(f"{word!r} may not be part of a remote command")
    return word


def _check(machine: Machine, doing: str, answer: Answer, limit_seconds: float) -> None:
    if answer.late:
        raise no_answer(machine, doing, f"within {limit_seconds:.0f} seconds", answer.stderr)
    if answer.exit_code < 0:
        raise no_answer(machine, doing, f"before our ssh was ended by signal {-answer.exit_code}", answer.stderr)
    if answer.exit_code == _SSH_FAILED:
        raise unreachable(machine, doing, answer.stderr)
    if answer.exit_code in (1, 127) and any("sudo:" in line for line in answer.stderr.splitlines()):
        raise sudo_refused(machine, doing, answer.stderr)
    if answer.exit_code:
        raise AccessError(
            f"{doing} on {machine.name} ({machine.address}): exit {answer.exit_code}; it said: {last(answer.stderr)}",
            "see what it says; on the node, look for a full disk (df) and at systemctl status",
        )
