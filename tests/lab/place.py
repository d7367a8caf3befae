"""Where the lab keeps its things: one folder, of which `down` keeps only the cache."""

from dataclasses import dataclass
from os import environ
from pathlib import Path

DEFAULT = "/var/tmp/upgrade-cp-lab"  # noqa: S108 - a folder that survives reboots, made for root alone


@dataclass(frozen=True)
class Place:
    """The layout of the state folder."""

    root: Path

    @classmethod
    def default(cls) -> "Place":
        """Where the environment says, or the usual place; a real path, because runc refuses links."""
        return cls(Path(environ.get("UPGRADE_CP_LAB", DEFAULT)).resolve())

    @property
    def cache(self) -> Path:
        """What was built, by the hash of what it was built from."""
        return self.root / "cache"

    @property
    def registry(self) -> Path:
        """The registry's images; addressed by content, so kept with the cache."""
        return self.cache / "registry"

    @property
    def lock(self) -> Path:
        """Held by the one command that changes the lab."""
        return self.root / "lock"

    @property
    def hold(self) -> Path:
        """Held by whoever needs the lab undisturbed for longer than one command."""
        return self.root / "held"

    @property
    def lab(self) -> Path:
        """Everything that `down` removes."""
        return self.root / "lab"

    @property
    def disk_image(self) -> Path:
        """The sparse file that holds the nodes' disk."""
        return self.lab / "disk.img"

    @property
    def disk(self) -> Path:
        """Where the nodes' disk is mounted."""
        return self.lab / "disk"

    @property
    def nodes(self) -> Path:
        """One folder for each node."""
        return self.disk / "nodes"

    @property
    def snapshots(self) -> Path:
        """One folder for each snapshot."""
        return self.disk / "snapshots"

    @property
    def run(self) -> Path:
        """Logs and configurations of the lab's own services, runc's state."""
        return self.lab / "run"

    @property
    def www(self) -> Path:
        """What the package repository serves."""
        return self.lab / "www"

    @property
    def keys(self) -> Path:
        """The keys of ssh and of the package repository."""
        return self.lab / "keys"

    @property
    def authority(self) -> Path:
        """The CA of a hardened cluster, and what it signed for the lab's own services."""
        return self.keys / "authority"

    @property
    def spec(self) -> Path:
        """What was brought up."""
        return self.lab / "spec.json"

    @property
    def timings(self) -> Path:
        """How long each part took, as JSON lines."""
        return self.root / "timings.jsonl"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.lab / "kubeconfig"

    @property
    def ssh_config(self) -> Path:
        """For `ssh -F`."""
        return self.lab / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        """The nodes' own host keys."""
        return self.lab / "known_hosts"

    @property
    def rootfs(self) -> Path:
        """The root file system that this lab's nodes lie over."""
        return self.lab / "rootfs"

    @property
    def kubectl(self) -> Path:
        """The kubectl of the lab's first version."""
        return self.lab / "kubectl"
