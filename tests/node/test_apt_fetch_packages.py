"""The action apt-fetch-packages on a real apt, what is installed from it without any repository, and going back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.node.conftest import CLOCK
from tests.node.test_apt_install_kubelet import EXTRA, FILES, FLAGS, KEEP, SYSTEMCTL
from tests.node.test_restart_kubelet import STUBS, healthz

if TYPE_CHECKING:
    from tests.node.conftest import Machine, Result

LIST = "/etc/apt/sources.list.d/kubernetes.list"
ARCHIVES = f"{KEEP}/apt/archives"
# all that belongs to the system: sources, lists, archives, packages, holds
SYSTEM = """
cat /etc/apt/sources.list /etc/apt/sources.list.d/*
find /etc/apt /var/lib/apt /var/cache/apt/archives /var/lib/dpkg -type f ! -name 'lock*' -printf '%p %s %T@ %i\\n' |
    sort
apt-mark showhold; apt-mark showauto; dpkg-query -W
"""
# the new kubelet is not active as long as this node is broken
UNIT = """\
#!/bin/sh
case "$*" in
    *ActiveState*)
        if [ -e /broken ] && kubelet --version | grep -q v1.35; then echo activating; else echo active; fi ;;
    *NRestarts*) echo 0 ;;
esac
"""


@pytest.fixture
def node(machine: Machine) -> Machine:
    """A repository from which apt copies, as from one that is reached over http."""
    for path, text in FILES.items():
        file = machine.file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    _program(machine, "systemctl", SYSTEMCTL)
    machine.must(f"sed -i s/file:/copy:/ {LIST} && apt-get -qq update")
    return machine


def _program(machine: Machine, name: str, text: str) -> None:
    program = machine.file(f"/usr/local/bin/{name}")
    program.write_text(text)
    program.chmod(0o755)


def fetch(machine: Machine, version: str = "1.35.4", line: str = "v1.35") -> Result:
    return machine.act("apt-fetch-packages", version, line)


def archives(machine: Machine) -> set[str]:
    return {path.name.removesuffix("_amd64.deb") for path in machine.file(ARCHIVES).glob("*.deb")}


def test_fetches_what_will_be_installed_and_what_runs_and_touches_nothing(node: Machine) -> None:
    before = node.must(SYSTEM)
    done = fetch(node)
    assert done.code == 0, done.text
    assert node.must(SYSTEM) == before
    assert archives(node) == {"kubeadm_1.35.4-1.2", "kubelet_1.35.4-1.1", "kubectl_1.35.4-1.1", "kubelet_1.34.4-1.1"}
    assert node.must(f"{KEEP}/kubeadm version -o short") == "v1.35.4\n"
    assert not node.file(f"{KEEP}/kubelet-new").exists()
    assert done.text.splitlines()[-1] == "all of 1.35.4 lies on this node now"


def test_again_finds_everything_without_any_repository(node: Machine) -> None:
    fetch(node)
    node.must("umount /repo")
    again = fetch(node)
    assert again.code == 0
    assert again.text == "all of 1.35.4 was fetched before\n"


def test_what_got_lost_is_fetched_again(node: Machine) -> None:
    fetch(node)
    node.must(f"rm {ARCHIVES}/kubectl_*")
    assert fetch(node).code == 0
    assert "kubectl_1.35.4-1.1" in archives(node)


def test_installs_from_it_when_the_repository_is_gone(node: Machine) -> None:
    assert fetch(node).code == 0
    node.must("umount /repo")
    first = node.act("apt-install-kubeadm", "1.35.4", "v1.35")
    assert first.code == 0, first.text
    assert "v1.35/deb" in node.file(LIST).read_text()
    assert node.version("kubeadm") == "installed 1.35.4-1.2"
    second = node.act("apt-install-kubelet", "1.35.4")
    assert second.code == 0, second.text
    assert node.version("kubelet") == node.version("kubectl") == "installed 1.35.4-1.1"
    assert node.held() == {"kubeadm", "kubelet"}


def test_a_patch_of_the_same_minor(node: Machine) -> None:
    node.must(f"sed -i s/v1.34/v1.35/ {LIST} && apt-get -qq update")
    node.must("apt-get -qq install -y --allow-change-held-packages kubeadm=1.35.4-1.1")
    before = node.must(SYSTEM)
    assert fetch(node).code == 0
    assert node.must(SYSTEM) == before
    assert "kubelet_1.35.4-1.1" in archives(node)


def test_a_lost_package_is_fetched_again_by_the_installation(node: Machine) -> None:
    fetch(node)
    node.must(f"rm {ARCHIVES}/kubeadm_*")
    done = node.act("apt-install-kubeadm", "1.35.4", "v1.35")
    assert done.code == 0, done.text
    assert "fetching the package index" in done.text


def test_a_repository_on_the_nodes_own_disk(node: Machine) -> None:
    node.must(f"sed -i s/copy:/file:/ {LIST}")
    done = fetch(node)
    assert done.code == 0, done.text
    assert node.act("apt-install-kubeadm", "1.35.4", "v1.35").code == 0
    assert node.act("apt-install-kubelet", "1.35.4").code == 0
    assert node.held() == {"kubeadm", "kubelet"}


def test_nodes_that_are_at_the_version_need_nothing(node: Machine) -> None:
    fetch(node)
    node.act("apt-install-kubeadm", "1.35.4", "v1.35")
    node.act("apt-install-kubelet", "1.35.4")
    node.must(f"rm -r {KEEP}")
    done = fetch(node)
    assert done.code == 0, done.text
    assert archives(node) == set()


@pytest.mark.parametrize(
    ("version", "line", "says"),
    [
        ("1.35.9", "v1.35", "no repository of this node offers kubeadm 1.35.9: copy:/repo/core:/stable:/ v1.35"),
        ("1.38.0", "v1.38", "apt-get update of "),
        ("1.36.0", "v1.36", "no repository of this node offers kubelet 1.36.0"),
    ],
    ids=["no such version", "no such minor", "only a part of it"],
)
def test_what_the_repository_lacks_is_found_with_nothing_changed(
    node: Machine, version: str, line: str, says: str
) -> None:
    before = node.must(SYSTEM)
    done = fetch(node, version, line)
    assert done.code == 1
    assert says in done.text
    assert done.text.splitlines()[-1].startswith("What to do: ")
    assert node.must(SYSTEM) == before


def test_other_packages_would_change(node: Machine) -> None:
    node.must("sed -i 's/^Version: 1.34.4-1.1$/Version: 1.36.0-0/' /var/lib/dpkg/status")
    for name in ("kubelet", "kubectl"):
        node.must(f"sed -i '/^Package: {name}$/,/^$/s/^Version: .*/Version: 1.36.0-1.1/' /var/lib/dpkg/status")
    node.must("sed -i '/^Package: kubeadm$/,/^$/s/^Version: .*/Version: 1.35.4-1.1/' /var/lib/dpkg/status")
    done = fetch(node, "1.36.0", "v1.36")
    assert done.code == 1
    assert "also change other packages: surprise" in done.text


