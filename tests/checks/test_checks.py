"""Each check passes on a healthy cluster and names what it is there to find."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import blockers, judge
from kubectl_upgrade.checks.kubelets_via_endpoint import kubelets_may_go_via_endpoint
from kubectl_upgrade.model.endpoint import EndpointSeen
from kubectl_upgrade.model.facts import Apiserver, Facts, HostFacts, Kubeadm, Unknown
from kubectl_upgrade.model.run_record import RunRecord
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from tests.conftest import Shape

TARGET = Version.parse("v1.35.4")


def _found(facts: Facts, check: str, target: Version = TARGET, run8: str = "") -> list[str]:
    findings = CHECKS[check].run(facts, Aim(target, run8))
    return [f"{finding.node}: {finding.message}" if finding.node else finding.message for finding in findings]


def _host(facts: Facts, name: str, **changes: Any) -> Facts:
    host = facts.hosts[name]
    assert isinstance(host, HostFacts)
    return replace(facts, hosts={**facts.hosts, name: replace(host, **changes)})


def test_a_healthy_cluster_passes_every_check(shape: type[Shape]) -> None:
    judgements = judge(shape().facts(), Aim(TARGET))
    assert {judgement.check for judgement in judgements} == set(CHECKS)
    assert {(judgement.check, judgement.result) for judgement in judgements if judgement.result != "pass"} == {
        ("package-holds", "info")
    }


@pytest.mark.parametrize("name", CHECKS)
def test_names_agree(name: str) -> None:
    check = type(CHECKS[name])
    assert check.__module__.rpartition(".")[2] == name.replace("-", "_")
    assert check.__name__ == "".join(word.capitalize() for word in name.split("-"))
    assert name == CHECKS[name].NAME


@pytest.mark.parametrize(
    ("target", "blocked"),
    [
        ("v1.34.4", ""),
        ("v1.34.9", ""),
        ("v1.35.0", ""),
        ("v1.36.0", ""),
        ("v1.39.1", "v1.38, on the way to v1.39.1, is unknown"),
        ("v1.34.3", "going back"),
        ("v1.33.9", "going back"),
    ],
)
def test_upgrade_path(shape: type[Shape], target: str, blocked: str) -> None:
    found = _found(shape().facts(), "upgrade-path", Version.parse(target))
    assert bool(found) == bool(blocked)
    assert blocked in "".join(found)


def test_unknown_future_minors_block_and_patches_of_any_minor_pass(shape: type[Shape]) -> None:
    assert "v1.99 is unknown" in _found(shape().facts(), "known-minor", Version.parse("v1.99.0"))[0]
    assert _found(shape(version="v1.99.0").facts(), "known-minor", Version.parse("v1.99.7")) == []


def test_a_node_that_does_not_answer_blocks(shape: type[Shape]) -> None:
    facts = shape().facts()
    facts = replace(facts, hosts={**facts.hosts, "w1": Unknown("Connection refused")})
    assert _found(facts, "nodes-reachable") == ["w1: does not answer over ssh: Connection refused"]


def test_a_control_plane_that_was_not_asked_blocks(shape: type[Shape]) -> None:
    facts = shape().facts()
    hosts = {name: host for name, host in facts.hosts.items() if name != "cp2"}
    assert _found(replace(facts, hosts=hosts), "nodes-reachable") == ["cp2: was not asked over ssh"]


def test_addresses(shape: type[Shape]) -> None:
    facts = shape(nodes={"w1": {"internal_ip": ""}, "w2": {"internal_ip": "10.0.0.11"}}).facts()
    assert _found(facts, "node-addresses") == [
        "w1: its Node has no InternalIP",
        "w2: has the same InternalIP 10.0.0.11 as cp1",
    ]


def test_initialised_as_its_node_says(shape: type[Shape]) -> None:
    facts = shape().facts()
    host = facts.hosts["w1"]
    assert isinstance(host, HostFacts)
    assert isinstance(host.kubeadm, Kubeadm)
    facts = _host(facts, "w1", kubeadm=replace(host.kubeadm, initialised=False, control_plane=True))
    found = _found(facts, "nodes-initialised")
    assert len(found) == 2
    assert "w1: was not joined by kubeadm" in found[0]
    assert "lacks the label" in found[1]


def test_two_members_block_and_one_is_told(shape: type[Shape]) -> None:
    assert _found(shape(control_planes=2).facts(), "quorum") == ["2 etcd members keep no quorum when one stops"]
    assert "the API is away" in _found(shape(control_planes=1).facts(), "quorum")[0]
    assert not blockers(judge(shape(control_planes=1).facts(), Aim(TARGET)))


def test_ready(shape: type[Shape]) -> None:
    assert _found(shape(nodes={"w2": {"ready": False}}).facts(), "nodes-ready") == ["w2: is not Ready"]


def test_newer_than_the_target(shape: type[Shape]) -> None:
    facts = shape(nodes={"w1": {"kubelet": Version.parse("v1.35.5")}}).facts()
    assert _found(facts, "versions-at-most-target") == ["w1: kubelet is at v1.35.5, above the target v1.35.4"]


@pytest.mark.parametrize(
    ("kubelet", "problem"),
    [
        ("v1.32.0", ""),
        ("v1.31.9", "w1: kubelet v1.31.9 is 4 minors behind an API server at v1.35.4, at most 3 may be"),
        ("v1.35.4", "w1: kubelet v1.35.4 is newer than an API server at v1.34.4, until this upgrade is done"),
    ],
)
def test_kubelet_skew_now_and_at_the_target(shape: type[Shape], kubelet: str, problem: str) -> None:
    facts = shape(nodes={"w1": {"kubelet": Version.parse(kubelet)}}).facts()
    assert "".join(_found(facts, "version-skew")) == problem


def test_the_oldest_api_server_is_the_ceiling(shape: type[Shape]) -> None:
    facts = shape(nodes={"w1": {"kubelet": Version.parse("v1.35.4")}}).facts()
    pods = tuple(
        replace(pod, image="registry.k8s.io/kube-apiserver:v1.35.4")
        if (pod.node, pod.component) == ("cp1", "kube-apiserver")
        else pod
        for pod in facts.static_pods
    )
    found = _found(replace(facts, static_pods=pods), "version-skew")
    assert found == ["w1: kubelet v1.35.4 is newer than an API server at v1.34.4, until this upgrade is done"]


def test_a_control_plane_that_is_ahead_does_not_block_the_hop_that_it_began(shape: type[Shape]) -> None:
    facts = shape().facts()
    pods = tuple(
        replace(pod, image=pod.image.replace("v1.34.4", "v1.35.4")) if pod.node == "cp1" else pod
        for pod in facts.static_pods
    )
    assert _found(replace(facts, static_pods=pods), "version-skew") == []


def test_a_controller_newer_than_its_own_api_server_blocks(shape: type[Shape]) -> None:
    facts = shape().facts()
    pods = tuple(
        replace(pod, image="registry.k8s.io/kube-scheduler:v1.35.4")
        if (pod.node, pod.component) == ("cp2", "kube-scheduler")
        else pod
        for pod in facts.static_pods
    )
    found = _found(replace(facts, static_pods=pods), "version-skew")
    assert found == ["cp2: kube-scheduler v1.35.4 is newer than an API server at v1.34.4"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"apiserver": Unknown("curl: not found")}, "cp2: the API server could not be asked: curl: not found"),
        ({"kubelet": Unknown("no systemd")}, "cp2: the kubelet could not be asked: no systemd"),
        ({"etcd": Unknown("no etcd runs here")}, "cp2: etcd could not be asked: no etcd runs here"),
        (
            {"apiserver": Apiserver(ready=False, version=None, said="connection refused")},
            "cp2: its API server is not ready: connection refused",
        ),
    ],
)
def test_what_gates_and_waits_will_ask_must_answer_now(shape: type[Shape], changes: dict[str, Any], told: str) -> None:
    assert _found(_host(shape().facts(), "cp2", **changes), "node-answers") == [told]


def test_an_unreadable_component_is_told(shape: type[Shape]) -> None:
    facts = shape(control_planes=1).facts()
    pods = tuple(replace(pod, image="mirror:5000/kube-scheduler:latest") for pod in facts.static_pods)
    found = _found(replace(facts, static_pods=pods), "version-skew")
    assert all("has no version for a tag" in line for line in found)
    assert len(found) == 3


@pytest.mark.parametrize(
    "label",
    [
        "upgrade-cp.node-restriction.kubernetes.io/run",
        "kubeone.io/upgrade-in-process",
        "kubeone.io/upgrade-in-progress",
    ],
)
def test_marked_nodes_block_unless_forced(shape: type[Shape], label: str) -> None:
    facts = shape(nodes={"cp2": {"labels": {label: ""}}}).facts()
    assert label in _found(facts, "no-upgrade-in-process")[0]
    assert blockers(judge(facts, Aim(TARGET)))
    assert not blockers(judge(facts, Aim(TARGET), {"no-upgrade-in-process"}))


def test_the_marks_of_the_run_itself_do_not_stop_it(shape: type[Shape]) -> None:
    label = "upgrade-cp.node-restriction.kubernetes.io/run"
    facts = shape(nodes={"cp2": {"labels": {label: "12345678"}}}).facts()
    assert _found(facts, "no-upgrade-in-process", run8="12345678") == []
    assert len(_found(facts, "no-upgrade-in-process", run8="87654321")) == 1


def test_the_fence_of_another_run_blocks_also_when_forced(shape: type[Shape]) -> None:
    held = RunRecord(run="12345678" * 4, epoch=2, owner="0" * 16, units=())
    facts = _host(shape().facts(), "cp2", run=held)
    (found,) = blockers(judge(facts, Aim(TARGET), {"no-upgrade-in-process"}))
    assert "cp2: is held by run 12345678 " in str(found)
    assert "abort --run 12345678 PLAN" in str(found)
    assert not blockers(judge(facts, Aim(TARGET, "12345678")))


@pytest.mark.parametrize(
    ("target", "fails", "waived", "blocks"),
    [
        ("v1.34.9", True, False, False),
        ("v1.35.4", True, False, True),
        ("v1.35.4", True, True, True),
        ("v1.35.4", False, False, True),
        ("v1.35.4", False, True, False),
    ],
)
def test_cgroup_v1_is_waivable_only_when_the_kubelet_would_start(
    shape: type[Shape],
    target: str,
    fails: bool,  # noqa: FBT001 - a table's column
    waived: bool,  # noqa: FBT001 - a table's column
    blocks: bool,  # noqa: FBT001 - a table's column
) -> None:
    facts = shape(cgroup="v1", fail_cgroup_v1=fails).facts()
    judgements = judge(facts, Aim(Version.parse(target)), {"cgroup-v1"} if waived else ())
    assert bool(blockers(judgements)) is blocks


def test_mandatory_checks_cannot_be_waived(shape: type[Shape]) -> None:
    facts = shape(nodes={"w1": {"ready": False}}).facts()
    mandatory = {name for name, check in CHECKS.items() if check.MANDATORY}
    assert "nodes-ready" in mandatory
    assert [j.check for j in blockers(judge(facts, Aim(TARGET), mandatory))] == ["nodes-ready"]


def _endpoint(facts: Facts, endpoint: str) -> Facts:
    return replace(facts, kubeadm_config=replace(facts.kubeadm_config, control_plane_endpoint=endpoint))


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("10.0.0.1:6443", ""),
        ("10.0.0.1", ""),
        ("10.0.0.12:6443", "10.0.0.12:6443 is one control plane itself"),
        ("cp3:6443", "cp3:6443 is one control plane itself"),
        ("10.0.0.1:0", "10.0.0.1:0 is no host and port"),
        ("k8s.example:6443", "cp1: * its admin.conf names 10.0.0.1:6443, not controlPlaneEndpoint k8s.example:6443"),
    ],
)
def test_kubelets_via_endpoint(shape: type[Shape], endpoint: str, says: str) -> None:
    facts = _endpoint(shape().facts(), endpoint)
    found = _found(facts, "kubelets-via-endpoint")
    before, _, after = says.partition("*")
    assert [before in line and after.strip() in line for line in found] == ([True] if says else [])
    assert kubelets_may_go_via_endpoint(facts) == (not says)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ready": False, "said": "curl: (7)"}, "does not answer from this node: curl: (7)"),
        ({"own": True}, ""),
        ({"kubelet": "10.0.0.1:6443"}, ""),
    ],
)
def test_how_the_endpoint_looks_from_one_control_plane(shape: type[Shape], change: dict[str, Any], says: str) -> None:
    seen = EndpointSeen(kubelet="10.0.0.12:6443", endpoint="10.0.0.1:6443", own=False, ready=True, said="")
    facts = _host(shape().facts(), "cp2", endpoint=replace(seen, **change))
    found = _found(facts, "kubelets-via-endpoint")
    assert [line.startswith("cp2: ") and says in line for line in found] == ([True] if says else [])
    assert kubelets_may_go_via_endpoint(facts) == (not says)


def test_an_endpoint_on_every_control_plane_helps_no_kubelet(shape: type[Shape]) -> None:
    facts = shape().facts()
    for name in ("cp1", "cp2", "cp3"):
        seen = EndpointSeen(kubelet="a:1", endpoint="10.0.0.1:6443", own=True, ready=True, said="")
        facts = _host(facts, name, endpoint=seen)
    assert "is an address of each control plane itself" in _found(facts, "kubelets-via-endpoint")[0]
    assert not kubelets_may_go_via_endpoint(facts)


def test_where_the_endpoint_is_not_needed_nothing_is_said(shape: type[Shape]) -> None:
    """One control plane, an etcd outside, kubelets that talk to the endpoint anyway: as before 1.33."""
    facts = shape().facts()
    through = facts
    for name in ("cp1", "cp2", "cp3"):
        seen = EndpointSeen(kubelet="10.0.0.1:6443", endpoint="10.0.0.1:6443", own=False, ready=True, said="")
        through = _host(through, name, endpoint=seen)
    outside = replace(facts, kubeadm_config=replace(facts.kubeadm_config, etcd="external"))
    for found in (shape(control_planes=1).facts(), outside, through):
        assert _found(found, "kubelets-via-endpoint") == []
        assert not kubelets_may_go_via_endpoint(found)


def test_what_is_not_known_of_the_endpoint_is_said(shape: type[Shape]) -> None:
    facts = shape().facts()
    facts = replace(facts, hosts={**facts.hosts, "cp2": Unknown("timed out")})
    (found,) = _found(_host(facts, "cp3", endpoint=Unknown("no admin.conf")), "kubelets-via-endpoint")
    assert found.startswith("cp2: kubeadm takes a minute or two longer")
    assert found.endswith("looks from this node is not known: timed out")
    assert not kubelets_may_go_via_endpoint(facts)
