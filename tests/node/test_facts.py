"""Fact scripts under dash, on nodes that are whole, broken or strange; parsed as the tool parses them."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from kubectl_upgrade import node
from kubectl_upgrade.facts import FACTS
from kubectl_upgrade.model.certificates import Certificates
from kubectl_upgrade.model.deprecated_api import DeprecatedApi
from kubectl_upgrade.model.facts import (
    Apiserver,
    Components,
    Etcd,
    Host,
    Kubeadm,
    ManifestFiles,
    Packages,
    StaticPod,
    Unknown,
)
from kubectl_upgrade.model.run_record import LastOutput, RunRecord, UnitRecord
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.world import FactOutput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.node.conftest import Machine

URL = "https://10.99.0.11:2379"
MANIFEST = f"""\
apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubeadm.kubernetes.io/etcd.advertise-client-urls: {URL}
  name: etcd
  namespace: kube-system
spec:
  containers:
  - command:
    - etcd
    - --advertise-client-urls={URL}
    - --listen-client-urls=https://127.0.0.1:2379,{URL}
    image: registry.example.com:5000/k8s/etcd:3.6.5-0
    imagePullPolicy: IfNotPresent
    name: etcd
    volumeMounts:
    - mountPath: /var/lib/etcd
      name: etcd-data
  hostNetwork: true
  volumes:
  - hostPath:
      path: /var/lib/etcd
    name: etcd-data
status: {{}}
"""
SIDECAR = "  containers:\n  - image: registry.example.com/sidecar:1\n    name: sidecar\n"
ETCDCTL = """\
#!/bin/sh
case "$*" in
    *"member list"*) echo '{"members":[{"ID":10,"name":"cp1"}]}' ;;
    *"alarm list"*) echo '{}' ;;
    *"--endpoints https://10.99.0.11:2379 "*"endpoint status"*"-w json")
        [ ! -e /etcd-hangs ] || exec sleep 60
        echo '[{"Status":{"header":{"member_id":10},"version":"3.6.5","dbSize":1,"leader":10,"raftIndex":7,"raftAppliedIndex":7}}]' ;;
    *) exit 9 ;;
