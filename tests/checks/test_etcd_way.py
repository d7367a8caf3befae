"""Whether a plan may bring members of etcd over a minimum itself, and what the check says then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.etcd_way import etcd_ways, question
from kubectl_upgrade.model.etcd import EtcdImages
from kubectl_upgrade.model.facts import Etcd, HostFacts, Kubeadm, Unknown
from kubectl_upgrade.model.rendered import Difference, Rendered
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.finding import Finding
    from tests.conftest import Shape

TO = Version.parse("v1.34.4")
BOTH = EtcdImages(here=("3.5.32-0",), offered=("3.5.26-0",), refused={})
SECOND = EtcdImages(here=(), offered=("3.5.26-0",), refused={"3.5.32-0": "https://mirror answered 404"})
NONE = EtcdImages(here=(), offered=(), refused={"3.5.32-0": "https://mirror answered 404", "3.5.26-0": "no answer"})


def _host(facts: Facts, name: str, **changes: Any) -> Facts:
    host = facts.hosts[name]
    assert isinstance(host, HostFacts)
    return replace(facts, hosts={**facts.hosts, name: replace(host, **changes)})


def _at(facts: Facts, name: str, version: str) -> Facts:
    host = facts.hosts[name]
    assert isinstance(host, HostFacts)
    assert isinstance(host.etcd, Etcd)
    return _host(facts, name, etcd=replace(host.etcd, version=version))


@pytest.fixture
def old(shape: type[Shape]) -> Facts:
    """With the etcd of kubeadm 1.33, and all that it needs within reach."""
    facts = shape(version="v1.33.9").facts()
    for name in ("cp1", "cp2", "cp3"):
        facts = _host(_at(facts, name, "3.5.24"), name, etcd_images=BOTH, rendered=_rendered())
    return facts


def _rendered(cluster: str = "v1.33.9", **differing: str) -> Rendered:
    """By component, what is not as kubeadm v1.33.9 would write it."""
    version = Version.parse("v1.33.9")
    differences = {
        component.replace("_", "-"): (Difference(what=what, manifest="", rendered=None),)
        for component, what in differing.items()
    }
    return Rendered(kubeadm=version, cluster=Version.parse(cluster), manifests=version, differences=differences)


def _found(facts: Facts, aim: Aim | None = None) -> list[Finding]:
    return list(CHECKS["etcd-minimum"].run(facts, aim or Aim(TO)))


def _refusal(facts: Facts) -> str:
    """Why there is no way, of the first of the members that are told."""
    assert etcd_ways(facts, TO) == {}
    (finding, *_) = _found(facts)
    assert finding.level.value == "blocker"
    before, found, why = finding.fix.partition("The plan does not do it: ")
    assert found
    assert "etcd.local.imageTag" in before, "what a person may do stays there"
    return why


def test_with_a_way_nothing_blocks_and_the_plan_is_named(old: Facts) -> None:
    assert etcd_ways(old, TO) == {"1.34": "3.5.32-0"}
    assert [(finding.level.value, finding.node) for finding in _found(old)] == [
        ("warn", "cp1"),
        ("warn", "cp2"),
        ("warn", "cp3"),
    ]
    assert "the plan brings every member to 3.5.32-0, one at a time" in _found(old)[0].fix


def test_the_best_that_all_can_pull_is_taken(old: Facts) -> None:
    assert etcd_ways(_host(old, "cp2", etcd_images=SECOND), TO) == {"1.34": "3.5.26-0"}


def test_one_node_that_cannot_pull_any_is_enough(old: Facts) -> None:
    why = _refusal(_host(old, "cp3", etcd_images=NONE))
    assert why.startswith(
        "cp3 may not get etcd:3.5.32-0: https://mirror answered 404; cp3 may not get etcd:3.5.26-0: no"
    )


@pytest.mark.parametrize("unknown", ["not asked", "the script ended with exit code 1"])
def test_what_is_not_known_is_no_way(old: Facts, unknown: str) -> None:
    assert unknown in _refusal(_host(old, "cp2", etcd_images=Unknown(unknown)))


def test_kubeadm_of_another_version_would_move_more_than_etcd(old: Facts) -> None:
    host = old.hosts["cp2"]
    assert isinstance(host, HostFacts)
    assert isinstance(host.kubeadm, Kubeadm)
    facts = _host(old, "cp2", kubeadm=replace(host.kubeadm, kubeadm=Version.parse("v1.33.11")))
    assert _refusal(facts).startswith("kubeadm on cp2 is not v1.33.9")


@pytest.mark.parametrize("component", ["kube_apiserver", "kube_controller_manager", "kube_scheduler"])
def test_what_kubeadm_would_write_anew_beside_etcd_is_no_way(old: Facts, component: str) -> None:
    why = _refusal(_host(old, "cp3", rendered=_rendered(**{component: "--audit-log-path"})))
    name = component.replace("_", "-")
    assert why.startswith(f"on cp3 kubeadm would change more than etcd: {name}.yaml (--audit-log-path); ")


def test_what_differs_of_etcd_itself_is_no_matter(old: Facts) -> None:
    assert etcd_ways(_host(old, "cp3", rendered=_rendered(etcd="--snapshot-count")), TO) == {"1.34": "3.5.32-0"}


def test_manifests_that_were_not_compared_are_no_way(old: Facts) -> None:
    why = "on cp2 manifests could not be compared with what kubeadm would write"
    assert _refusal(_host(old, "cp2", rendered=Unknown("no answer"))).startswith(f"{why}: no answer; ")
    assert _refusal(_host(old, "cp2", rendered=_rendered("v1.33.8"))).startswith(f"{why}; ")


def test_an_upgrade_that_was_begun_is_no_time_for_it(old: Facts) -> None:
    pods = tuple(
        replace(pod, image=pod.image.replace("v1.33.9", "v1.33.5"))
        if (pod.node, pod.component) == ("cp3", "kube-scheduler")
        else pod
        for pod in old.static_pods
    )
    assert _refusal(replace(old, static_pods=pods)).startswith("kube-scheduler on cp3 is not at v1.33.9")


def test_a_configuration_that_cannot_be_edited_is_left_alone(old: Facts) -> None:
    facts = replace(old, kubeadm_config=replace(old.kubeadm_config, etcd_tag_settable=False))
    assert "is not written as kubeadm writes it" in _refusal(facts)


def test_a_member_of_another_minor_needs_a_hop_first(old: Facts) -> None:
    facts = _at(old, "cp3", "3.4.30")
    assert etcd_ways(facts, TO) == {}
    assert question(facts, TO) == ""
    assert {finding.level.value for finding in _found(facts)} == {"blocker"}


def test_a_later_hop_has_its_own_way(shape: type[Shape]) -> None:
    """From 1.34 on etcd is at 3.6: kubeadm of 1.36 moves it before the hop to 1.37, whatever runs now."""
    facts, target = shape(version="v1.34.4").facts(), Version.parse("v1.37.1")
    assert question(facts, target) == "etcd-images registry.k8s.io/etcd 3.6.11-0"
    images = EtcdImages(here=(), offered=("3.6.11-0",), refused={})
    for name in ("cp1", "cp2", "cp3"):
        facts = _host(facts, name, etcd_images=images)
    assert etcd_ways(facts, target) == {"1.37": "3.6.11-0"}


def test_nodes_are_asked_only_when_a_way_is_wanted(old: Facts) -> None:
    assert question(old, TO) == "etcd-images registry.k8s.io/etcd 3.5.32-0 3.5.26-0"
    own = replace(old.kubeadm_config, image_repository="mirror.example.com/k8s", etcd_image_repository="e.example.com")
    assert question(replace(old, kubeadm_config=own), TO).split()[1] == "e.example.com/etcd"
    mirror = replace(own, etcd_image_repository="none")
    assert question(replace(old, kubeadm_config=mirror), TO).split()[1] == "mirror.example.com/k8s/etcd"
    assert question(old, Version.parse("v1.33.12")) == ""
    external = replace(old.kubeadm_config, etcd="external")
    assert question(replace(old, kubeadm_config=external), TO) == ""
    for name in ("cp1", "cp2", "cp3"):
        old = _at(old, name, "3.5.26")
    assert question(old, TO) == ""


@pytest.mark.parametrize(
    ("tags", "level", "says"),
    [
        ({"1.34": "3.5.32-0"}, "warn", "to 3.5.32-0"),
        ({"1.34": "3.5.26-0"}, "warn", "to 3.5.26-0"),
        ({"1.34": "3.5.25-0"}, "blocker", "it brings them to 3.5.25-0"),
        ({"1.34": "3.6.5-0"}, "blocker", "it brings them to 3.6.5-0"),
        ({"1.35": "3.5.32-0"}, "blocker", "it holds no pin-etcd and move-etcd"),
        ({}, "blocker", "it holds no pin-etcd and move-etcd"),
    ],
)
def test_a_plan_is_judged_by_what_it_does(old: Facts, tags: dict[str, str], level: str, says: str) -> None:
    """When it is applied, nodes are not asked any more: pull-etcd proves it before anything is changed."""
    findings = _found(_host(old, "cp1", etcd_images=Unknown("not asked")), Aim(TO, etcd_tags=tags))
    assert {finding.level.value for finding in findings} == {level}
    assert says in findings[0].fix
