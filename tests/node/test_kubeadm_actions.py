"""The actions kubeadm-apply and kubeadm-node: how they call kubeadm, and what becomes of its exit code."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.node.conftest import CLOCK
from tests.node.test_facts import MANIFEST as ETCD_MANIFEST
from tests.node.test_facts import URL, put, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.node.conftest import Machine

KUBEADM = """\
#!/bin/sh
[ "$*" = "version -o short" ] && echo v1.35.4 && exit
printf '<%s>' "$@" ; echo
echo "KUBECONFIG=${KUBECONFIG-unset} HOME=$HOME"
read -r answer || echo "nobody answers"
[ ! -e /fails ] || exit 3
"""


@pytest.fixture
def node(bare: Machine) -> Machine:
    program = bare.file("/usr/local/bin/kubeadm")
    program.write_text(KUBEADM)
    program.chmod(0o755)
    bare.must("mkdir -p /etc/kubernetes/patches && touch /etc/kubernetes/admin.conf")
    return bare


def test_apply(node: Machine) -> None:
    done = node.act("kubeadm-apply", "v1.35.4", "none", "none")
    assert done.code == 0
    assert "<upgrade><apply><v1.35.4><--yes>\n" in done.text
    assert "KUBECONFIG=unset HOME=/root\nnobody answers\n" in done.text
    assert done.text.splitlines()[-1] == "kubeadm upgrade apply v1.35.4 succeeded"


def test_apply_with_patches_and_ignored_errors(node: Machine) -> None:
    done = node.act("kubeadm-apply", "v1.35.4", "standard", "SystemVerification,Port-6443")
    assert done.code == 0
    assert "<--patches></etc/kubernetes/patches><--ignore-preflight-errors=SystemVerification,Port-6443>" in done.text


def test_node(node: Machine) -> None:
    done = node.act("kubeadm-node", "standard", "Swap")
    assert done.code == 0
    assert "<upgrade><node><--patches></etc/kubernetes/patches><--ignore-preflight-errors=Swap>\n" in done.text


@pytest.mark.parametrize("action", [("kubeadm-apply", "v1.35.4", "none", "none"), ("kubeadm-node", "none", "none")])
def test_its_exit_code_is_ours(node: Machine, action: tuple[str, ...]) -> None:
    node.must("touch /fails")
    done = node.act(*action)
    assert done.code == 3
    assert "Failed: kubeadm upgrade ended with exit code 3\nWhat to do: " in done.text
    assert "succeeded" not in done.text


@pytest.mark.parametrize("ignored", ["all", "ALL", "Swap,all", "--force", "Swap,", "a=b", "''", "'Swap --force'"])
def test_ignores_named_errors_only(node: Machine, ignored: str) -> None:
    for done in (node.act("kubeadm-apply", "v1.35.4", "none", ignored), node.act("kubeadm-node", "none", ignored)):
        assert done.code == 2
        assert done.text.startswith("Refused: IGNORED may not be ")


def test_apply_needs_the_kubeadm_of_its_version(node: Machine) -> None:
    done = node.act("kubeadm-apply", "v1.35.5", "none", "none")
    assert done.code == 1
    assert "Failed: kubeadm on this node is v1.35.4, not v1.35.5" in done.text


def test_apply_needs_admin_conf(node: Machine) -> None:
    node.must("rm /etc/kubernetes/admin.conf")
    assert "Failed: no /etc/kubernetes/admin.conf" in node.act("kubeadm-apply", "v1.35.4", "none", "none").text


def test_patches_that_the_plan_counts_on_must_be_there(node: Machine) -> None:
    node.must("rmdir /etc/kubernetes/patches")
    done = node.act("kubeadm-node", "standard", "none")
    assert done.code == 1
    assert "Failed: no /etc/kubernetes/patches" in done.text


def test_a_record_that_cannot_be_written_does_not_make_kubeadm_run_again(node: Machine) -> None:
    """The disk is full when kubeadm is done: an older record would be taken for what it wrote."""
    kept = "/var/lib/upgrade-cp/keep-0123/manifests"
    node.must(f"mkdir -p /etc/kubernetes/manifests {kept}.new && echo 'etcd sha256:old' >{kept}")
    node.must("touch /etc/kubernetes/manifests/etcd.yaml")
    done = node.act("kubeadm-node", "none", "none")
    assert done.code == 0
    assert f"cannot write {kept}: changes of manifests on this node go unnoticed" in done.text
    assert "Failed" not in done.text
    node.must(f"! [ -e {kept} ]")


MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
SS = """\
#!/bin/sh
[ ! -e /no-ss ] || exit 1
case $* in *:6443) ;; *) exit ;; esac
[ ! -e /two ] || echo 'LISTEN 0 4096 10.0.0.9:6443 *:* users:(("kube-apiserver",pid=1,fd=7))'
[ -e /port-closed ] || echo 'LISTEN 0 4096 *:6443 *:* users:(("kube-apiserver",pid='"$(cat /apiserver.pid)"',fd=7))'
"""
# the API server: told once to end it closes its port and waits for its watches, told twice it ends
APISERVER = """\
trap 'touch /port-closed; trap "echo told twice >/apiserver.said; exit 1" TERM' TERM
echo $$ >/apiserver.pid
while :; do sleep 0.1; done
"""
# and gives up after what would be ten seconds
REPLACES = """\
#!/bin/sh
kill -TERM $(cat /apiserver.pid)
for _ in $(seq 100); do [ ! -d /proc/$(cat /apiserver.pid) ] && break; sleep 0.1; done
[ -d /proc/$(cat /apiserver.pid) ] && echo still there || echo it has gone
"""


@contextmanager
def serving(node: Machine, *flags: str) -> Iterator[None]:
    """An API server with these flags listens on the node's port, and kubeadm replaces it."""
    for name, text in {"ss": SS, "kubeadm": REPLACES, **CLOCK}.items():
        node.file(f"/usr/local/bin/{name}").write_text(text)
        node.file(f"/usr/local/bin/{name}").chmod(0o755)
    node.must(f"mkdir -p /etc/kubernetes/manifests && echo '    - --secure-port=6443' >{MANIFEST}")
    process = subprocess.Popen(node.command("sh", "-c", APISERVER, "kube-apiserver", *flags))
    node.must("until [ -s /apiserver.pid ]; do sleep 0.1; done")
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def test_an_api_server_that_waits_for_its_watches_is_told_to_end(node: Machine) -> None:
    with serving(node):
        done = node.act("kubeadm-node", "none", "none", "apiserver-grace=5")
    assert done.code == 0, done.text
    assert "the old API server closed its port and has had 5 s to answer" in done.text
    assert "it has gone" in done.text
    assert node.must("cat /apiserver.said") == "told twice\n"