@pytest.mark.parametrize(
    ("size", "version", "says"),
    [("2m", "1.35.4", "17 MiB are needed to fetch anything"), ("64m", "1.39.0", " MiB are needed to fetch kube")],
)
def test_a_full_disk_is_found_before_anything_is_fetched(node: Machine, size: str, version: str, says: str) -> None:
    node.must(f"mkdir -p {KEEP} && mount -t tmpfs -o size={size} tmpfs {KEEP}")
    done = fetch(node, version, f"v{version[:4]}")
    assert done.code == 1
    assert f"Failed: {KEEP} has " in done.text
    assert says in done.text
    assert "What to do: make room on the disk of this node" in done.text
    assert archives(node) == set()


def test_a_kubelet_that_no_repository_offers_any_more_cannot_be_kept(node: Machine) -> None:
    node.must("sed -i '/^Package: kubelet$/,/^$/s/^Version: .*/Version: 1.34.0-1.1/' /var/lib/dpkg/status")
    done = fetch(node)
    assert done.code == 0, done.text
    assert "kubelet 1.34.0-1.1 cannot be kept for going back: no repository of this node offers it" in done.text


def test_a_flag_that_nobody_will_clean_stops_it_here(node: Machine) -> None:
    node.file(EXTRA).write_text("KUBELET_EXTRA_ARGS=--pod-infra-container-image=x\n")
    done = fetch(node)
    assert done.code == 1
    assert f"{EXTRA}: unknown flag: --pod-infra-container-image" in done.text
    node.file(EXTRA).write_text("KUBELET_EXTRA_ARGS=--v=2\n")
    node.file(FLAGS).write_text('KUBELET_KUBEADM_ARGS="--pod-infra-container-image=x"\n')
    assert fetch(node).code == 0, "kubeadm cleans its own file"


@pytest.fixture
def broken(node: Machine) -> Machine:
    """A node where the new kubelet is installed and will not start."""
    assert fetch(node).code == 0
    assert node.act("apt-install-kubelet", "1.35.4").code == 0
    _program(node, "systemctl", UNIT)
    for name in ("journalctl", *CLOCK):
        _program(node, name, STUBS[name])
    node.must("umount /repo; touch /broken")
    return node


def test_a_kubelet_that_does_not_stay_up_goes_back(broken: Machine) -> None:
    with healthz(broken, "ok"):
        done = broken.act("restart-kubelet", "v1.35.4", "apt")
        assert done.code == 1
        assert "unknown flag: --nope" in done.text
        assert (
            "Failed: kubelet v1.35.4 does not stay up: activating, 0 restarts, healthz: ok. Kubelet 1.34.4-1.1, "
            in (done.text)
        )
        assert done.text.splitlines()[-1].endswith("then apply again: it installs v1.35.4 anew")
        assert broken.version("kubelet") == "installed 1.34.4-1.1"
        assert broken.version("kubectl") == "installed 1.35.4-1.1"
        assert broken.held() == {"kubeadm", "kubelet"}
        assert broken.file(f"{KEEP}/stepped-back").read_text() == "kubelet\n"
        broken.must("rm /broken")
        _program(broken, "systemctl", SYSTEMCTL)
        again = broken.act("apt-install-kubelet", "1.35.4")
        assert again.code == 0, again.text
        assert not broken.file(f"{KEEP}/stepped-back").exists()
        _program(broken, "systemctl", UNIT)
        assert broken.act("restart-kubelet", "v1.35.4", "apt").code == 0


def test_without_a_kept_package_the_new_one_stays(broken: Machine) -> None:
    broken.must(f"rm {ARCHIVES}/kubelet_1.34.4-1.1_*")
    with healthz(broken, "ok"):
        done = broken.act("restart-kubelet", "v1.35.4", "apt")
    assert done.code == 1
    assert "going back" not in done.text
    assert broken.version("kubelet") == "installed 1.35.4-1.1"


def test_the_old_one_may_not_stay_up_either(broken: Machine) -> None:
    with healthz(broken, "syncloop is late"):
        done = broken.act("restart-kubelet", "v1.35.4", "apt")
    assert done.code == 1
    assert "nor does 1.34.4-1.1, which ran before and is installed again: active, 0 restarts" in done.text
    assert broken.version("kubelet") == "installed 1.34.4-1.1"
