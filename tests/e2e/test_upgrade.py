"""One real upgrade of 3 control planes and 3 workers behind a load balancer, its client killed on the way."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.report.times import times_of
from tests.e2e.figures import figure
from tests.e2e.operator import FROM, TO, WAIVER
from tests.e2e.story import packages

if TYPE_CHECKING:
    from tests.e2e.story import Story
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

KUBERNETES_PACKAGES = {"kubeadm", "kubelet", "kubectl"}
# the documented procedure on the same lab: shared figures of the project's first measurements
DOCUMENTED_FAILURES, DOCUMENTED_REQUESTS, DOCUMENTED_GAP = 9, 9292, 3.1


def test_the_client_was_killed_in_kubeadm_and_kubeadm_went_on(story: Story) -> None:
    assert "kubeadm upgrade apply" in story.killed_while
    assert "going on with run" in story.paused


def test_status_says_what_runs_while_no_client_is_there(story: Story) -> None:
    """Asked by somebody else, who has neither plan nor state folder."""
    assert re.search(r"node   cp1 .*in process.*kubeadm-apply v1\.35\.4 .*: running, started 2", story.status)
    assert re.search(r"an action runs on cp1 and needs nobody; .*--take-over [0-9a-f]{8}", story.status)


def test_a_lost_connection_is_sat_out(story: Story) -> None:
    lost = [line for line in story.paused.splitlines() if "lost the connection" in line]
    assert lost, f"ssh was cut at {story.cut_while}:\n{story.paused}"
    assert all("cp2" in line and "kubeadm-node does not depend on it" in line for line in lost)


def test_another_operator_is_refused_and_may_take_over(story: Story) -> None:
    assert re.search(r"locked by run [0-9a-f]{8} of .* at v1\.35\.4/control-plane-kubelets/cp3", story.refused)
    assert "taking over run" in story.finished
    told = [line for line in story.finished.splitlines() if "kubeadm upgrade" in line and "cp" in line]
    assert told == [], "a finished step was repeated"
    refused = story.operator.run("apply", str(story.plan), "--yes", code=3).stderr
    assert "was ended elsewhere" in refused


def test_every_node_is_upgraded_ready_and_schedulable(lab: Lab, story: Story) -> None:
    nodes = lab.api.get("/api/v1/nodes")["items"]
    found = {
        node["metadata"]["name"]: (
            node["status"]["nodeInfo"]["kubeletVersion"],
            next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready"),
            node["spec"].get("unschedulable", False),
        )
        for node in nodes
    }
    assert found == {node.name: (TO, "True", False) for node in lab.nodes}
    assert f"is at {TO}" in story.finished


def test_static_pods_add_ons_and_configuration_are_new(lab: Lab, story: Story) -> None:
    assert story.finished
    pods = lab.api.get("/api/v1/namespaces/kube-system/pods?labelSelector=tier%3Dcontrol-plane")["items"]
    tags = {
        (pod["spec"]["nodeName"], pod["metadata"]["labels"]["component"]): pod["spec"]["containers"][0]["image"]
        for pod in pods
    }
    assert len(tags) == 12
    for (_, component), image in tags.items():
        assert image.endswith(":3.6.6-0" if component == "etcd" else f":{TO}")
    proxy = lab.api.get("/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy")
    assert proxy["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f":{TO}")
    assert proxy["status"]["updatedNumberScheduled"] == proxy["status"]["numberAvailable"] == 6
    config = lab.api.get("/api/v1/namespaces/kube-system/configmaps/kubeadm-config")
    assert f"kubernetesVersion: {TO}" in config["data"]["ClusterConfiguration"]


def test_etcd_has_three_healthy_members(lab: Lab, story: Story) -> None:
    assert story.finished
    script = (
        "cd /etc/kubernetes/pki/etcd && /proc/$(pgrep -x etcd)/root/usr/local/bin/etcdctl --cacert ca.crt "
        "--cert healthcheck-client.crt --key healthcheck-client.key --endpoints https://127.0.0.1:2379 "
        "endpoint status --cluster -w json"
    )
    members = json.loads(lab.run("cp1", script).out)
    assert len(members) == 3
    assert {member["Status"]["version"] for member in members} == {"3.6.6"}
    assert len({member["Status"]["leader"] for member in members}) == 1
    assert all(not member["Status"].get("errors") for member in members)


def test_kubeadm_ran_exactly_once_on_each_node(lab: Lab, story: Story) -> None:
    """It backs up the kubelet's configuration, and etcd on a control plane, each time that it runs."""
    assert story.finished
    for node in lab.nodes:
        listed = lab.run(node.name, "ls /etc/kubernetes/tmp").out.split()
        counts = {kind: sum(kind in name for name in listed) for kind in ("kubelet-config", "backup-etcd")}
        expected = 1 if node in lab.spec.control_plane_nodes else 0
        assert counts == {"kubelet-config": 1, "backup-etcd": expected}, f"{node.name}: {listed}"