esac
"""  # noqa: E501 - one line of JSON


SYSTEMCTL = """\
#!/bin/sh
[ ! -e /no-systemd ] || exit 1
case "$2" in *-running-*) echo active ;; *) echo inactive && exit 3 ;; esac
"""


def ask(machine: Machine, name: str) -> object:
    machine.file("/fact").write_text(node.fact(name))
    done = machine.run("exec sh /fact")
    return FACTS[name](FactOutput(done.code, done.text))


def put(machine: Machine, path: str, text: str) -> None:
    file = machine.file(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def test_host(bare: Machine) -> None:
    bare.must(
        "mkdir -p /etc/ssh && rm -f /etc/ssh/ssh_host_* && ssh-keygen -q -t rsa -N '' -f /etc/ssh/ssh_host_rsa_key"
    )
    rsa = ask(bare, "host")
    bare.must("ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key")
    ed25519 = ask(bare, "host")
    assert isinstance(rsa, Host)
    assert isinstance(ed25519, Host)
    assert bare.must("ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub").split()[1] == ed25519.host_key
    assert rsa.host_key != ed25519.host_key
    assert ed25519.hostname == bare.must("uname -n").strip()
    assert ed25519.boot_id == bare.must("cat /proc/sys/kernel/random/boot_id").strip()


def test_host_without_a_key(bare: Machine) -> None:
    bare.must("rm -rf /etc/ssh")
    assert ask(bare, "host") == Unknown("no ssh host key under /etc/ssh")


def test_packages(machine: Machine) -> None:
    assert ask(machine, "packages") == Packages(
        family="apt",
        repository="v1.34",
        held=("kubeadm", "kubelet"),
        installed=dict.fromkeys(("kubeadm", "kubectl", "kubelet"), "1.34.4-1.1"),
    )


def test_binaries_of_no_package(bare: Machine) -> None:
    put(bare, "/usr/bin/kubelet", "#!/bin/sh\necho Kubernetes v1.34.4\n")
    assert ask(bare, "packages") == Packages(family="unknown", repository="none", held=(), installed={})


def test_kubeadm(bare: Machine) -> None:
    put(bare, "/usr/bin/kubelet", "#!/bin/sh\necho Kubernetes v1.34.4\n")
    put(bare, "/etc/kubernetes/kubelet.conf", "")
    put(bare, "/etc/kubernetes/patches/etcd.yaml", "")
    assert ask(bare, "kubeadm") == Kubeadm(
        initialised=True,
        control_plane=False,
        kubeadm=None,
        kubelet=Version(1, 34, 4),
        patches="standard",
        admin_conf=False,
    )


@pytest.mark.parametrize(
    "manifest",
    [
        MANIFEST,
        MANIFEST.replace("  containers:\n", SIDECAR),
        MANIFEST.replace("  hostNetwork", f"{SIDECAR[14:]}  hostNetwork"),
    ],
)
def test_manifests_say_the_image_of_the_component(bare: Machine, manifest: str) -> None:
    put(bare, "/etc/kubernetes/manifests/etcd.yaml", manifest)
    put(bare, "/etc/kubernetes/manifests/other.yaml", manifest)
    found = ask(bare, "manifests")
    assert isinstance(found, ManifestFiles)
    assert found.images == {"etcd": "registry.example.com:5000/k8s/etcd:3.6.5-0"}
    assert found.hashes == {"etcd": f"sha256:{bare.must('sha256sum /etc/kubernetes/manifests/etcd.yaml').split()[0]}"}


def test_other_files_beside_the_manifests(bare: Machine) -> None:
    folder = "/etc/kubernetes/manifests"
    put(bare, f"{folder}/etcd.yaml", MANIFEST)
    put(bare, f"{folder}/etcd.yaml.bak", MANIFEST)
    put(bare, f"{folder}/.etcd.yaml.swp", MANIFEST)
    put(bare, f"{folder}/notes of mine", "name: etcd\n")
    put(bare, f"{folder}/vip.yaml", "metadata:\n    labels:\n        name: x\n    name: 'kube-vip'\nspec: {}\n")
    bare.must(f"mkdir {folder}/folder")
    found = ask(bare, "manifests")
    assert isinstance(found, ManifestFiles)
    assert found.others == {"etcd.yaml.bak": "etcd", "notes of mine": "", "vip.yaml": "kube-vip"}


PKI = "/etc/kubernetes/pki"


def test_nothing_of_a_key_is_printed_when_a_certificate_is_torn(bare: Machine) -> None:
    torn = "-----BEGIN CERTIFICATE-----\nAAAA\n-----BEGIN EC PRIVATE KEY-----\nSECRET\n-----END EC PRIVATE KEY-----\n"
    bare.must("mkdir -p /var/lib/kubelet/pki")
    put(bare, "/var/lib/kubelet/pki/kubelet-client-current.pem", torn)
    found = ask(bare, "certificates")
    assert isinstance(found, Unknown)
    assert "no certificate can be read in the file of kubelet" in found.reason
    assert "SECRET" not in found.reason


def test_certificates(bare: Machine) -> None:
    bare.must(f"mkdir -p {PKI}/etcd /var/lib/kubelet/pki /etc/kubernetes/manifests")
    put(bare, "/etc/kubernetes/manifests/kube-apiserver.yaml", f"    - --tls-cert-file={PKI}/apiserver.crt\n")
    make = "openssl req -x509 -nodes -subj /CN=x -newkey"
    bare.must(f"{make} rsa:2048 -days 3650 -keyout {PKI}/ca.key -out {PKI}/ca.crt")
    bare.must(f"{make} ed25519 -days 20000 -keyout /key -out {PKI}/etcd/ca.crt")
    bare.must(f"{make} ed25519 -days 365 -keyout /key -out {PKI}/apiserver.crt")
    bare.must(f"cat {PKI}/apiserver.crt /key > /var/lib/kubelet/pki/kubelet-client-current.pem")
    bare.must(
        f'printf "users:\\n- user:\\n    client-certificate-data: %s\\n" "$(base64 -w 0 {PKI}/apiserver.crt)" '
        "> /etc/kubernetes/admin.conf"
    )
    put(bare, "/etc/kubernetes/scheduler.conf", "    client-certificate: /somewhere/else.crt\n")
    found = ask(bare, "certificates")
    assert isinstance(found, Certificates)
    assert [(one.name, one.authority) for one in found.certificates] == [
        ("apiserver", "ca"),
        ("admin.conf", "ca"),
        ("kubelet", ""),
    ]
    assert {round((one.ends - found.now) / 86_400) for one in found.certificates} == {365}
    assert {(one.name, one.key): round((one.ends - found.now) / 86_400) for one in found.authorities} == {
        ("ca", True): 3650,
        ("etcd/ca", False): 20000,
    }
    assert "PRIVATE" not in bare.must("sh /fact")


def test_certificates_of_a_node_with_none_and_with_a_torn_one(bare: Machine) -> None:
    found = ask(bare, "certificates")
    assert isinstance(found, Certificates)
    assert (found.certificates, found.authorities) == ((), ())
    put(bare, "/var/lib/kubelet/pki/kubelet-client-current.pem", "")
    found = ask(bare, "certificates")
    assert isinstance(found, Unknown)
    assert found.reason.endswith("no certificate can be read in the file of kubelet")


@pytest.fixture
def etcd(bare: Machine) -> Iterator[Machine]:
    """A node with a manifest and an etcd of somebody else's."""
    put(bare, "/etc/kubernetes/manifests/etcd.yaml", MANIFEST)
    put(bare, "/usr/local/bin/etcdctl", ETCDCTL)
    put(bare, "/opt/etcd", "#!/bin/sh\necho up\nsleep 30\n")
    with running(bare, "https://10.0.0.9:2379"):
        yield bare


