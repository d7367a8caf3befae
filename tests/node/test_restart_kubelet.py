"""The action restart-kubelet and the fact kubelet, with a unit and a healthz endpoint that are made up."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade import node
from tests.node.conftest import CLOCK
from tests.node.test_facts import MANIFEST, URL, put, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.node.conftest import Machine

# what systemctl would say is what lies in /unit; a restart is written down
SYSTEMCTL = """\
#!/bin/sh
case "$*" in
    *ActiveState*) cat /unit/state ;;
    *NRestarts*) cat /unit/restarts; [ ! -e /unit/loops ] || echo $(($(cat /unit/restarts) + 1)) >/unit/restarts ;;
    *) echo "$*" >>/unit/calls; [ ! -e /unit/refuses ] ;;
esac
"""
STUBS = {
    "systemctl": SYSTEMCTL,
    "journalctl": "#!/bin/sh\necho 'unknown flag: --nope'\n",
    "kubelet": "#!/bin/sh\necho Kubernetes v1.35.4\n",
    **CLOCK,
}
HEALTHZ = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if sys.argv[1] == 'ok' else 500)
        self.end_headers()
        self.wfile.write(sys.argv[1].encode())
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
open('/healthz', 'w').write(str(os.getpid()))
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def kubelet(bare: Machine) -> Machine:
    for name, text in STUBS.items():
        program = bare.file(f"/usr/local/bin/{name}")
        program.write_text(text)
        program.chmod(0o755)
    bare.must("mkdir -p /unit /var/lib/kubelet && echo active >/unit/state && echo 4 >/unit/restarts")
    bare.file("/var/lib/kubelet/config.yaml").write_text("healthzBindAddress: 127.0.0.1\nhealthzPort: 1\n")
    return bare


@contextmanager
def healthz(machine: Machine, answer: str) -> Iterator[None]:
    server = subprocess.Popen(
        machine.command("python3", "-c", HEALTHZ, answer), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert server.stdout is not None
    port = server.stdout.readline().decode().strip()
    machine.file("/var/lib/kubelet/config.yaml").write_text(f"healthzBindAddress: 127.0.0.1\nhealthzPort: {port}\n")
    try:
        yield
    finally:
        machine.must("kill $(cat /healthz)")
        server.communicate()


def fact(machine: Machine) -> list[str]:
    machine.file("/fact").write_text(node.fact("kubelet"))
    return machine.must("sh /fact").splitlines()


def test_restarts_and_sees_it_healthy(kubelet: Machine) -> None:
    with healthz(kubelet, "ok"):
        done = kubelet.act("restart-kubelet", "v1.35.4", "apt")
        assert fact(kubelet) == ["active yes", "restarts 4", "healthz ok"]
    assert done.code == 0, done.text
    assert kubelet.must("cat /unit/calls") == "daemon-reload\nrestart kubelet\n"
    assert done.text.splitlines()[-1] == "kubelet v1.35.4 is active, its healthz ok"


@pytest.mark.parametrize(
    ("break_it", "answer", "said"),
    [
        ("echo activating >/unit/state", "ok", "activating, 4 restarts, healthz: ok"),
        ("touch /unit/loops", "ok", " restarts, healthz: ok"),
        ("true", "syncloop is late", "active, 4 restarts, healthz: syncloop is late"),
    ],
    ids=["not active", "restarts again and again", "not healthy"],
)
def test_one_that_does_not_stay_up_is_a_failure(kubelet: Machine, break_it: str, answer: str, said: str) -> None:
    kubelet.must(break_it)
    with healthz(kubelet, answer):
        done = kubelet.act("restart-kubelet", "v1.35.4", "apt")
    assert done.code == 1
    assert "unknown flag: --nope" in done.text
    assert "Failed: kubelet v1.35.4 does not stay up: " in done.text
    assert said in done.text
    assert done.text.splitlines()[-1].startswith("What to do: ")


def test_a_kubelet_that_nobody_may_ask_is_judged_by_its_unit(kubelet: Machine) -> None:
    kubelet.file("/var/lib/kubelet/config.yaml").write_text("healthzPort: 0\n")
    assert kubelet.act("restart-kubelet", "v1.35.4", "apt").code == 0
    assert fact(kubelet) == ["active yes", "restarts 4", "healthz off"]
    kubelet.must("touch /unit/loops")
    assert "healthz: off" in kubelet.act("restart-kubelet", "v1.35.4", "apt").text


def test_one_that_systemd_restarts_again_and_again_is_given_up_early(kubelet: Machine) -> None:
    kubelet.must("touch /unit/loops")
    with healthz(kubelet, "ok"):
        kubelet.act("restart-kubelet", "v1.35.4", "apt")
    assert int(kubelet.must("cat /unit/restarts")) < 20
    assert int(kubelet.must("cat /slept")) < 10


def test_without_healthz_it_is_watched_for_longer_than_its_unit_waits(kubelet: Machine) -> None:
    """It dies 4 s after each start, and is started again 10 s later."""
    kubelet.file("/var/lib/kubelet/config.yaml").write_text("healthzPort: 0\n")
    slow = SYSTEMCTL.replace(
        "cat /unit/state ;;", "[ $(($(cat /slept) % 14)) -gt 4 ] && echo activating || echo active ;;"
    )
    kubelet.file("/usr/local/bin/systemctl").write_text(
        slow.replace("*NRestarts*) cat /unit/restarts;", "*NRestarts*) echo $(($(cat /slept) / 14));")
    )
    done = kubelet.act("restart-kubelet", "v1.35.4", "apt")
    assert "Failed: kubelet v1.35.4 does not stay up" in done.text


def test_a_kubelet_that_takes_two_minutes_is_given_them(kubelet: Machine) -> None:
    slow = SYSTEMCTL.replace("cat /unit/state ;;", "[ $(cat /slept) -gt 120 ] && echo active || echo activating ;;")
    kubelet.file("/usr/local/bin/systemctl").write_text(slow)
    with healthz(kubelet, "ok"):
        assert kubelet.act("restart-kubelet", "v1.35.4", "apt").code == 0
    assert 120 < int(kubelet.must("cat /slept")) < 130


def test_nothing_is_restarted_when_another_version_is_on_disk(kubelet: Machine) -> None:
    done = kubelet.act("restart-kubelet", "v1.35.5", "apt")
    assert done.code == 1
    assert "Failed: the kubelet on disk is Kubernetes v1.35.4, not v1.35.5" in done.text
    assert not kubelet.file("/unit/calls").exists()


def test_systemd_may_refuse(kubelet: Machine) -> None:
    kubelet.must("touch /unit/refuses")
    assert "Failed: systemctl daemon-reload" in kubelet.act("restart-kubelet", "v1.35.4", "apt").text


def test_the_fact_of_a_kubelet_that_is_down(kubelet: Machine) -> None:
    kubelet.must("echo failed >/unit/state")
    active, restarts, health, *log = fact(kubelet)
    assert (active, restarts) == ("active no", "restarts 4")
    assert "Failed to connect to 127.0.0.1 port 1" in health or "Couldn't connect" in health
    assert log == ["log unknown flag: --nope"]


ETCDCTL = """\
#!/bin/sh
case "$*" in
    *"endpoint status -w json") echo '[{"Status":{"header":{"member_id":18446744073709551615},"leader":LEADER}}]' ;;
    *"member list -w simple")
        echo "ffffffffffffffff, started, cp1, https://10.99.0.11:2380, https://10.99.0.11:2379, false"
        echo "a, started, cp2, https://10.99.0.12:2380, https://10.99.0.12:2379, true"
        echo "b, unstarted, , https://10.99.0.13:2380, , false"
        echo "c, started, cp4, https://10.99.0.14:2380, https://10.99.0.14:2379, false" ;;
    *"--endpoints https://10.99.0.14:2379 "*"endpoint status") [ ! -e /cp4-is-dead ] ;;
    *"--endpoints https://10.99.0.11:2379 "*"move-leader c")
        cat /unit/calls >/restarted-before 2>&1
        [ ! -e /no-move ] || { echo 'Error: etcdserver: bad leader transferee'; exit 1; } ;;
    *) exit 9 ;;
