"""A private copy of this Debian machine, with a repository of made-up packages: what apt actions are tried on."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

NODE = Path(__file__).parents[2] / "kubectl_upgrade" / "node"
KEEP = "/var/lib/upgrade-cp/keep-0123"
ROOT = "/mnt/root"
# A machine is an overlay in memory, seen by nobody else: BELOW, NAME, node/, repository. It ends with its process.
MEMORY = f"mount -t tmpfs tmpfs /mnt && mkdir {ROOT} && echo up && exec sleep infinity"
START = f"""
mkdir -p "/mnt/$2/up" "/mnt/$2/work" &&
mount -t overlay overlay -o "lowerdir=$1,upperdir=/mnt/$2/up,workdir=/mnt/$2/work" {ROOT} &&
mount -t proc proc {ROOT}/proc && mount --bind /dev {ROOT}/dev && mkdir -p {ROOT}/repo &&
mount --bind "$3" {ROOT}/srv && mount --bind "$4" {ROOT}/repo && echo up && exec sleep infinity
"""
PREPARE = """
rm -rf /etc/apt/sources.list.d/* /var/lib/apt/lists/*
: >/etc/apt/sources.list
dpkg --purge --force-all kubeadm kubelet kubectl >/dev/null 2>&1
echo 'deb [trusted=yes] file:/repo/core:/stable:/v1.34/deb/ ./' >/etc/apt/sources.list.d/kubernetes.list
apt-get -qq update && apt-get -qq install -y kubeadm kubelet kubectl && apt-mark hold kubeadm kubelet
"""
KUBERNETES = """\
#!/bin/sh
case "$*" in
    "version -o short") echo v{version} ;;
    --version) echo "Kubernetes v{version}" ;;
    *{removed}*)
        echo 'E1123 run.go:72] "command failed" err="failed to parse kubelet flag: unknown flag: {removed}"' >&2
        exit 1
        ;;
esac
"""


@dataclass(frozen=True)
class Deb:
    """A package to make up."""

    name: str
    version: str
    depends: str = ""
    removed: str = "--removed-in-no-release"
    """a flag that this program does not know"""
    kib: int = 0
    """what it says to take on disk"""

    def build(self, repository: Path) -> None:
        tree = repository / "tree" / self.name / self.version
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "usr/bin").mkdir(parents=True)
        control = [f"Package: {self.name}", f"Version: {self.version}", "Architecture: amd64", "Maintainer: t <t@t>"]
        control += [f"Depends: {self.depends}"] if self.depends else []
        control += [f"Installed-Size: {self.kib}"] if self.kib else []
        (tree / "DEBIAN/control").write_text("\n".join([*control, "Description: made up", ""]))
        # a test that makes /slow or /slow-unpack finds dpkg in the middle of its work
        for script, flag in (("preinst", "/slow-unpack"), ("postinst", "/slow")):
            (tree / "DEBIAN" / script).write_text(f"#!/bin/sh\n[ ! -e {flag} ] || sleep 60\n")
            (tree / "DEBIAN" / script).chmod(0o755)
        program = tree / "usr/bin" / self.name
        program.write_text(KUBERNETES.format(version=self.version.partition("-")[0], removed=self.removed))
        program.chmod(0o755)
        minor = ".".join(self.version.split(".")[:2])
        pool = repository / "core:" / "stable:" / f"v{minor}" / "deb"
        pool.mkdir(parents=True, exist_ok=True)
        run("dpkg-deb", "-Znone", "--root-owner-group", "--build", str(tree), str(pool))


DEBS = (
    *(Deb(name, "1.34.4-1.1") for name in ("kubeadm", "kubelet", "kubectl")),
    *(Deb(name, "1.35.4-1.1") for name in ("kubeadm", "kubectl")),
    Deb("kubeadm", "1.35.4-1.2"),
    Deb("kubelet", "1.35.4-1.1", removed="--pod-infra-container-image"),
    Deb("kubeadm", "1.36.0-1.1", depends="surprise (>= 1.36)"),
    Deb("surprise", "1.36.0-1.1"),
    Deb("kubeadm", "1.37.0-1.1", depends="cri-tools (>= 1.37)"),
    Deb("cri-tools", "1.37.0-1.1"),
    Deb("kubeadm", "1.39.0-1.1"),
    Deb("kubelet", "1.39.0-1.1", kib=10**9),
)


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


# time goes by in pauses alone
CLOCK = {
    "sleep": """#!/bin/sh
case $1 in *.*) tenths=$((${1%.*} * 10 + ${1#*.})) ;; *) tenths=$(($1 * 10)) ;; esac
tenths=$(($(cat /slept-tenths 2>/dev/null || echo 0) + tenths))
echo $tenths >/slept-tenths
echo $((tenths / 10)) >/slept
exec /bin/sleep 0.01
""",
    "cut": """\
#!/bin/sh
for last; do :; done
[ "$last" != /proc/uptime ] || { cat /slept 2>/dev/null || echo 0; exit; }
exec /usr/bin/cut "$@"
""",
}


@dataclass(frozen=True)
class Result:
    """How a program ended."""

    code: int
    text: str


def action_line(action: str, *arguments: str) -> str:
    return f"env UPGRADE_CP_KEEP={KEEP} /bin/sh /srv/actions/{action}.sh {' '.join(arguments)}"


class Machine:
    """The private copy; paths are as seen inside."""

    def __init__(self, pid: int, name: str) -> None:
        self.pid = pid
        self.upper = Path(f"/proc/{pid}/root/mnt/{name}/up")
        """what differs from the one below it"""

    def command(self, *arguments: str) -> list[str]:
        return ["nsenter", f"--target={self.pid}", "--mount", "--pid", "chroot", ROOT, *arguments]

    def run(self, script: str) -> Result:
        done = subprocess.run(
            self.command("/bin/sh", "-c", script),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,  # a kubelet is given three minutes, of a clock that goes with the looks
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
        )
        return Result(done.returncode, done.stdout)

    def must(self, script: str) -> str:
        done = self.run(script)
        assert done.code == 0, f"{script}\n{done.text}"
        return done.text

    def act(self, action: str, *arguments: str) -> Result:
        return self.run(f"exec {action_line(action, *arguments)}")

    def start(self, script: str) -> subprocess.Popen[bytes]:
        """Run a script in a session of its own, which `power_off` ends."""
        begun = self.command("setsid", "/bin/sh", "-c", f"echo $$ >/session; {script}")
        return subprocess.Popen(begun, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def power_off(self, started: subprocess.Popen[bytes]) -> None:
        self.must("pkill --signal KILL --session $(cat /session)")
        started.wait(timeout=10)

    def file(self, path: str) -> Path:
        return Path(f"/proc/{self.pid}/root{ROOT}{path}")

    def held(self) -> set[str]:
        return set(self.must("apt-mark showhold").split())

    def version(self, package: str) -> str:
        return self.must(f"dpkg-query -W -f '${{db:Status-Status}} ${{Version}}' {package}")


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not Path("/usr/bin/dpkg-scanpackages").exists():
        pytest.skip("needs a Debian machine with dpkg-dev")
    folder = tmp_path_factory.mktemp("repository")
    folder.chmod(0o755)  # apt reads repositories as its own user
    for deb in DEBS:
        deb.build(folder)
    for pool in (folder / "core:" / "stable:").iterdir():
        packages = subprocess.run(
            ["dpkg-scanpackages", "--multiversion", "."], cwd=pool / "deb", check=True, capture_output=True, timeout=60
        )
        (pool / "deb" / "Packages").write_bytes(packages.stdout)
    return folder


@contextmanager
def sleeper(*command: str | Path) -> Iterator[int]:
    """A process that says `up` and sleeps; gives its id, ends it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        if process.stdout.readline() != b"up\n":
            pytest.skip(f"needs root and overlays of this machine: {process.stderr.read().decode()}")
        yield process.pid
    finally:
        process.kill()
        process.communicate()


@dataclass(frozen=True)
class Overlays:
    """Where machines are kept."""

    pid: int
    repository: Path

    @contextmanager
    def boot(self, name: str, below: str = "/") -> Iterator[Machine]:
        enter = ["nsenter", f"--target={self.pid}", "--mount"]
        start = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", START, "sh", below, name]
        with sleeper(*enter, *start, NODE, self.repository) as pid:
            yield Machine(int(Path(f"/proc/{pid}/task/{pid}/children").read_text()), name)


@pytest.fixture(scope="session")
def overlays(repository: Path) -> Iterator[Overlays]:
    with sleeper("unshare", "--mount", "/bin/sh", "-c", MEMORY) as pid:
        yield Overlays(pid, repository)


@pytest.fixture(scope="session")
def guide(overlays: Overlays) -> str:
    """The layers of a node at v1.34.4 as kubeadm's installation guide leaves it, but kubectl is not on hold."""
    with overlays.boot("guide") as machine:
        machine.must(PREPARE)
    return "/mnt/guide/up:/"


@pytest.fixture
def bare(overlays: Overlays, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A copy of this machine."""
    with overlays.boot(f"bare-{id(request)}") as machine:
        yield machine


@pytest.fixture
def machine(overlays: Overlays, guide: str, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A node at v1.34.4; kubeadm and kubelet are on hold."""
    with overlays.boot(f"machine-{id(request)}", guide) as machine:
        yield machine