@contextmanager
def running(machine: Machine, url: str, *flags: str) -> Iterator[None]:
    """An etcd process that advertises an address."""
    program = machine.command("/opt/etcd", f"--advertise-client-urls={url}", *flags)
    with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.kill()


def test_etcd_is_the_manifests_one(etcd: Machine) -> None:
    with running(etcd, URL):
        found = ask(etcd, "etcd")
    assert isinstance(found, Etcd)
    assert (found.member, found.leader, found.version, found.quota) == ("a", "a", "3.6.5", 0)


def test_etcds_quota_is_that_of_the_running_member(etcd: Machine) -> None:
    with running(etcd, URL, "--quota-backend-bytes=8589934592"):
        found = ask(etcd, "etcd")
    assert isinstance(found, Etcd)
    assert found.quota == 8589934592


def test_etcd_that_does_not_run_is_unknown(etcd: Machine) -> None:
    assert ask(etcd, "etcd") == Unknown(f"etcd is not running: no process advertises {URL}")


def test_etcd_that_does_not_answer_is_unknown(etcd: Machine) -> None:
    put(etcd, "/usr/local/bin/timeout", '#!/bin/sh\nshift\nexec /usr/bin/timeout 0.2 "$@"\n')
    put(etcd, "/etcd-hangs", "")
    with running(etcd, URL):
        found = ask(etcd, "etcd")
    assert isinstance(found, Unknown)
    assert found.reason.startswith("etcdctl endpoint status")


@pytest.mark.parametrize("name", ["etcd", "apiserver", "deprecated-apis", "kubelet-config-access"])
def test_what_a_node_does_not_have_is_unknown(bare: Machine, name: str) -> None:
    found = ask(bare, name)
    assert isinstance(found, Unknown)
    assert found.reason.startswith("no /etc/kubernetes/")


def test_apiserver_without_an_answer(bare: Machine) -> None:
    flags = "    - --advertise-address=127.0.0.1\n    - --secure-port=1\n"
    put(bare, "/etc/kubernetes/manifests/kube-apiserver.yaml", flags)
    pki = "/etc/kubernetes/pki"
    bare.must(
        f"mkdir -p {pki} && openssl req -x509 -newkey ed25519 -nodes -subj /CN=x -keyout {pki}/ca.key -out {pki}/ca.crt"
        f" && cp {pki}/ca.crt {pki}/apiserver-kubelet-client.crt && cp {pki}/ca.key {pki}/apiserver-kubelet-client.key"
    )
    found = ask(bare, "apiserver")
    assert isinstance(found, Apiserver)
    assert (found.ready, found.version) == (False, None)
    assert "port 1" in found.said


METRICS = """\
# HELP apiserver_requested_deprecated_apis [STABLE] Gauge of deprecated APIs that have been requested
# TYPE apiserver_requested_deprecated_apis gauge
apiserver_requested_deprecated_apis{group="",removed_release="",resource="endpoints",subresource="",version="v1"} 1
apiserver_requested_deprecated_apis{group="a.b",removed_release="1.36",resource="c",subresource="d",version="v1beta1"} 1
apiserver_requests_total{group="a.b"} 7
"""


