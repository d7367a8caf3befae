"""The fact flags under dash, on nodes as kubeadm and people set them up; parsed as the tool parses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade import node
from kubectl_upgrade.facts import FACTS
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.given import Given
from kubectl_upgrade.world import FactOutput
from tests.node.test_apt_install_kubelet import DROP_IN, EXTRA, FILES, FLAGS, SYSTEMCTL

if TYPE_CHECKING:
    from tests.node.conftest import Machine

CONFIG = "/var/lib/kubelet/config.yaml"
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
PATCHES = "/etc/kubernetes/patches"
APISERVER = """\
apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint: 10.99.0.11:6443
  labels:
    component: kube-apiserver
    tier: control-plane
  name: kube-apiserver
  namespace: kube-system
spec:
  containers:
  - command:
    - kube-apiserver
    - --advertise-address=10.99.0.11
    - --enable-admission-plugins=NodeRestriction,PodSecurity
    - --etcd-servers=https://127.0.0.1:2379
    - --feature-gates=A=true,B=false
    - '--oidc-issuer-url=https://user:hunter2@example.com'
    image: registry.k8s.io/kube-apiserver:v1.34.4
    imagePullPolicy: IfNotPresent
    livenessProbe:
      failureThreshold: 8
      httpGet:
        host: 10.99.0.11
        path: /livez
        port: probe-port
        scheme: HTTPS
    name: kube-apiserver
    ports:
    - containerPort: 6443
      name: probe-port
      protocol: TCP
  hostNetwork: true
  volumes:
  - hostPath:
      path: /etc/ssl/certs
      type: DirectoryOrCreate
    name: ca-certs
