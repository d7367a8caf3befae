"""The action pull-images: which images, by which client; kubeadm and the runtime's clients are made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.node.conftest import KEEP

if TYPE_CHECKING:
    from tests.node.conftest import Machine, Result

KUBEADM = f"""\
#!/bin/sh
case "$*" in
    "version -o short") echo v1.35.4 ;;
    "config images list --config {KEEP}/images.yaml")
        for name in kube-apiserver:v1.35.4 kube-proxy:v1.35.4 coredns/coredns:v1.13.1 pause:3.10.1 etcd:3.6.6-0; do
            echo "registry.k8s.io/$name"
        done ;;
    "config images pull --config {KEEP}/images.yaml") echo all >>/pulled; [ ! -e /closed ] || exit 1 ;;
    *) exit 2 ;;
esac
"""
CTR = """\
#!/bin/sh
echo "$*" >>/asked
for last; do true; done
case "$*" in
    *" images ls -q name=="*) grep -x "${last#name==}" /images; true ;;
    *" images pull "*) [ ! -e /no-credentials ] || exit 1; echo "$last" >>/pulled ;;
esac
"""
CRICTL = """\
#!/bin/sh
for last; do true; done
case "$*" in
    *" inspecti -q "*) grep -qx "$last" /images ;;
    *" pull "*) echo "$last" >>/pulled ;;
esac
"""
PROXY, PAUSE = "registry.k8s.io/kube-proxy:v1.35.4", "registry.k8s.io/pause:3.10.1"


@pytest.fixture
def node(bare: Machine) -> Machine:
    """A containerd with ctr and no crictl; kubeadm lies in the run's folder."""
    bare.must(f"mkdir -p {KEEP} /var/lib/kubelet /etc/containerd/certs.d && touch /images /pulled")
    put(bare, f"{KEEP}/kubeadm", KUBEADM)
    put(bare, "/usr/local/bin/ctr", CTR)
    flags = 'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/containerd/containerd.sock --v=2"\n'
    bare.file("/var/lib/kubelet/kubeadm-flags.env").write_text(flags)
    return bare


def put(machine: Machine, path: str, text: str) -> None:
    machine.file(path).write_text(text)
    machine.file(path).chmod(0o755)


def pull(machine: Machine, role: str, etcd: str = "none", *pins: str) -> Result:
    return machine.act("pull-images", "v1.35.4", "registry.k8s.io", etcd, role, *pins)


def pulled(machine: Machine) -> list[str]:
    return machine.must("cat /pulled").splitlines()


def test_a_control_plane_pulls_all_that_its_kubeadm_names(node: Machine) -> None:
    done = pull(node, "control-plane")
    assert done.code == 0, done.text
    assert pulled(node) == ["all"]
    config = node.file(f"{KEEP}/images.yaml").read_text()
    assert 'kubernetesVersion: "v1.35.4"\nimageRepository: "registry.k8s.io"\n' in config
    assert 'criSocket: "unix:///run/containerd/containerd.sock"' in config
    assert "etcd:" not in config


@pytest.mark.parametrize(
    ("etcd", "says"),
    [("3.6.5-0", 'etcd: {local: {imageTag: "3.6.5-0"}}'), ("external", "etcd: {external: {endpoints: [")],
)
def test_etcd_is_the_clusters(node: Machine, etcd: str, says: str) -> None:
    assert pull(node, "control-plane", etcd).code == 0
    assert says in node.file(f"{KEEP}/images.yaml").read_text()


def test_other_repositories_are_the_clusters(node: Machine) -> None:
    pins = ("etcd-repository=o.io/e", "dns-repository=o.io/d", "dns-tag=v1.12.1")
    assert pull(node, "control-plane", "3.6.5-0", *pins).code == 0
    config = node.file(f"{KEEP}/images.yaml").read_text()
    assert 'etcd: {local: {imageTag: "3.6.5-0", imageRepository: "o.io/e"}}\n' in config
    assert 'dns: {imageRepository: "o.io/d", imageTag: "v1.12.1"}\n' in config


def test_what_is_there_needs_no_registry(node: Machine) -> None:
    node.must(f"touch /closed; {KEEP}/kubeadm config images list --config {KEEP}/images.yaml >/images")
    done = pull(node, "control-plane")
    assert (done.code, done.text) == (0, "all images of v1.35.4 are here\n")
    assert pulled(node) == []


def test_a_worker_pulls_what_it_will_run_through_the_mirrors(node: Machine) -> None:
    node.file("/images").write_text(f"{PAUSE}\n")
    assert pull(node, "worker").code == 0
    assert pulled(node) == [PROXY]
    asked = node.must("tail -n 1 /asked").strip()
    assert asked == (
        "--address /run/containerd/containerd.sock --namespace k8s.io images pull --hosts-dir /etc/containerd/certs.d "
        f"{PROXY}"
    )


def test_crictl_is_asked_first(node: Machine) -> None:
    put(node, "/usr/local/bin/crictl", CRICTL)
    assert pull(node, "worker").code == 0
    assert pulled(node) == [PROXY, PAUSE]
    assert not node.file("/asked").exists()


def test_a_client_without_the_runtimes_credentials_is_no_failure(node: Machine) -> None:
    node.must("touch /no-credentials")
    done = pull(node, "worker")
    assert done.code == 0, done.text
    assert pulled(node) == ["all"]


@pytest.mark.parametrize("role", ["control-plane", "worker"])
def test_a_registry_that_does_not_answer(node: Machine, role: str) -> None:
    node.must("touch /closed /no-credentials")
    done = pull(node, role)
    assert done.code == 1
    assert done.text.splitlines()[-1].startswith("What to do: make the registry reachable")


def test_a_worker_that_cannot_be_asked_says_so(node: Machine) -> None:
    node.file("/var/lib/kubelet/kubeadm-flags.env").write_text("")
    node.file("/var/lib/kubelet/instance-config.yaml").write_text(
        "containerRuntimeEndpoint: unix:///run/crio/crio.sock\n"
    )
    done = pull(node, "worker")
    assert done.code == 0
    assert f"neither crictl nor ctr can pull here: the kubelet pulls {PROXY} {PAUSE} when they are needed" in done.text


def test_it_needs_the_new_kubeadm(node: Machine) -> None:
    node.must(f"rm {KEEP}/kubeadm")
    assert "Failed: there is no kubeadm v1.35.4 on this node" in pull(node, "worker").text


@pytest.mark.parametrize(
    "words",
    [
        ("v1.35.4", "a;b", "none", "worker"),
        ("v1.35.4", "a", "none", "both"),
        ("v1.35.4", "a", "none", "worker", "dns-tag=a/b"),
        ("v1.35.4", "a", "none", "worker", "dns-repository="),
        ("v1.35.4", "a", "none", "worker", "pause=3.10"),
    ],
)
def test_refuses_other_arguments(node: Machine, words: tuple[str, ...]) -> None:
    assert node.act("pull-images", *(f"'{word}'" for word in words)).code == 2