esac
"""
ID = "18446744073709551615"
MOVED = "etcd is led by the member c now: this one will be replaced"
STAYS = "etcd's leader stays on this node: Error: etcdserver: bad leader transferee"


@pytest.mark.parametrize(
    ("leader", "break_it", "said"),
    [(ID, "true", MOVED), (ID, "touch /no-move", STAYS), (ID, "touch /cp4-is-dead", ""), ("12", "true", "")],
    ids=["leads", "cannot go", "nobody else lives", "follows"],
)
def test_an_etcd_that_leads_hands_over_before_it_is_replaced(
    kubelet: Machine, leader: str, break_it: str, said: str
) -> None:
    put(kubelet, "/etc/kubernetes/manifests/etcd.yaml", MANIFEST)
    put(kubelet, "/usr/local/bin/etcdctl", ETCDCTL.replace("LEADER", leader))
    put(kubelet, "/opt/etcd", "#!/bin/sh\necho up\n/usr/bin/sleep 30\n")
    kubelet.must(break_it)
    with running(kubelet, URL), healthz(kubelet, "ok"):
        done = kubelet.act("restart-kubelet", "v1.35.4", "apt")
    assert done.code == 0, done.text
    assert [line for line in done.text.splitlines() if "etcd" in line] == [said] * bool(said)
    if said:
        assert kubelet.must("cat /restarted-before") == "daemon-reload\n"
