"""The action move-etcd: by which kubeadm, with what around it, and what it believes afterwards; kubeadm is made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.node.conftest import KEEP

if TYPE_CHECKING:
    from tests.node.conftest import Machine

MANIFESTS = "/etc/kubernetes/manifests"
# it writes the manifest with the tag that /tag holds, as the real one takes it from the cluster's configuration
KUBEADM = f"""\
#!/bin/sh
[ "$*" = "version -o short" ] && echo v1.33.9 && exit
printf '<%s>' "$@"; echo
[ ! -e /fails ] || exit 1
sed -i "s#/etcd:.*#/etcd:$(cat /tag)#" {MANIFESTS}/etcd.yaml
"""
ARGUMENTS = ("v1.33.9", "3.5.32-0", "none")


@pytest.fixture
def member(bare: Machine) -> Machine:
    """A control plane at v1.33.9 whose configuration names etcd 3.5.32."""
    bare.must(f"mkdir -p {MANIFESTS} /etc/kubernetes/patches && echo 3.5.32-0 >/tag")
    bare.file("/usr/local/bin/kubeadm").write_text(KUBEADM)
    bare.must("chmod 755 /usr/local/bin/kubeadm")
    images = dict.fromkeys(("kube-apiserver", "kube-controller-manager", "kube-scheduler"), "v1.33.9")
    for name, tag in {**images, "etcd": "3.5.24-0"}.items():
        text = f"spec:\n  containers:\n  - command:\n    - {name}\n    image: registry:5000/k8s/{name}:{tag}\n"
        bare.file(f"{MANIFESTS}/{name}.yaml").write_text(text)
    return bare


def test_only_the_phase_that_writes_static_pods_runs(member: Machine) -> None:
    done = member.act("move-etcd", *ARGUMENTS)
    assert done.code == 0, done.text
    assert "<upgrade><node><phase><control-plane><--certificate-renewal=false>\n" in done.text
    assert done.text.splitlines()[-1] == "etcd is at 3.5.32-0"
    kept = dict(line.split() for line in member.file(f"{KEEP}/manifests").read_text().splitlines())
    hashed = member.must(f"sha256sum {MANIFESTS}/etcd.yaml").split()[0]
    assert kept["etcd"] == f"sha256:{hashed}"


def test_patches_of_the_cluster_stay_in_it(member: Machine) -> None:
    done = member.act("move-etcd", "v1.33.9", "3.5.32-0", "standard")
    assert "<--certificate-renewal=false><--patches></etc/kubernetes/patches>\n" in done.text


@pytest.mark.parametrize("tag", ["3.5.32-0", "3.5.100-0", "3.6.0-0"])
def test_an_etcd_that_is_there_or_further_is_fine(member: Machine, tag: str) -> None:
    member.must(f"echo {tag} >/tag")
    assert member.act("move-etcd", *ARGUMENTS).code == 0


@pytest.mark.parametrize("tag", ["3.5.24-0", "3.5.4-0"])
def test_an_exit_code_of_0_is_not_believed_when_etcd_has_not_moved(member: Machine, tag: str) -> None:
    member.must(f"echo {tag} >/tag")
    done = member.act("move-etcd", *ARGUMENTS)
    assert done.code == 1
    assert f"Failed: kubeadm has left etcd at {tag}\nWhat to do: see whether etcd.local.imageTag" in done.text


def test_kubeadms_failure_is_ours(member: Machine) -> None:
    member.must("touch /fails")
    done = member.act("move-etcd", *ARGUMENTS)
    assert done.code == 1
    assert "Failed: kubeadm upgrade ended with exit code 1" in done.text


def test_another_kubeadm_is_not_run(member: Machine) -> None:
    done = member.act("move-etcd", "v1.33.8", "3.5.32-0", "none")
    assert done.code == 1
    assert "Failed: kubeadm on this node is v1.33.9, not v1.33.8\n" in done.text
    assert "<upgrade>" not in done.text


@pytest.mark.parametrize("component", ["kube-apiserver", "kube-scheduler"])
def test_nothing_else_may_move_with_it(member: Machine, component: str) -> None:
    member.must(f"sed -i s/v1.33.9/v1.33.5/ {MANIFESTS}/{component}.yaml")
    done = member.act("move-etcd", *ARGUMENTS)
    assert done.code == 1
    assert f"Failed: the manifest of {component} names v1.33.5, not v1.33.9\n" in done.text
    assert "<upgrade>" not in done.text


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("1.33.9", "3.5.32-0", "none"), "VERSION"),
        (("v1.33.9", "latest", "none"), "TAG"),
        (("v1.33.9", "3.5.32-0", "/etc/patches"), "PATCHES"),
        (("v1.33.9", "3.5.32-0", "--dry-run"), "PATCHES"),
    ],
)
def test_arguments_are_checked_again(member: Machine, arguments: tuple[str, ...], name: str) -> None:
    done = member.act("move-etcd", *arguments)
    assert done.code == 2
    assert done.text.startswith(f"Refused: {name} may not be ")