def test_no_trace_is_left(lab: Lab, story: Story) -> None:
    assert story.finished
    for node in lab.api.get("/api/v1/nodes")["items"]:
        metadata = node["metadata"]
        assert "upgrade-cp" not in json.dumps([metadata["labels"], metadata["annotations"]])
    leases = lab.api.get("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases")["items"]
    assert "upgrade-cp" not in {lease["metadata"]["name"] for lease in leases}
    units = "systemctl list-units --all --no-legend 'upgrade-cp*'"
    look = f"ls -d /var/lib/upgrade-cp* 2>/dev/null; {units}; pgrep -f upgrade-cp"
    for node in lab.nodes:
        assert lab.run(node.name, look, check=False).out == "", node.name


def test_packages_are_exactly_as_wanted_and_held_as_before(lab: Lab, story: Story) -> None:
    for node in lab.nodes:
        before, after = story.before[node.name], packages(lab, node.name)
        assert after["held"] == before["held"] != ""
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        assert changed == KUBERNETES_PACKAGES
        assert {after[name] for name in changed} == {"1.35.4-1.1"}
        sources = lab.run(node.name, "cat /etc/apt/sources.list.d/kubernetes.list").out
        assert "/core:/stable:/v1.35/deb/" in sources


def test_kubeadm_flags_are_clean(lab: Lab, story: Story) -> None:
    assert story.finished
    for node in lab.nodes:
        assert "pod-infra-container-image" not in lab.run(node.name, "cat /var/lib/kubelet/kubeadm-flags.env").out


def test_the_api_stayed(story: Story) -> None:
    for report in story.reports:
        share = report.failures / report.requests
        documented = DOCUMENTED_FAILURES / DOCUMENTED_REQUESTS
        figure(f"api-{report.kind}s-failed", 100 * share, "%", f"<= {100 * documented:.3f}")
        figure(f"api-{report.kind}s-longest-gap", report.longest_gap, "s", f"<= {DOCUMENTED_GAP}")
        assert report.requests > 1000
    assert {report.kind for report in story.reports} == {"read", "write"}


def test_the_tool_itself_takes_little_time(lab: Lab, story: Story) -> None:
    """Outside kubeadm, drains and named waits: of the control planes by the first operator, of workers by the heir."""
    rows: dict[str, list[str]] = {
        match[1]: match[2].split() for match in re.finditer(r"^(w\d) +([\d. ]+)$", story.finished, re.MULTILINE)
    }
    control_planes = times_of(story.past)
    assert {*rows, *control_planes} == {node.name for node in lab.nodes} | {"cluster"}
    rest = {name: times.rest for name, times in control_planes.items() if name != "cluster"}
    rest |= {name: float(columns[-1]) for name, columns in rows.items()}
    for name, seconds in rest.items():
        figure(f"seconds-outside-kubeadm-drains-waits-{name}", seconds, "s", "<= 30")


def test_a_second_plan_has_nothing_to_do_and_none_goes_back(story: Story) -> None:
    assert story.finished
    again = story.operator.run("plan", "--to", TO, *WAIVER)
    assert "nothing to do" in again.stderr
    downgrade = story.operator.run("plan", "--to", FROM, code=4)
    assert "not supported by Kubernetes" in downgrade.stderr
