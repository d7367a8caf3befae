"""The fact rendered: asked of kubeadm itself, as the lab has built it, on a machine that stays as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade import node
from kubectl_upgrade.facts import FACTS
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.rendered import Difference, Rendered
from kubectl_upgrade.world import FactOutput
from tests.lab.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.node.conftest import Machine, Overlays

VERSION = "v1.34.4"
MANIFESTS = "/etc/kubernetes/manifests"
CONFIGURATION = f"""\
apiServer:
  extraArgs:
  - name: profiling
    value: "false"
  - name: event-ttl
    value: "1h<2h\\t"
apiVersion: kubeadm.k8s.io/v1beta4
clusterName: lab
controlPlaneEndpoint: 10.99.0.1:6443
controllerManager: {{}}
dns: {{}}
etcd:
  local:
    dataDir: /var/lib/etcd
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: {VERSION}
networking:
  dnsDomain: cluster.local
  serviceSubnet: 10.96.0.0/12
proxy: {{}}
scheduler: {{}}
"""
INIT = f"""\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration: {{name: cp1}}
localAPIEndpoint: {{advertiseAddress: 10.99.0.11, bindPort: 6443}}
---
{CONFIGURATION}"""
# the API server's answer, as it is written for curl
CURL = "#!/bin/sh\ncat /answer\n"
PATCH = "spec:\n  containers:\n  - name: kube-apiserver\n    env:\n    - {name: PASSWORD, value: hunter2}\n"


def put(machine: Machine, path: str, text: str) -> None:
    machine.file(path).parent.mkdir(parents=True, exist_ok=True)
    machine.file(path).write_text(text)
    machine.file(path).chmod(0o755)


def change(machine: Machine, component: str, old: str, new: str) -> None:
    file = machine.file(f"{MANIFESTS}/{component}.yaml")
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def configure(machine: Machine, configuration: str) -> None:
    managed: dict[str, object] = {"f:ClusterConfiguration": {}}
    config_map = {"data": {"ClusterConfiguration": configuration}, "metadata": {"managedFields": [managed]}}
    escaped = json.dumps(config_map, indent=2).replace("<", "\\u003c")
    put(machine, "/answer", f"{escaped}\n200")


@pytest.fixture(scope="module")
def layers(overlays: Overlays) -> str:
    """A control plane that kubeadm has just made."""
    built = sorted(Place.default().cache.glob(f"debs-{VERSION}-*/kubeadm_*.deb"))
    if not built:
        pytest.skip("the lab has not built kubeadm yet")
    with overlays.boot("rendered") as machine:
        machine.must(f"rm -rf /etc/kubernetes; dpkg -x {built[0]} /opt/kubeadm")
        machine.must("ln -sf /opt/kubeadm/usr/bin/kubeadm /usr/local/bin/kubeadm")
        put(machine, "/init", INIT)
        put(machine, "/usr/local/bin/curl", CURL)
        put(machine, "/usr/local/bin/systemctl", "#!/bin/sh\n[ ! -e /environment ] || cat /environment\n")
        configure(machine, CONFIGURATION)
        for phase in ("control-plane all", "etcd local"):
            machine.must(f"kubeadm init phase {phase} --config /init")
    return "/mnt/rendered/up:/"


@pytest.fixture
def control_plane(overlays: Overlays, layers: str, request: pytest.FixtureRequest) -> Iterator[Machine]:
    with overlays.boot(f"rendered-{id(request)}", layers) as machine:
        yield machine


def asked(machine: Machine) -> Rendered | Unknown:
    put(machine, "/fact", node.fact("rendered"))
    before = written(machine)
    done = machine.run("exec sh /fact")
    assert written(machine) == before
    found = FACTS["rendered"](FactOutput(done.code, done.text))
    assert isinstance(found, Rendered | Unknown)
    assert "hunter2" not in repr(found)
    return found


def written(machine: Machine) -> dict[str, float]:
    """What differs on this machine from the one below it, and since when."""
    return {str(path): path.lstat().st_mtime for path in machine.upper.rglob("*")}


def differences(machine: Machine, component: str = "kube-apiserver") -> tuple[Difference, ...]:
    found = asked(machine)
    assert isinstance(found, Rendered), found
    assert found.comparable
    others = {name: there for name, there in found.differences.items() if name != component}
    assert not any(others.values()), others
    return found.differences[component]


def test_what_kubeadm_has_made_is_what_it_would_make(control_plane: Machine) -> None:
    found = asked(control_plane)
    assert isinstance(found, Rendered), found
    assert found.comparable
    components = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
    assert found.differences == dict.fromkeys(components, ())


def test_how_it_is_written_is_no_matter_nor_which_authorities_the_machine_has(control_plane: Machine) -> None:
    change(control_plane, "kube-apiserver", "    - --profiling=false\n", "")
    change(
        control_plane,
        "kube-apiserver",
        "    - kube-apiserver\n",
        "    - kube-apiserver # ours\n    - --profiling=false\n",
    )
    change(control_plane, "kube-scheduler", "--leader-elect=true", '"--leader-elect"\n    - "true"')
    control_plane.must("mkdir -p /etc/pki/tls/certs /etc/pki/ca-trust /etc/ca-certificates")
    assert differences(control_plane) == ()


def test_what_a_hand_has_added_changed_and_taken_out(control_plane: Machine) -> None:
    change(control_plane, "kube-apiserver", "    - --profiling=false\n", "    - --audit-log-path=/var/log/audit\n")
    change(control_plane, "kube-apiserver", "cpu: 250m", "cpu: '2'")
    change(control_plane, "kube-apiserver", "=Node,RBAC\n", "=Node\n    - --oidc-issuer-url=https://u:hunter2@x\n")
    volume = "  volumes:\n  - hostPath:\n      path: /var/log\n    name: audit\n"
    change(control_plane, "kube-apiserver", "  volumes:\n", volume)
    change(control_plane, "kube-apiserver", "    image: ", "    env:\n    - {name: TOKEN, value: hunter2}\n    image: ")
    assert differences(control_plane) == (
        Difference(what="--audit-log-path", manifest="/var/log/audit", rendered=None),
        Difference(what="--authorization-mode", manifest="Node", rendered="Node,RBAC"),
        Difference(what="--oidc-issuer-url", manifest="https://x", rendered=None),
        Difference(what="--profiling", manifest=None, rendered="false"),
        Difference(what="env TOKEN", manifest="", rendered=None),
        Difference(what="resources", manifest="requests.cpu 2", rendered="requests.cpu 250m"),
        Difference(what="volume audit", manifest="hostPath.path /var/log", rendered=None),
    )


def test_a_member_that_joined_others(control_plane: Machine) -> None:
    first = "    - --initial-cluster=cp1=https://10.99.0.11:2380\n"
    joined = first.replace("cp1", "cp2=https://10.99.0.12:2380,cp1") + "    - --initial-cluster-state=existing\n"
    change(control_plane, "etcd", first, joined)
    change(control_plane, "etcd", "--snapshot-count=10000", "--snapshot-count=5000")
    expected = Difference(what="--snapshot-count", manifest="5000", rendered="10000")
    assert differences(control_plane, "etcd") == (expected,)


def test_a_patch_that_was_not_used_the_last_time(control_plane: Machine) -> None:
    put(control_plane, "/etc/kubernetes/patches/kube-apiserver+strategic.yaml", PATCH)
    assert differences(control_plane) == (Difference(what="env PASSWORD", manifest=None, rendered=""),)


def test_a_units_environment_is_what_kubeadm_will_have(control_plane: Machine) -> None:
    put(control_plane, "/environment", "LANG=C\nHTTPS_PROXY=http://u:hunter2@proxy:3128\n")
    found = asked(control_plane)
    assert isinstance(found, Rendered), found
    proxy = Difference(what="env HTTPS_PROXY", manifest=None, rendered="")
    assert found.differences == {"etcd": ()} | dict.fromkeys(
        ("kube-apiserver", "kube-controller-manager", "kube-scheduler"), (proxy,)
    )


def test_a_proxy_that_systemd_writes_for_a_shell_is_not_compared(control_plane: Machine) -> None:
    put(control_plane, "/environment", "NO_PROXY=$'10.0.0.0/8,*.local'\nHTTPS_PROXY=http://proxy:3128\n")
    for component in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        env = "    env:\n    - {name: NO_PROXY, value: '10.0.0.0/8,*.local'}\n    image: "
        change(control_plane, component, "    image: ", env)
    found = asked(control_plane)
    assert isinstance(found, Rendered), found
    assert {one.what for one in found.differences["kube-scheduler"]} == {"env HTTPS_PROXY"}


def kubeadm(machine: Machine, version: str = VERSION, below: str = "") -> None:
    """One that says another version, or writes into a folder below the one that it is told."""
    machine.must("rm /usr/local/bin/kubeadm")
    says = f'[ "$1" = version ] && echo {version} && exit'
    folder = f"KUBEADM_INIT_DRYRUN_DIR=$KUBEADM_INIT_DRYRUN_DIR{below}"
    script = f'#!/bin/sh\n{says}\n{folder} exec /opt/kubeadm/usr/bin/kubeadm "$@"\n'
    put(machine, "/usr/local/bin/kubeadm", script)


def test_a_kubeadm_that_writes_elsewhere_is_no_answer(control_plane: Machine) -> None:
    kubeadm(control_plane, below="/below")
    found = asked(control_plane)
    assert isinstance(found, Unknown)
    assert "it has written no manifest" in found.reason


def test_an_early_kubeadm_is_not_asked(control_plane: Machine) -> None:
    kubeadm(control_plane, "v1.31.14")
    configure(control_plane, CONFIGURATION.replace(VERSION, "v1.31.14"))
    found = asked(control_plane)
    assert isinstance(found, Rendered), found
    assert (found.skipped, found.differences) == ("kubeadm before v1.32 does not say what it would write", {})
    assert not found.comparable


def test_without_the_key_of_the_ca_it_is_not_asked(control_plane: Machine) -> None:
    control_plane.must("mkdir -p /etc/kubernetes/pki && touch /etc/kubernetes/pki/ca.crt")
    found = asked(control_plane)
    assert isinstance(found, Rendered), found
    assert found.skipped == "kubeadm's dry run wants the key of the cluster's CA"
    control_plane.must("touch /etc/kubernetes/pki/ca.key")
    assert not any(differences(control_plane))


def test_another_kubeadm_is_not_asked(control_plane: Machine) -> None:
    configure(control_plane, CONFIGURATION.replace(VERSION, "v1.35.4"))
    found = asked(control_plane)
    assert isinstance(found, Rendered), found
    assert (str(found.kubeadm), str(found.cluster), found.differences) == (VERSION, "v1.35.4", {})
    assert not found.comparable


def test_no_answer(control_plane: Machine) -> None:
    put(control_plane, "/answer", "curl: (7) Failed to connect\n000")
    found = asked(control_plane)
    assert isinstance(found, Unknown)
    assert "kubeadm-config answered 000" in found.reason


def test_what_cannot_be_rendered_is_unknown(control_plane: Machine) -> None:
    def reason(old: str, new: str) -> str:
        configure(control_plane, CONFIGURATION.replace(old, new))
        found = asked(control_plane)
        assert isinstance(found, Unknown)
        return found.reason

    assert "no kubernetesVersion" in reason("kubernetesVersion", "version")
    assert "RootlessControlPlane" in reason("dns: {}", "featureGates:\n  RootlessControlPlane: true")
    invalid = reason("10.96.0.0/12", "nonsense")
    assert "nonsense" in invalid
    assert invalid.endswith(f"kubeadm {VERSION} cannot render the manifests of this node")
    change(control_plane, "kube-apiserver", "advertise-address.endpoint: 10.99.0.11:6443", "other: x")
    assert "no endpoint is annotated" in reason("", "")


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_nothing_is_left_when_it_is_killed(control_plane: Machine, signal: str) -> None:
    """While kubeadm has written its manifests and does not end."""
    slow = '#!/bin/sh\n/opt/kubeadm/usr/bin/kubeadm "$@" && [ "$1" = version ] || { echo >/begun; sleep 60; }\n'
    control_plane.must("rm /usr/local/bin/kubeadm; mkfifo /begun")
    put(control_plane, "/usr/local/bin/kubeadm", slow)
    put(control_plane, "/fact", node.fact("rendered"))
    before = written(control_plane)
    started = control_plane.start("exec timeout 30 sh /fact")
    control_plane.must("timeout 20 cat /begun")
    control_plane.must(f"pkill --signal {signal} --session $(cat /session)")
    started.wait(timeout=10)
    control_plane.must("rm /session")
    assert written(control_plane) == before