def test_deprecated_apis(bare: Machine) -> None:
    assert ask(bare, "deprecated-apis") == Unknown("no /etc/kubernetes/manifests/kube-apiserver.yaml on this node")
    put(bare, "/etc/kubernetes/manifests/kube-apiserver.yaml", "    - --advertise-address=fd00::5\n")
    put(bare, "/metrics", METRICS)
    answers = "#!/bin/sh\nfor url; do :; done\n[ $url = 'https://[fd00::5]:6443/metrics' ] && cat /metrics && echo && "
    put(bare, "/usr/local/bin/curl", f"{answers}printf 200\n")
    core = DeprecatedApi(group="", version="v1", resource="endpoints", subresource="", removed_release="")
    other = DeprecatedApi(group="a.b", version="v1beta1", resource="c", subresource="d", removed_release="1.36")
    assert ask(bare, "deprecated-apis") == (core, other)
    put(bare, "/usr/local/bin/curl", f"{answers}printf 403\n")
    assert ask(bare, "deprecated-apis") == Unknown("https://[fd00::5]:6443/metrics answered 403, curl ended with 0")
    bare.must("rm /usr/local/bin/curl")
    found = ask(bare, "deprecated-apis")
    assert isinstance(found, Unknown)
    assert found.reason.startswith("https://[fd00::5]:6443/metrics answered ")


CURL = """#!/bin/sh
for url; do :; done
case $url in
    https://127.0.0.1:10257/healthz) printf '[+]ping ok\\n[-]leaderElection failed\\nhealthz check failed\\n' ;;
    "https://[fd00::5]:7/healthz") printf ok ;;
    https://127.0.0.1:10251/pods) cat /pods; printf '\\n200' ;;
    *) exit 7 ;;
esac
"""


def kubelets_pod(component: str, uid: str, *, tier: str = "control-plane", space: str = "kube-system") -> object:
    """As a kubelet lists it. What a pod says of itself has its quotes escaped, whatever it is labelled as."""
    metadata = {
        "name": f"{component}-cp1",
        "namespace": space,
        "uid": uid,
        "labels": {"component": component, "kubernetes.io/config.source": "file", "tier": tier},
        "annotations": {"kubernetes.io/config.source": "file"},
    }
    liar = json.dumps({"metadata": {"name": "x", "namespace": "kube-system", "uid": STATIC}}, separators=(",", ":"))
    return {"metadata": metadata, "spec": {"containers": [{"name": "c", "image": "x/c:v1", "args": [liar]}]}}


STATIC, FROM_THE_API = "0123456789abcdef" * 2, "01234567-89ab-cdef-0123-456789abcdef"


def test_components(bare: Machine) -> None:
    found = ask(bare, "components")
    assert isinstance(found, Components)
    names = ("kube-controller-manager", "kube-scheduler")
    assert found.health == {name: f"no /etc/kubernetes/manifests/{name}.yaml on this node" for name in names}
    assert isinstance(found.pods, Unknown)
    put(bare, "/etc/kubernetes/manifests/kube-controller-manager.yaml", "    - --bind-address=::\n")
    put(bare, "/etc/kubernetes/manifests/kube-scheduler.yaml", "    - --bind-address=fd00::5\n    - --secure-port=7\n")
    put(bare, "/var/lib/kubelet/config.yaml", "address: 0.0.0.0\nport: 10251\n")
    put(bare, "/usr/local/bin/curl", CURL)
    pods = [
        kubelets_pod("kube-scheduler", FROM_THE_API),
        kubelets_pod("kube-apiserver", FROM_THE_API),
        kubelets_pod("kube-apiserver", STATIC, space="web"),
        kubelets_pod("kube-controller-manager", STATIC, tier="mine"),
        kubelets_pod("kube-vip", STATIC),
        kubelets_pod("etcd", STATIC),
    ]
    put(bare, "/pods", json.dumps({"kind": "PodList", "metadata": {}, "items": pods}, separators=(",", ":")))
    assert ask(bare, "components") == Components(
        health={
            "kube-controller-manager": "[+]ping ok [-]leaderElection failed healthz check failed",
            "kube-scheduler": "ok",
        },
        pods=(StaticPod(component="etcd", node="", image="", ready=False, running=False),),
    )
    put(bare, "/pods", '{"kind":"PodList","metadata":{},"items":null}')
    found = ask(bare, "components")
    assert isinstance(found, Components)
    said = "the kubelet does not say which pods it runs: 200 with no static pod of the control plane"
    assert found.pods == Unknown(said)