status: {}
"""
SIDECAR = "  containers:\n  - args:\n    - --cloud-config=x\n    image: example.com/sidecar:1\n    name: sidecar\n"


def put(machine: Machine, path: str, text: str) -> None:
    machine.file(path).parent.mkdir(parents=True, exist_ok=True)
    machine.file(path).write_text(text)


def ask(machine: Machine) -> dict[tuple[str, str], Given] | Unknown:
    """By component and place; what a value of a flag is never leaves the node."""
    put(machine, "/fact", node.fact("flags"))
    done = machine.run("exec sh /fact")
    assert "hunter2" not in done.text
    found = FACTS["flags"](FactOutput(done.code, done.text))
    if isinstance(found, Unknown):
        return found
    assert isinstance(found, tuple)
    return {(given.component, given.place): given for given in found}


def known(machine: Machine) -> dict[tuple[str, str], Given]:
    found = ask(machine)
    assert isinstance(found, dict), found
    return found


@pytest.fixture
def host(bare: Machine) -> Machine:
    """A worker whose kubelet kubeadm has set up."""
    for path, text in FILES.items():
        put(bare, path, text)
    put(bare, "/usr/local/bin/systemctl", SYSTEMCTL)
    bare.file("/usr/local/bin/systemctl").chmod(0o755)
    return bare


def test_a_kubelet_by_file(host: Machine) -> None:
    put(host, FLAGS, 'KUBELET_KUBEADM_ARGS="--pod_infra_container_image=registry.k8s.io/pause:3.10 --v=2"\n')
    put(host, EXTRA, "KUBELET_EXTRA_ARGS=--node-labels=a=hunter2 --feature-gates A=true,B=false --v 2\n")
    found = known(host)
    assert found["kubelet", DROP_IN].flags == ("bootstrap-kubeconfig", "kubeconfig", "config")
    assert found["kubelet", FLAGS].flags == ("pod-infra-container-image", "v")
    assert found["kubelet", EXTRA].flags == ("node-labels", "feature-gates", "v")
    assert found["kubelet", EXTRA].gates == ("A", "B")
    assert len(found) == 3


def test_what_does_not_reach_the_kubelet_is_no_matter(host: Machine) -> None:
    put(host, "/etc/sysconfig/kubelet", "KUBELET_EXTRA_ARGS=--nobody-reads-this\n")
    put(host, EXTRA, "# KUBELET_EXTRA_ARGS=--x\nKUBELET_EXTRA_ARGS=\n")
    assert set(known(host)) == {("kubelet", DROP_IN), ("kubelet", FLAGS)}


def test_the_file_that_rpm_systems_have(host: Machine) -> None:
    put(host, DROP_IN, FILES[DROP_IN].replace(EXTRA, "/etc/sysconfig/kubelet"))
    put(host, "/etc/sysconfig/kubelet", "KUBELET_EXTRA_ARGS=--x\n")
    assert known(host)["kubelet", "/etc/sysconfig/kubelet"].flags == ("x",)


@pytest.mark.parametrize(
    "gates",
    [
        "featureGates:\n  A: true\n  # C: true\n  B: false # since 2021\n",
        "featureGates: {A: true, B: false}\n",
        '"featureGates":\n  {"A": true,\n   "B": false\n  }\n',
    ],
)
def test_gates_of_the_kubelets_configuration(host: Machine, gates: str) -> None:
    put(host, DROP_IN, FILES[DROP_IN].replace("--config=/c", f"--config={CONFIG}"))
    put(host, CONFIG, f"apiVersion: kubelet.config.k8s.io/v1beta1\nauthentication:\n  x509: {{}}\n{gates}kind: K\n")
    assert known(host)["kubelet", CONFIG].gates == ("A", "B")


@pytest.mark.parametrize("text", ["kind: K\n", "featureGates: {}\n", "featureGates:\nkind: K\n", "featureGates: ~\n"])
def test_no_gates(host: Machine, text: str) -> None:
    put(host, DROP_IN, FILES[DROP_IN].replace("--config=/c", f"--config={CONFIG}"))
    put(host, CONFIG, text)
    assert ("kubelet", CONFIG) not in known(host)


def test_gates_in_a_drop_in_of_the_configuration_and_in_patches(host: Machine) -> None:
    put(host, EXTRA, "KUBELET_EXTRA_ARGS=--config-dir /etc/kubelet.d\n")
    put(host, "/etc/kubelet.d/10.conf", "featureGates:\n  A: true\n")
    put(host, f"{PATCHES}/kubeletconfiguration.yaml", "featureGates:\n  B: true\n")
    put(host, f"{PATCHES}/kubeletconfiguration1+json.json", '[{"op": "add", "path": "/featureGates/C", "value": 1}]\n')
    found = known(host)
    assert found["kubelet", "/etc/kubelet.d/10.conf"].gates == ("A",)
    assert found["kubelet", f"{PATCHES}/kubeletconfiguration.yaml"].gates == ("B",)
    assert found["kubelet", f"{PATCHES}/kubeletconfiguration1+json.json"].gates == ("C",)


@pytest.mark.parametrize("manifest", [APISERVER, APISERVER.replace("  containers:\n", SIDECAR)])
def test_a_manifest(host: Machine, manifest: str) -> None:
    put(host, MANIFEST, manifest)
    assert known(host)["kube-apiserver", MANIFEST] == Given(
        component="kube-apiserver",
        place=MANIFEST,
        flags=("advertise-address", "enable-admission-plugins", "etcd-servers", "feature-gates", "oidc-issuer-url"),
        gates=("A", "B"),
        plugins=("NodeRestriction", "PodSecurity"),
    )


def test_patches_of_manifests(host: Machine) -> None:
    patch = f"{PATCHES}/kube-apiserver0+strategic.yaml"
    put(
        host, patch, 'spec:\n  # --not-this\n  containers:\n  - args: ["--x=hunter2", --feature-gates=A=true,B=false]\n'
    )
    put(host, f"{PATCHES}/corednsdeployment.yaml", "args: [--y]\n")
    found = known(host)
    assert found["kube-apiserver", patch].flags == ("x", "feature-gates")
    assert found["kube-apiserver", patch].gates == ("A", "B")
    assert set(found) == {("kubelet", DROP_IN), ("kubelet", FLAGS), ("kubelet", EXTRA), ("kube-apiserver", patch)}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (MANIFEST, APISERVER.replace("  - command:\n    - kube-apiserver\n", "  - command: [kube-apiserver, --x]\n")),
        (MANIFEST, APISERVER.replace("    name: kube-apiserver\n", "    name: other\n")),
        (f"{PATCHES}/kubeletconfiguration.json", '{"featureGates": {"A": true}}\n'),
    ],
    ids=["in one line", "no such container", "JSON"],
)
def test_what_is_written_otherwise_is_unknown(host: Machine, path: str, text: str) -> None:
    put(host, path, text)
    found = ask(host)
    assert isinstance(found, Unknown)
    assert f"{path} is not written as kubeadm writes it" in found.reason


def test_no_unit_is_unknown(host: Machine) -> None:
    put(host, "/usr/local/bin/systemctl", "#!/bin/sh\n")
    assert ask(host) == Unknown("systemd knows no unit kubelet on this node")
