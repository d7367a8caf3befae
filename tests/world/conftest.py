"""A node made of this machine (sshd on loopback, stubs in place of systemd), and an API server that answers as told."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.world import Machine
from kubectl_upgrade.world.kubeconfig import KubernetesOptions
from tests.world.api_server import kubeconfig, serving
from tests.world.stubs import stubbed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.world.bundle import Bundle
    from tests.world.api_server import Api

_SSHD = "/usr/sbin/sshd"

_ACTIONS = {
    "print": 'echo "$@"; echo to stderr >&2\n',
    "fail": "echo no >&2; exit 7\n",
    "slow": 'echo begun; while [ ! -e "$UPGRADE_CP_KEEP/go" ]; do echo on; sleep 0.05; done; echo over\n',
    "halting": "printf 'ä\\nö'; while [ ! -e \"$UPGRADE_CP_KEEP/go\" ]; do sleep 0.05; done; echo ü\n",
    "environment": 'env | sort; umask; pwd; readlink /proc/self/fd/0\necho kept >"$UPGRADE_CP_KEEP/file"\n',
    "binary": "printf 'a\\377\\000\\303\\244'; yes ä | head -c 131072\n",
}


@dataclass(frozen=True)
class Place:
    """A node's folder and the stubs that its helper finds instead of systemd."""

    base: Path
    stubs: Path
    bundle: Bundle
    backups: Path

    @property
    def helper(self) -> Path:
        return self.base / self.bundle.name / "helper.sh"

    def install(self) -> None:
        """Put the bundle where an installation would."""
        program = self.bundle.installation(str(self.base))
        subprocess.run(["dash", "-s"], input=program, check=True, capture_output=True)

    def call(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["dash", self.helper, *words], capture_output=True, check=False, timeout=40)

    def save(self, name: str, content: bytes, folder: str = "01234567-v1.35.4") -> None:
        """Put a file where a backup would."""
        (self.backups / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.backups / folder / name).write_bytes(content)

    def pid(self, unit: str) -> int:
        return int((self.stubs / f"{unit}.pid").read_text())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    if os.geteuid() != 0:
        pytest.skip("the tool's folder belongs to root")
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    backups = tmp_path / "backups"
    bundle = stubbed(stubs, {f"{name}.sh": text for name, text in _ACTIONS.items()}, backups)
    made = Place(tmp_path / "node", stubs, bundle, backups)
    yield made
    for keep in made.base.glob("keep-*"):
        (keep / "go").touch()


@dataclass(frozen=True)
class Sshd:
    """A running sshd and what a client needs to know of it."""

    port: int
    config: Path
    known_hosts: Path
    log: Path
    sockets: Path
    machine: Machine


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    if not Path(_SSHD).exists() or shutil.which("ssh") is None:
        pytest.skip("needs OpenSSH's server and client")
    folder = tmp_path / "sshd"
    folder.mkdir(mode=0o700)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    for key in ("host", "login"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/login.pub\n"
        f"PidFile {folder}/pid\nStrictModes no\nPermitRootLogin yes\nUsePAM no\nPasswordAuthentication no\n"
    )
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    config = folder / "config"
    config.write_text(
        f"Host 127.0.0.1\n  Port {port}\n  User root\n  IdentityFile {folder}/login\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {known_hosts}\n  StrictHostKeyChecking no\n"
    )
    log = folder / "log"
    with (
        TemporaryDirectory() as short,  # pytest's own paths are too long for sockets
        subprocess.Popen([_SSHD, "-D", "-E", log, "-f", folder / "sshd_config"]) as server,
    ):
        while "Server listening" not in (log.read_text() if log.exists() else ""):
            assert server.poll() is None, log.read_text()
        yield Sshd(port, config, known_hosts, log, Path(short) / "s", Machine("cp1", "127.0.0.1"))
        server.terminate()


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as made:
        yield made


@pytest.fixture
def options(tmp_path: Path, api: Api) -> KubernetesOptions:
    path = kubeconfig(tmp_path, api.url, {"token": "canary"})
    return KubernetesOptions(kubeconfig=path, request_timeout_seconds=5)
