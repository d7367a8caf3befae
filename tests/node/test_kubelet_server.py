"""The actions that point the kubelet at the cluster's endpoint and back, with a unit and an API server made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade import node
from kubectl_upgrade.facts import FACTS
from kubectl_upgrade.model.endpoint import EndpointSeen
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.world import FactOutput
from tests.node.conftest import CLOCK

if TYPE_CHECKING:
    from tests.node.conftest import Machine, Result

CONF = "/etc/kubernetes/kubelet.conf"
OWN, ENDPOINT = "https://10.99.0.11:6443", "https://192.0.2.1:6443"
SAVED = "/var/lib/upgrade-cp/keep-0123/kubelet-server"
KUBECONFIG = """\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: LS0tLS1CRUdJTg==
    {line}
  name: kubernetes
contexts:
- context: {{cluster: kubernetes, user: system:node:cp1}}
  name: system:node:cp1@kubernetes
current-context: system:node:cp1@kubernetes
kind: Config
users:
- name: system:node:cp1
  user: {{client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem}}
"""
# what systemctl would say is what lies in /unit; a kubelet that reads what stands in /unit/hates never gets up
SYSTEMCTL = f"""\
#!/bin/sh
case "$*" in
    *ActiveState*) cat /unit/state ;;
    *NRestarts*) echo 0 ;;
    *)
        echo "$* $(sed -n 's/.*server: *//p' {CONF})" >>/unit/calls
        echo active >/unit/state
        ! grep -q "$(cat /unit/hates)" {CONF} || echo activating >/unit/state
        ;;
esac
"""
# the kubelet's healthz is well; API servers answer ready at what stands in /unit/ready
CURL = """\
#!/bin/sh
for url; do :; done
case $url in
    http://127.0.0.1:*) echo ok ;;
    *)
        case "$*" in *"--cacert /etc/kubernetes/pki/ca.crt "*) ;; *) exit 60 ;; esac
        grep -qxF "${url%/readyz}" /unit/ready && echo ok && exit
        echo "curl: (7) Failed to connect" && exit 7
        ;;
