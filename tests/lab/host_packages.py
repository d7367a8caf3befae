"""The Debian packages that the lab and the other tests need on this machine, installed when missing."""

import shutil
import sys
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.host import run

LIMIT = 600
PROGRAMS = {
    "runc": "runc",
    "debootstrap": "debootstrap",
    "mkfs.xfs": "xfsprogs",
    "haproxy": "haproxy",
    "docker-registry": "docker-registry",
    "apt-ftparchive": "apt-utils",
    "dpkg-deb": "dpkg",
    "gpg": "gpg",
    "gpgconf": "gpgconf",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "sshd": "openssh-server",
    "dpkg-scanpackages": "dpkg-dev",
    "gcc": "gcc",
}
LIBC = Path("/usr/lib/x86_64-linux-gnu/libc.a")


def install() -> None:
    """Install what is missing, and say so."""
    if not shutil.which("go"):
        raise LabError("the lab builds Kubernetes: install Go (https://go.dev/dl) and put it on PATH")
    missing = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if not LIBC.exists():
        missing.append("libc6-dev")
    if not missing:
        return
    sys.stderr.write(f"lab: installing {' '.join(missing)}\n")
    run(["apt-get", "update", "-qq"], limit=LIMIT)
    # RUNLEVEL: no package starts a service of its own
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], env=quiet, limit=LIMIT)
