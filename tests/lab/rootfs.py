"""The root file system that every node is an overlay of: Debian, made by debootstrap."""

from pathlib import Path

from tests.lab.cache import Cache
from tests.lab.host import run

FILES = Path(__file__).parent / "files"
SUITE = "bookworm"
LIMIT = 1200
# mount, curl and a Python that knows apt are what a node's administrator (or Ansible) has at hand; the rest is what
# kubelet, kubeadm and ssh need.
PACKAGES = (
    "systemd,systemd-sysv,dbus,openssh-server,sudo,iproute2,iptables,containerd,conntrack,socat,ethtool,kmod,mount,"
    "ca-certificates,curl,gpg,procps,ebtables,netbase,containernetworking-plugins,python3-apt"
)


def build(cache: Cache) -> Path:
    """Make the root file system, once for each recipe."""
    finish = (FILES / "rootfs.sh").read_text()

    def make(folder: Path) -> None:
        run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, folder], limit=LIMIT)
        run(["chroot", folder, "/bin/sh", "-s"], stdin=finish)

    return cache.folder("rootfs", {"suite": SUITE, "packages": PACKAGES, "finish": finish}, make)