def test_run(bare: Machine) -> None:
    put(bare, "/usr/local/bin/systemctl", SYSTEMCTL)
    assert ask(bare, "run") == RunRecord(run="", epoch=0, owner="", units=())
    run, owner = "0123456789abcdef0123456789abcdef", "0123456789abcdef"
    put(bare, "/var/lib/upgrade-cp/fence", f"{run} 3 {owner}\n")
    put(bare, f"/var/lib/upgrade-cp/keep-{run}/manifests", "etcd sha256:ab\nkube-apiserver sha256:cd\n")
    put(bare, f"/var/lib/upgrade-cp/keep-{run}/stepped-back", "kubelet\n")
    now = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    boots = {"u-running-1": now, "u-exited-1": now, "u-lost-1": now, "u-running-2": "an-earlier-boot"}
    for unit, boot in boots.items():
        start = f"boot-id {boot}\nstarted 1700000000\nfence {run} 3 {owner}\naction kubeadm-node none all-of-it\n"
        put(bare, f"/var/lib/upgrade-cp/units/{unit}/start", start)
    put(bare, "/var/lib/upgrade-cp/units/u-exited-1/exit", "5       \n")
    bare.must("mkdir /var/lib/upgrade-cp/units/u-never-began-1")
    assert ask(bare, "run") == RunRecord(
        run="0123456789abcdef0123456789abcdef",
        epoch=3,
        owner=owner,
        units=(
            _unit("u-exited-1", "exited", 5),
            _unit("u-lost-1", "interrupted", None),
            _unit("u-running-1", "running", None),
            _unit("u-running-2", "interrupted", None),
        ),
        manifests={"etcd": "sha256:ab", "kube-apiserver": "sha256:cd"},
        stepped_back=("kubelet",),
    )
    put(bare, "/no-systemd", "")
    found = ask(bare, "run")
    assert isinstance(found, Unknown)
    assert found.reason.endswith("systemd does not say whether u-lost-1 runs")


def _unit(name: str, state: Literal["running", "exited", "interrupted"], code: int | None) -> UnitRecord:
    action = ("kubeadm-node", "none", "all-of-it")
    return UnitRecord(unit=name, state=state, exit_code=code, started=1700000000, action=action)


def test_last_output(bare: Machine) -> None:
    assert ask(bare, "last-output") == LastOutput(unit="", lines=())
    for number, unit in enumerate(("u-b-1", "u-a-1")):
        put(bare, f"/var/lib/upgrade-cp/units/{unit}/start", f"boot-id x\nstarted {1700000000 + number}\n")
    put(bare, "/var/lib/upgrade-cp/units/u-a-1/output", "".join(f"line {n}\n" for n in range(30)) + "\x1b[31mred\n")
    found = ask(bare, "last-output")
    assert isinstance(found, LastOutput)
    assert found.unit == "u-a-1"
    assert found.lines[0] == "line 11"
    assert len(found.lines) == 20
    assert "\x1b" not in found.lines[-1]
    assert "red" in found.lines[-1]


def test_evidence_is_taken_also_where_nothing_is_as_it_should_be(bare: Machine) -> None:
    put(bare, "/usr/local/bin/crictl", "#!/bin/sh\nexit 1\n")
    put(bare, "/var/lib/upgrade-cp/units/u-1/start", "boot-id x\nstarted 1\naction kubeadm-node none none\n")
    put(bare, "/var/lib/upgrade-cp/units/u-1/output", "what it said last\n")
    found = ask(bare, "evidence")
    assert isinstance(found, str)
    assert "what it said last" in found
    headings = [line for line in found.splitlines() if line.startswith("## ")]
    assert headings == [
        "## unit u-1",
        "## its output",
        "## journal of u-1",
        "## containers of the control plane",
        "## manifests",
        "## kubelet",
        "## packages",
        "## disks",
        "## memory",
    ]
    assert "MemTotal" in found


def test_external_etcd_that_does_not_answer(bare: Machine) -> None:
    assert isinstance(ask(bare, "external-etcd"), Unknown)
    manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml"
    put(bare, manifest, "    - --etcd-servers=https://127.0.0.1:1,https://127.0.0.1:2\n")
    found = ask(bare, "external-etcd")
    assert isinstance(found, Unknown)
    assert "no --etcd-cafile" in found.reason
    files = "".join(f"    - --etcd-{name}=/etc/hostname\n" for name in ("cafile", "certfile", "keyfile"))
    put(bare, manifest, f"    - --etcd-servers=https://127.0.0.1:1,https://127.0.0.1:2\n{files}")
    endpoints = ask(bare, "external-etcd")
    assert isinstance(endpoints, tuple)
    assert [(end.url, end.healthy, end.version) for end in endpoints] == [
        ("https://127.0.0.1:1", False, ""),
        ("https://127.0.0.1:2", False, ""),
    ]
    assert "curl" in endpoints[0].said