# what is done to a node before, and what the action says of it
LEFT_ALONE = {
    "not asked for": ("true", ""),
    "watches are given time": ("true", "its flags give watches time to end"),
    "its pod is given time": (
        f"echo '  terminationGracePeriodSeconds: 120' >>{MANIFEST}",
        "its manifest gives it time of its own",
    ),
    "it listens somewhere else": (f"echo '    - --secure-port=7443' >{MANIFEST}", "on its port 7443 cannot be told"),
    "no port is named": (f"echo >{MANIFEST}", "its manifest names no port"),
    "its port cannot be seen": ("touch /no-ss", "on its port 6443 cannot be told"),
    "somebody else listens there as well": ("touch /two", "on its port 6443 cannot be told"),
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_it_is_left_alone(node: Machine, name: str) -> None:
    before, says = LEFT_ALONE[name]
    flags = ("--shutdown-watch-termination-grace-period=20s",) if name == "watches are given time" else ()
    pins = () if name == "not asked for" else ("apiserver-grace=5",)
    with serving(node, *flags):
        node.must(before)
        done = node.act("kubeadm-node", "none", "none", *pins)
    assert done.code == 0, done.text
    assert "still there" in done.text
    assert says in done.text
    assert not node.file("/apiserver.said").exists()


@pytest.mark.parametrize("why", ["it serves on", "its port moves", "ss fails in between"])
def test_one_that_has_not_closed_its_port_is_told_nothing(node: Machine, why: str) -> None:
    """What kubeadm does takes longer than the grace, and does not replace it."""
    moves = f"echo '    - --secure-port=7443' >{MANIFEST}" if why == "its port moves" else "true"
    fails = "touch /no-ss" if why == "ss fails in between" else "true"
    with serving(node):
        node.file("/usr/local/bin/kubeadm").write_text(f"#!/bin/sh\nsleep 1; {moves}; {fails}; sleep 8\n")
        done = node.act("kubeadm-node", "none", "none", "apiserver-grace=5")
    assert done.code == 0, done.text
    assert "told to end" not in done.text
    assert not node.file("/port-closed").exists()


# the kubelet has etcd running and an API server that it has not begun to start; it begins after two nudges
CURL = """\
#!/bin/sh
for url; do :; done
case $url in
    https://127.0.0.1:10250/pods) cat /pods; printf '\\n200' ;;
    *) echo "$@" >>/patched; [ "$(wc -l </patched)" -lt 2 ] || cp /started /pods ;;
esac
"""


def kubelets_pods(*waiting: str) -> str:
    def pod(name: str) -> dict[str, object]:
        metadata = {
            "name": f"{name}-cp1",
            "namespace": "kube-system",
            "uid": "0123456789abcdef" * 2,
            "labels": {"tier": "control-plane"},
            "annotations": {"kubernetes.io/config.source": "file"},
        }
        status = {"phase": "Pending"} if name in waiting else {"phase": "Running", "containerStatuses": [{}]}
        return {"metadata": metadata, "status": status}

    pods = [pod("etcd"), pod("kube-apiserver")]
    return json.dumps({"kind": "PodList", "metadata": {}, "items": pods}, separators=(",", ":"))


def _let_wait(node: Machine, kubeadm: str) -> None:
    """Its API server waits for its predecessor."""
    conf = "clusters:\n- cluster:\n    server: https://lb.example.com:6443\n"
    put(node, "/etc/kubernetes/kubelet.conf", conf)
    put(node, "/pods", kubelets_pods("kube-apiserver"))
    put(node, "/started", kubelets_pods())
    for name, text in {"curl": CURL, "kubeadm": kubeadm, **CLOCK}.items():
        put(node, f"/usr/local/bin/{name}", text)


def test_a_kubelet_is_nudged_while_a_static_pod_waits(node: Machine) -> None:
    # kubeadm goes on for a while after it has started
    _let_wait(node, "#!/bin/sh\nuntil cmp -s /pods /started; do /usr/bin/sleep 0.1; done; /usr/bin/sleep 0.5\n")
    assert node.act("kubeadm-node", "none", "none", "nudge-kubelet=yes").code == 0
    patches = node.must("cat /patched").splitlines()
    assert len(patches) == 3
    assert '"upgrade-cp/nudged":null' in patches[2], "nothing of it stays"
    assert all(
        line.endswith(" https://lb.example.com:6443/api/v1/namespaces/kube-system/pods/kube-apiserver-cp1")
        for line in patches
    )
    assert all(
        "--request PATCH" in line and '{"metadata":{"annotations":{"upgrade-cp/nudged":' in line for line in patches
    )


def test_a_kubelet_is_left_alone(node: Machine) -> None:
    _let_wait(node, "#!/bin/sh\n/usr/bin/sleep 1\n")
    assert node.act("kubeadm-node", "none", "none").code == 0
    assert not node.file("/patched").exists()


ETCDCTL = """\
#!/bin/sh
case "$*" in
    *"endpoint status -w json") echo '[{"Status":{"header":{"member_id":1},"leader":1}}]' ;;
    *"member list -w simple") echo "c, started, cp2, https://10.99.0.12:2380, https://10.99.0.12:2379, false" ;;
    *"endpoint status") ;;
    *"move-leader c") echo moved >>/calls ;;
    *) exit 9 ;;
esac
"""


@pytest.mark.parametrize("action", [("kubeadm-apply", "v1.35.4"), ("kubeadm-node",)])
def test_an_etcd_that_leads_hands_over_before_kubeadm(node: Machine, action: tuple[str, ...]) -> None:
    put(node, "/etc/kubernetes/manifests/etcd.yaml", ETCD_MANIFEST)
    put(node, "/usr/local/bin/etcdctl", ETCDCTL)
    put(node, "/opt/etcd", "#!/bin/sh\necho up\n/usr/bin/sleep 30\n")
    says = '#!/bin/sh\n[ "$1" = upgrade ] && echo kubeadm >>/calls || echo v1.35.4\n'
    put(node, "/usr/local/bin/kubeadm", says)
    with running(node, URL):
        done = node.act(*action, "none", "none")
    assert done.code == 0, done.text
    assert node.must("cat /calls") == "moved\nkubeadm\n"


@pytest.mark.parametrize(
    "pin", ["nudge-kubelet=no", "apiserver-grace=4", "apiserver-grace=30", "apiserver-grace=", "grace=10"]
)
def test_other_graces_are_refused(node: Machine, pin: str) -> None:
    assert node.act("kubeadm-node", "none", "none", pin).code == 2
    assert node.act("kubeadm-apply", "v1.35.4", "none", "none", pin).code == 2
