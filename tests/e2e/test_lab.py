"""The lab keeps its own promises: a real cluster, snapshots in seconds, faults that are undone, nothing left behind."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.figures import figure
from tests.lab import faults, leftovers, network, services
from tests.lab.lab import Lab
from tests.lab.packages import repository
from tests.lab.place import Place
from tests.lab.registry import ADDRESS
from tests.lab.spec import Spec
from tests.lab.until import until
from tests.lab.versions import Version

pytestmark = pytest.mark.lab

UP_GOAL, SNAPSHOT_GOAL, RESTORE_GOAL, DOWN_GOAL = 150, 60, 45, 20
ETCDCTL = """
process=/proc/$(pgrep -x etcd)/root/usr/local/bin pki=/etc/kubernetes/pki/etcd
$process/etcdctl --cacert $pki/ca.crt --cert $pki/healthcheck-client.crt --key $pki/healthcheck-client.key \
  --endpoints 127.0.0.1:2379 member list -w json
"""


def say(lab: Lab, part: str, goal: float) -> None:
    figure(f"lab {part}", lab.timings.seconds[part], "s", f"<= {goal}")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = Lab(Spec(3, 3, also=(Version(1, 35, 4),)))
    with made.hold("the lab's own tests"):
        made.build()
        made.up()
        yield made
        made.down()


def test_a_warm_cluster_is_up_in_time_and_real(lab: Lab) -> None:
    nodes = lab.api.get("/api/v1/nodes")["items"]
    assert len(nodes) == 6
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes} == {"v1.34.4"}
    assert len({node["status"]["nodeInfo"]["bootID"] for node in nodes}) == 6
    members = json.loads(lab.run("cp1", ETCDCTL).out)["members"]
    assert {member["name"] for member in members} == {"cp1", "cp2", "cp3"}
    say(lab, "up", UP_GOAL)


def test_packages_came_from_the_signed_repository_and_are_held(lab: Lab) -> None:
    policy = lab.run("w1", "apt-cache policy kubelet").out
    assert "Installed: 1.34.4-1.1" in policy
    assert repository(Version(1, 34, 4)).rstrip("/") in policy
    assert lab.run("w1", "apt-mark showhold", user="ops").out.split() == ["kubeadm", "kubectl", "kubelet"]


def test_an_unsigned_change_of_the_repository_is_refused(lab: Lab) -> None:
    release = lab.place.www / "core:/stable:/v1.34/deb/InRelease"
    signed = release.read_text()
    release.write_text(signed.replace("Suite: deb", "Suite: bad"))
    try:
        refused = lab.run("w1", "rm -r /var/lib/apt/lists; apt-get update --error-on=any", check=False)
    finally:
        release.write_text(signed)
    assert refused.code != 0
    assert "BADSIG" in refused.out + refused.err


def test_images_came_from_the_registry(lab: Lab) -> None:
    log = services.log(lab.place, services.REGISTRY).read_text()
    pulls = [line for line in log.splitlines() if '"GET /v2/' in line and "/blobs/" in line and "containerd" in line]
    for node in lab.nodes:
        assert any(line.startswith(node.address) and "kube-proxy" in line for line in pulls), node.name
    assert ADDRESS in lab.run("cp1", "cat /etc/containerd/certs.d/registry.k8s.io/hosts.toml").out


def test_a_snapshot_brings_everything_back(lab: Lab, tmp_path: Path) -> None:
    own = tmp_path / "state"
    own.mkdir()
    (own / "journal").write_text("before")
    identities = {node.name: lab.run(node.name, "cat /etc/machine-id").out for node in lab.nodes}
    lab.snapshot("tested", [own])
    say(lab, "snapshot tested", SNAPSHOT_GOAL)
    lab.run("w1", "touch /root/after; apt-mark unhold kubelet")
    lab.api.must("POST", "/api/v1/namespaces", {"metadata": {"name": "after"}})
    (own / "journal").write_text("after")
    lab.restore("tested")
    assert lab.run("w1", "test -e /root/after", check=False).code == 1
    assert "kubelet" in lab.run("w1", "apt-mark showhold").out
    assert lab.api.ask("GET", "/api/v1/namespaces/after")[0] == 404
    assert (own / "journal").read_text() == "before"
    assert {node.name: lab.run(node.name, "cat /etc/machine-id").out for node in lab.nodes} == identities
    say(lab, "restore tested", RESTORE_GOAL)


def test_a_reboot_is_visible_and_keeps_the_address_reachable(lab: Lab) -> None:
    before = lab.run("w2", "cat /proc/sys/kernel/random/boot_id").out
    faults.reboot(lab, "w2")
    assert lab.run("w2", "cat /proc/sys/kernel/random/boot_id").out != before
    lab.wait_ready()


def test_a_cut_cable_is_cut_and_mended(lab: Lab) -> None:
    with faults.network_cut(lab, "w3"):
        assert lab.run("w3", "true", limit=30, check=False).code == 255
    assert lab.run("w3", "hostname").out == "w3\n"


def test_a_full_disk_is_full_for_one_folder_and_only_for_a_while(lab: Lab) -> None:
    write = "echo words > /var/lib/upgrade-cp/file"
    with faults.full_disk(lab, "w3", "/var/lib/upgrade-cp"):
        assert "No space left on device" in lab.run("w3", write, check=False).err
    assert lab.run("w3", "test -e /var/lib/upgrade-cp", check=False).code == 1


def test_apt_finds_its_lock_held(lab: Lab) -> None:
    install = "apt-get install -qq --reinstall --allow-change-held-packages -y kubeadm"
    with faults.apt_locked(lab, "w3"):
        assert "Could not get lock" in lab.run("w3", install, check=False).err
    assert lab.run("w3", install, check=False).code == 0


def test_a_stopped_registry_answers_again(lab: Lab) -> None:
    ask = f"curl -sS http://{ADDRESS}/v2/"
    with faults.service_stopped(lab, services.REGISTRY):
        assert lab.run("w3", ask, check=False).code == 7
    assert lab.run("w3", ask).out == "{}"


def test_an_immovable_workload_stops_a_drain(lab: Lab) -> None:
    kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf"
    with faults.immovable_workload(lab, "w1"):
        drain = lab.run("cp1", f"{kubectl} drain w1 --ignore-daemonsets --timeout=5s", check=False)
        lab.run("cp1", f"{kubectl} uncordon w1")
    assert drain.code != 0
    assert "violate the pod's disruption budget" in drain.err


def test_the_probe_sees_an_outage_and_its_length(lab: Lab) -> None:
    with lab.probe() as probe:
        until("answers", 10, lambda: "" if probe.write.requests - probe.write.failures > 5 else "too few")
        start = time.monotonic()
        with faults.service_stopped(lab, services.LOAD_BALANCER):
            until("failures", 30, lambda: "" if probe.write.failures > 5 else "too few")
        good = probe.write.requests - probe.write.failures
        until("answers again", 30, lambda: "" if probe.write.requests - probe.write.failures > good else "none")
    assert 0.2 < probe.write.longest_gap <= time.monotonic() - start
    assert probe.read.failures > 0


def test_logs_explain_every_node(lab: Lab, tmp_path: Path) -> None:
    lab.logs(tmp_path)
    for node in lab.nodes:
        assert "kubelet" in (tmp_path / node.name / "journal.log").read_text()
    assert "cp1" in (tmp_path / "nodes.txt").read_text()
    assert list((tmp_path / "cp1" / "pods").glob("kube-system_etcd-cp1_*"))


def test_a_higher_patch_of_the_same_source_is_a_version_of_its_own(lab: Lab) -> None:
    lab.publish(Version(1, 34, 5))
    offered = lab.run(
        "w1", "apt-get update -qq; apt-get download -qq kubeadm=1.34.5-1.1; dpkg -x kubeadm_*.deb /root/k"
    )
    assert offered.code == 0
    assert lab.run("w1", "/root/k/usr/bin/kubeadm version -o short").out == "v1.34.5\n"


def test_a_killed_up_leaves_nothing_that_down_does_not_remove(lab: Lab) -> None:
    starting = subprocess.Popen([sys.executable, "-m", "tests.lab", "up", "--workers", "1"])
    with starting:
        until("the nodes of a new lab", 120, lambda: "" if "ucp-w1" in network.links() and gone("w2") else "none yet")
        starting.send_signal(signal.SIGKILL)
    assert any(leftovers.listed(lab.place).values())
    lab.down()
    assert not any(leftovers.listed(lab.place).values())


def gone(node: str) -> bool:
    return network.outer_end(node) not in network.links()


def test_a_second_up_of_another_size_builds_nothing(lab: Lab) -> None:
    single = Lab(Spec(1, 1, also=lab.spec.also, load_balancer=False))
    single.up()
    say(single, "up", UP_GOAL)
    assert single.cache.made == []
    assert single.kubeconfig.read_text().count("https://10.99.0.11:6443") == 1
    assert len(single.api.get("/api/v1/nodes")["items"]) == 2


def test_down_leaves_nothing_but_the_cache(lab: Lab) -> None:
    lab.down()
    assert not any(leftovers.listed(lab.place).values())
    mounted = Path("/proc/self/mountinfo").read_text()
    assert str(Place.default().root) not in mounted
    assert "/run/netns" not in mounted
    say(lab, "down", DOWN_GOAL)