esac
"""
IP = """\
#!/bin/sh
grep -qxF "$4" /unit/addresses && echo "local $4 dev lo src $4 uid 0" && exit
case $4 in 127.*) echo "local $4 dev lo" ;; *) echo "$4 via 10.99.0.254 dev eth0" ;; esac
"""
STUBS = {
    "systemctl": SYSTEMCTL,
    "journalctl": "#!/bin/sh\necho 'connection refused'\n",
    "curl": CURL,
    "ip": IP,
    **CLOCK,
}


@pytest.fixture
def control_plane(bare: Machine) -> Machine:
    for name, text in STUBS.items():
        program = bare.file(f"/usr/local/bin/{name}")
        program.write_text(text)
        program.chmod(0o755)
    bare.must(
        "mkdir -p /unit /etc/kubernetes && echo active >/unit/state && echo nothing >/unit/hates && "
        f"echo 10.99.0.11 >/unit/addresses && echo {ENDPOINT} >/unit/ready && echo {OWN} >>/unit/ready"
    )
    _write(bare, CONF, f"server: {OWN}")
    _write(bare, "/etc/kubernetes/admin.conf", f"server: {ENDPOINT}")
    return bare


def _write(machine: Machine, path: str, line: str) -> None:
    machine.file(path).write_text(KUBECONFIG.format(line=line))
    machine.file(path).chmod(0o600)


def _conf(machine: Machine) -> str:
    return machine.file(CONF).read_text()


def _calls(machine: Machine) -> list[str]:
    file = machine.file("/unit/calls")
    return file.read_text().splitlines() if file.exists() else []


def _away(machine: Machine, host: str = "192.0.2.1") -> Result:
    return machine.act("kubelet-via-endpoint", host, "6443")


def _back(machine: Machine) -> Result:
    return machine.act("kubelet-via-own-apiserver")


def test_away_and_back(control_plane: Machine) -> None:
    done = _away(control_plane)
    assert done.code == 0, done.text
    assert _conf(control_plane) == KUBECONFIG.format(line=f"server: {ENDPOINT}")
    assert control_plane.file(SAVED).read_text() == f"{OWN}\n{ENDPOINT}\n"
    back = _back(control_plane)
    assert back.code == 0, back.text
    assert back.text.splitlines()[-1] == f"the kubelet talks to {OWN}"
    assert _conf(control_plane) == KUBECONFIG.format(line=f"server: {OWN}")
    assert _calls(control_plane) == [f"restart kubelet {ENDPOINT}", f"restart kubelet {OWN}"]
    assert not control_plane.file(SAVED).exists()
    assert control_plane.must("ls /etc/kubernetes").split() == ["admin.conf", "kubelet.conf"]


@pytest.mark.parametrize(
    "line",
    [
        "server: '{}'",
        'server: "{}"',
        "server:   {}   ",
        "server: {} # its own, since 1.33",
        "server: {}\n    tls-server-name: cp1",
    ],
)
def test_nothing_but_the_address_changes(control_plane: Machine, line: str) -> None:
    _write(control_plane, CONF, line.format(OWN))
    assert _away(control_plane).code == 0
    assert _conf(control_plane) == KUBECONFIG.format(line=line.format(ENDPOINT))
    assert _back(control_plane).code == 0
    assert _conf(control_plane) == KUBECONFIG.format(line=line.format(OWN))


def test_it_may_stand_first_in_its_cluster(control_plane: Machine) -> None:
    control_plane.file(CONF).write_text(f"clusters:\n  - cluster: {{}}\n  - server: {OWN}\n")
    assert _away(control_plane).code == 0
    assert _conf(control_plane) == f"clusters:\n  - cluster: {{}}\n  - server: {ENDPOINT}\n"


def test_mode_owner_and_a_link_stay(control_plane: Machine) -> None:
    other = "/etc/other/kubelet.conf"
    control_plane.must(f"mkdir /etc/other && mv {CONF} {other} && ln -s {other} {CONF}")
    control_plane.must(f"chown 7:8 {other} && chmod 640 {other}")
    assert _away(control_plane).code == 0
    assert control_plane.must(f"stat -c '%u %g %a' {other}").strip() == "7 8 640"
    assert control_plane.must(f"readlink {CONF}").strip() == other
    assert ENDPOINT in control_plane.file(other).read_text()


@pytest.mark.parametrize(
    "text",
    [
        f"clusters:\n- cluster: {{server: {OWN}}}\n",
        f'{{"clusters":[{{"cluster":{{"server":"{OWN}"}}}}]}}\n',
        f"    server: {OWN}\n    server: {OWN}\n",
        f"    server: {OWN}\n- cluster:\n    server: https://other:6443\n",
        f"    server: {OWN}\r\n",
        f"    server: {OWN}/prefix\n",
        "    server: http://10.99.0.11:8080\n",
        "clusters: []\n",
    ],
    ids=["flow", "JSON", "twice", "two clusters", "CRLF", "a path", "no https", "none"],
)
def test_other_forms_are_left_alone(control_plane: Machine, text: str) -> None:
    control_plane.file(CONF).write_bytes(text.encode())
    done = _away(control_plane)
    assert done.code == 0
    assert "kubelet.conf stays as it is" in done.text
    assert control_plane.file(CONF).read_bytes() == text.encode()
    assert _calls(control_plane) == []
    assert not control_plane.file(SAVED).exists()


@pytest.mark.parametrize(
    ("prepare", "host", "says"),
    [
        ("echo 192.0.2.1 >>/unit/addresses", "192.0.2.1", "192.0.2.1 is an address of this very node"),
        ("echo '127.0.1.1 k8s.example' >>/etc/hosts", "k8s.example", "k8s.example is an address of this very node"),
        (
            "echo '192.0.2.7 k8s.example' >>/etc/hosts && echo '10.99.0.11 k8s.example' >>/etc/hosts",
            "k8s.example",
            "k8s.example is an address of this very node",
        ),
        (
            "true",
            "none.invalid",
            "nobody can tell whether none.invalid is an address of this very node",
        ),
        (": >/unit/ready", "192.0.2.1", f"{ENDPOINT} does not answer ready from here (curl: (7) Failed to connect)"),
        (f"sed -i s/10.99.0.11/192.0.2.1/ {CONF}", "192.0.2.1", f"the kubelet talks to {ENDPOINT} already"),
    ],
)
def test_where_it_does_not_help_nothing_changes(control_plane: Machine, prepare: str, host: str, says: str) -> None:
    control_plane.must(prepare)
    before = _conf(control_plane)
    done = _away(control_plane, host)
    assert done.code == 0
    assert f"{says}: kubelet.conf stays as it is" in done.text
    assert (_conf(control_plane), _calls(control_plane)) == (before, [])
    back = _back(control_plane)
    assert back.code == 0
    assert "nothing to put back" in back.text
    assert (_conf(control_plane), _calls(control_plane)) == (before, [])


def test_a_name_and_an_address_of_version_6(control_plane: Machine) -> None:
    control_plane.must("echo '192.0.2.7 k8s.example' >>/etc/hosts && echo https://k8s.example:6443 >>/unit/ready")
    assert _away(control_plane, "k8s.example").code == 0
    assert "server: https://k8s.example:6443\n" in _conf(control_plane)
    assert _back(control_plane).code == 0
    control_plane.must("echo 'https://[2001:db8::1]:6443' >>/unit/ready")
    assert _away(control_plane, "2001:db8::1").code == 0
    assert "server: https://[2001:db8::1]:6443\n" in _conf(control_plane)
    assert _back(control_plane).code == 0
    assert f"server: {OWN}\n" in _conf(control_plane)


def test_the_first_saved_server_stays(control_plane: Machine) -> None:
    """An attempt that a reboot ended after it had rewritten the file."""
    assert _away(control_plane).code == 0
    again = _away(control_plane)
    assert again.code == 0
    assert control_plane.file(SAVED).read_text() == f"{OWN}\n{ENDPOINT}\n"
    assert _back(control_plane).code == 0
    assert f"server: {OWN}\n" in _conf(control_plane)
    assert _back(control_plane).code == 0
    assert len(_calls(control_plane)) == 3


def test_what_kubeadm_wrote_stays_and_the_kubelet_reads_it(control_plane: Machine) -> None:
    assert _away(control_plane).code == 0
    _write(control_plane, CONF, "server: https://10.99.0.12:6443")
    done = _back(control_plane)
    assert done.code == 0
    assert "kubelet.conf names https://10.99.0.12:6443 by now, which stays" in done.text
    assert "https://10.99.0.12:6443 is not ready yet" in done.text
    assert _calls(control_plane)[-1] == "restart kubelet https://10.99.0.12:6443"
    assert not control_plane.file(SAVED).exists()


def test_a_kubelet_that_does_not_get_healthy_has_its_server_back(control_plane: Machine) -> None:
    control_plane.must("echo 192.0.2.1 >/unit/hates")
    done = _away(control_plane)
    assert done.code == 1
    assert f"Failed: the kubelet did not get healthy with {ENDPOINT}: activating, 0 restarts, healthz: ok" in done.text
    assert "connection refused" in done.text
    assert f"server: {OWN}\n" in _conf(control_plane)
    assert _calls(control_plane)[-1] == f"restart kubelet {OWN}"
    assert not control_plane.file(SAVED).exists()


def test_the_way_back_fails_when_the_kubelet_stays_down_and_can_be_tried_again(control_plane: Machine) -> None:
    assert _away(control_plane).code == 0
    control_plane.must("echo 10.99.0.11 >/unit/hates")
    done = _back(control_plane)
    assert done.code == 1
    assert "Failed: the kubelet did not get healthy: activating" in done.text
    control_plane.must("echo nothing >/unit/hates")
    assert _back(control_plane).code == 0
    assert not control_plane.file(SAVED).exists()


def test_a_full_disk_leaves_the_file_whole(control_plane: Machine) -> None:
    control_plane.must("printf '#!/bin/sh\\nexit 1\\n' >/usr/local/bin/sync && chmod +x /usr/local/bin/sync")
    done = _away(control_plane)
    assert done.code == 1
    assert "Failed: cannot write " in done.text
    assert (_conf(control_plane), _calls(control_plane)) == (KUBECONFIG.format(line=f"server: {OWN}"), [])


@pytest.mark.parametrize(("host", "port"), [("-x", "6443"), ("a;b", "6443"), ("[2001:db8::1]", "6443"), ("a", "0")])
def test_strange_arguments_are_refused(control_plane: Machine, host: str, port: str) -> None:
    done = control_plane.act("kubelet-via-endpoint", f"'{host}'", port)
    assert (done.code, done.text.startswith("Refused: ")) == (2, True)


def test_a_failed_kubeadm_says_where_the_kubelet_is(control_plane: Machine) -> None:
    assert _away(control_plane).code == 0
    control_plane.file("/usr/local/bin/kubeadm").write_text("#!/bin/sh\nexit 1\n")
    control_plane.must("chmod +x /usr/local/bin/kubeadm")
    done = control_plane.act("kubeadm-node", "none", "none")
    assert done.code == 1
    last = done.text.splitlines()[-1]
    assert last == f"Until then this node's kubelet talks to {ENDPOINT}; abort puts that back."


def _fact(machine: Machine) -> object:
    machine.file("/fact").write_text(node.fact("endpoint"))
    done = machine.run("exec sh /fact")
    return FACTS["endpoint"](FactOutput(done.code, done.text))


def test_the_fact(control_plane: Machine) -> None:
    seen = EndpointSeen(kubelet="10.99.0.11:6443", endpoint="192.0.2.1:6443", own=False, ready=True, said="")
    assert _fact(control_plane) == seen
    control_plane.must("echo 192.0.2.1 >>/unit/addresses && : >/unit/ready")
    found = _fact(control_plane)
    assert isinstance(found, EndpointSeen)
    assert (found.own, found.ready, found.said) == (True, False, "curl: (7) Failed to connect")
    _write(control_plane, "/etc/kubernetes/admin.conf", "server: https://[2001:db8::1]:6443")
    found = _fact(control_plane)
    assert isinstance(found, EndpointSeen)
    assert (found.endpoint, found.own) == ("[2001:db8::1]:6443", False)


def test_the_fact_where_there_is_no_admin_conf_or_no_such_name(control_plane: Machine) -> None:
    _write(control_plane, "/etc/kubernetes/admin.conf", "server: https://no-such-name.invalid:6443")
    unknown = _fact(control_plane)
    assert isinstance(unknown, Unknown)
    assert unknown.reason.startswith("nobody can tell whether https://no-such-name.invalid:6443 is on this node")
    control_plane.must("rm /etc/kubernetes/admin.conf")
    missing = _fact(control_plane)
    assert isinstance(missing, Unknown)
    assert "no /etc/kubernetes/admin.conf with one server in it" in missing.reason


def test_the_kernel_knows_its_own_addresses(bare: Machine) -> None:
    """The real `ip`: an address of this machine, one of its own by 127.0.0.0/8, and one of nobody."""
    bare.file("/ask").write_text(node.fact("endpoint").partition("#!/bin/sh")[0] + 'own_address "$1"; echo $?\n')
    for host, answer in {"127.0.0.1": "0", "127.0.1.1": "0", "::1": "0", "localhost": "0", "192.0.2.1": "1"}.items():
        assert bare.must(f"sh /ask {host}").strip() == answer, host
