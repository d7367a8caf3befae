"""The lab's keys: one for ssh, one that signs packages, and a host key for each node."""

from pathlib import Path

from tests.lab.host import run
from tests.lab.place import Place
from tests.lab.spec import Spec

SIGNER = "lab@example.invalid"


def make(place: Place) -> None:
    """Make the keys of a new lab."""
    place.keys.mkdir(mode=0o700)
    _ssh_key(identity(place), "lab")
    gnupg = _gnupg(place)
    gnupg.mkdir(mode=0o700)
    _gpg(place, "--passphrase", "", "--quick-gen-key", SIGNER, "rsa2048", "sign", "never")
    _gpg(place, "--export", "--output", str(keyring(place)), SIGNER)
    _gpg(place, "--export", "--armor", "--output", str(armored(place)), SIGNER)
    stop_agent(place)


def identity(place: Place) -> Path:
    """Say where the key is that opens every node."""
    return place.keys / "id_ed25519"


def keyring(place: Place) -> Path:
    """Say where the package repository's public key is, as a node's keyring."""
    return place.keys / "kubernetes-apt-keyring.gpg"


def armored(place: Place) -> Path:
    """Say where the package repository's public key is, as it is published."""
    return place.keys / "Release.key"


def host_key(place: Place, node: str) -> Path:
    """Say where a node's own ssh key is; made at its first use."""
    key = place.keys / f"host-{node}"
    if not key.exists():
        _ssh_key(key, node)
    return key


def sign(place: Place, release: Path) -> None:
    """Sign a Release file in both of apt's ways."""
    _gpg(place, "--armor", "--detach-sign", "--output", str(release.with_name("Release.gpg")), str(release))
    _gpg(place, "--clearsign", "--output", str(release.with_name("InRelease")), str(release))
    stop_agent(place)


def stop_agent(place: Place) -> None:
    """End the agent that gpg starts by itself and leaves running."""
    if _gnupg(place).is_dir():
        run(["gpgconf", "--homedir", _gnupg(place), "--kill", "all"], check=False)


def write_ssh_files(place: Place, spec: Spec) -> None:
    """Write known_hosts and a configuration that makes `ssh -F` reach each node by its name."""
    hosts: list[str] = []
    known: list[str] = []
    for node in spec.nodes:
        public = host_key(place, node.name).with_suffix(".pub").read_text().split()
        known.append(f"{node.name},{node.address} {public[0]} {public[1]}")
        hosts.append(f"Host {node.name}\n  HostName {node.address}")
    every = (
        "Host *\n  User ops\n  IdentitiesOnly yes\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n  ConnectTimeout 10"
        f"\n  IdentityFile {identity(place)}\n  UserKnownHostsFile {place.known_hosts}"
    )
    place.known_hosts.write_text("\n".join(known) + "\n")
    place.ssh_config.write_text("\n".join([*hosts, every]) + "\n")


def _ssh_key(file: Path, comment: str) -> None:
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file])


def _gnupg(place: Place) -> Path:
    return place.keys / "gnupg"


def _gpg(place: Place, *words: str) -> None:
    run(["gpg", "--homedir", _gnupg(place), "--batch", "--yes", "--quiet", *words])
