"""Checks that judge a cluster by the rules of the minors on its way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import blockers, judge
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.deprecated_api import DeprecatedApi
from kubectl_upgrade.model.endpoint import EtcdEndpoint
from kubectl_upgrade.model.facts import Apiserver, Etcd, Facts, HostFacts, Unknown
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from kubectl_upgrade.model.finding import Finding
    from tests.conftest import Shape


def _found(facts: Facts, check: str, target: str) -> list[Finding]:
    return list(CHECKS[check].run(facts, Aim(Version.parse(target))))


def _levels(facts: Facts, check: str, target: str) -> list[tuple[str, str | None]]:
    return [(finding.level.value, finding.node) for finding in _found(facts, check, target)]


def _host(facts: Facts, name: str, **changes: Any) -> Facts:
    host = facts.hosts[name]
    assert isinstance(host, HostFacts)
    return replace(facts, hosts={**facts.hosts, name: replace(host, **changes)})


def _etcd(facts: Facts, **versions: str) -> Facts:
    for name, version in versions.items():
        host = facts.hosts[name]
        assert isinstance(host, HostFacts)
        assert isinstance(host.etcd, Etcd)
        facts = _host(facts, name, etcd=replace(host.etcd, version=version))
    return facts


def _pinned(facts: Facts, tag: str) -> Facts:
    return replace(facts, kubeadm_config=replace(facts.kubeadm_config, etcd_image_tag=tag))


@pytest.mark.parametrize("version", ["v1.28.3", "v1.29.1", "v1.32.9", "v1.34.4", "v1.35.4", "v1.36.5"])
def test_a_healthy_cluster_passes(shape: type[Shape], version: str) -> None:
    at = Version.parse(version)
    etcd = "3.7.0" if at.minor >= 36 else "3.6.5"
    facts = _etcd(shape(version=version).facts(), cp1=etcd, cp2=etcd, cp3=etcd)
    for target in (Version(1, at.minor, at.patch + 1), Version(1, at.minor + 1, 4)):
        results = {j.check: j.result for j in judge(facts, Aim(target))}
        of_rules = ("known-bad-patch", "etcd-minimum", "removed-apis", "kernel", "container-runtime")
        assert {results[check] for check in of_rules} == {"pass"}, target


@pytest.mark.parametrize(
    ("cluster", "target", "etcd", "level"),
    [
        ("v1.33.9", "v1.34.4", "3.5.24", "blocker"),
        ("v1.33.9", "v1.34.4", "3.5.26", "warn"),
        ("v1.33.9", "v1.34.4", "3.5.32", ""),
        ("v1.33.9", "v1.34.4", "3.6.5", ""),
        ("v1.33.9", "v1.33.12", "3.5.24", ""),
        ("v1.32.9", "v1.33.9", "3.5.16", ""),
        ("v1.36.5", "v1.37.1", "3.6.8", "blocker"),
        ("v1.36.5", "v1.37.1", "3.6.11", ""),
        ("v1.34.4", "v1.36.5", "3.6.5", ""),
        ("v1.34.4", "v1.37.1", "3.6.5", "blocker"),
        ("v1.33.9", "v1.34.4", "who knows", "blocker"),
    ],
)
def test_a_member_below_what_the_next_etcd_needs(
    shape: type[Shape], cluster: str, target: str, etcd: str, level: str
) -> None:
    facts = _etcd(shape(version=cluster).facts(), cp1="3.7.0", cp2=etcd, cp3="3.7.0")
    assert _levels(facts, "etcd-minimum", target) == ([(level, "cp2")] if level else [])


def test_the_member_is_told_with_what_to_do(shape: type[Shape]) -> None:
    facts = _etcd(shape(version="v1.33.9").facts(), cp1="3.5.24")
    (found,) = _found(facts, "etcd-minimum", "v1.34.4")
    assert found.message.startswith("etcd is at 3.5.24, below 3.5.26, which v1.34 needs first: ")
    assert "etcd.local.imageTag to 3.5.32-0" in found.fix
    assert "https://etcd.io/" in found.fix
    assert blockers(judge(facts, Aim(Version.parse("v1.34.4"))))
    assert not blockers(judge(facts, Aim(Version.parse("v1.34.4")), {"etcd-minimum"}))


def test_two_etcds_on_the_way_are_both_told(shape: type[Shape]) -> None:
    facts = _etcd(shape(version="v1.33.9").facts(), cp1="3.5.24")
    first, second, *others = _found(facts, "etcd-minimum", "v1.37.1")
    assert "v1.34" in first.message
    assert second.fix.startswith("upgrade to the minor before v1.37 first")
    assert {finding.node for finding in others} == {"cp2", "cp3"}, "at 3.6.5: too old for 3.7 as well"


def test_a_pin_that_keeps_etcd_at_its_minor_keeps_it_out_of_danger(shape: type[Shape]) -> None:
    facts = _etcd(shape(version="v1.33.9").facts(), cp1="3.5.24", cp2="3.5.24", cp3="3.5.24")
    assert _found(_pinned(facts, "3.5.24-0"), "etcd-minimum", "v1.34.4") == []
    assert len(_found(_pinned(facts, "3.6.5-0"), "etcd-minimum", "v1.34.4")) == 3
    assert len(_found(_pinned(facts, "mine"), "etcd-minimum", "v1.34.4")) == 3


def test_what_other_checks_tell_of_etcd_is_left_to_them(shape: type[Shape]) -> None:
    facts = _host(shape(version="v1.33.9").facts(), "cp1", etcd=Unknown("no etcd runs here"))
    facts = replace(facts, hosts={**facts.hosts, "cp2": Unknown("Connection refused")})
    assert _found(facts, "etcd-minimum", "v1.34.4") == []


def test_an_etcd_outside_is_told_once_and_stops_nothing(shape: type[Shape]) -> None:
    facts = shape(version="v1.33.9").facts()
    facts = replace(facts, kubeadm_config=replace(facts.kubeadm_config, etcd="external"))
    ends = tuple(
        EtcdEndpoint(url=f"https://e{i}:2379", healthy=True, version=version, said="")
        for i, version in enumerate(("3.5.21", "3.5.26", ""))
    )
    for name in ("cp1", "cp2"):
        facts = _host(facts, name, external_etcd=ends)
    (found,) = _found(facts, "etcd-minimum", "v1.34.4")
    assert (found.level.value, found.node) == ("info", None)
    assert "https://e0:2379 is at 3.5.21" in found.message


def test_a_bad_release(shape: type[Shape]) -> None:
    facts = shape().facts()
    (found,) = _found(facts, "known-bad-patch", "v1.35.0")
    assert "v1.35.1 or later" in found.fix
    assert [j.check for j in blockers(judge(facts, Aim(Version.parse("v1.35.0"))))] == ["known-bad-patch"]
    assert not blockers(judge(facts, Aim(Version.parse("v1.35.0")), {"known-bad-patch"}))
    assert _found(facts, "known-bad-patch", "v1.35.1") == []
    assert _found(facts, "known-bad-patch", "v1.99.0") == []


@pytest.mark.parametrize(
    ("cluster", "target", "kernel", "level"),
    [
        ("v1.32.9", "v1.33.9", "4.18.0-553.el8_10.x86_64", "blocker"),
        ("v1.33.1", "v1.33.9", "4.18.0-553.el8_10.x86_64", "blocker"),
        ("v1.32.9", "v1.33.9", "4.19.0-27-amd64", ""),
        ("v1.31.9", "v1.32.9", "4.18.0-553.el8_10.x86_64", ""),
        ("v1.33.9", "v1.34.4", "4.18.0-553.el8_10.x86_64", "warn"),
        ("v1.33.9", "v1.35.4", "4.18.0-553.el8_10.x86_64", "warn"),
        ("v1.32.9", "v1.34.4", "4.18.0-553.el8_10.x86_64", "blocker"),
        ("v1.33.9", "v1.34.4", "5.14.0-503.el9.x86_64", ""),
        ("v1.33.9", "v1.34.4", "6.1", ""),
        ("v1.33.9", "v1.34.4", "", "warn"),
        ("v1.99.1", "v1.99.2", "2.6.32", ""),
    ],
)
def test_kernel(shape: type[Shape], cluster: str, target: str, kernel: str, level: str) -> None:
    facts = shape(version=cluster, nodes={"w1": {"kernel": kernel}}).facts()
    assert _levels(facts, "kernel", target) == ([(level, "w1")] if level else [])


def test_one_line_for_all_nodes_with_the_same_kernel(shape: type[Shape]) -> None:
    old = {name: {"kernel": "4.18.0"} for name in ("cp1", "w1", "w2")}
    (found,) = _found(shape(version="v1.32.9", nodes=old).facts(), "kernel", "v1.33.9")
    assert found.node is None
    assert found.message.startswith("kernel 4.18.0 on cp1, w1, w2 is older than 4.19: kubeadm 1.33 stops at it")


@pytest.mark.parametrize(
    ("target", "runtime", "says"),
    [
        ("v1.35.4", "containerd://1.6.20~ds1", "containerd 1.6.20 works with v1.35, and no more with v1.38"),
        ("v1.35.4", "containerd://1.7.28", "containerd 1.7.28 works with v1.35, and no more with v1.38"),
        ("v1.35.4", "containerd://2.0.7", "not among those that its maintainers recommend for v1.35"),
        ("v1.35.4", "containerd://2.1.4", "not among those that its maintainers recommend for v1.35"),
        ("v1.35.4", "containerd://2.1.5", ""),
        ("v1.35.4", "containerd://2.3.0-rc.1", ""),
        ("v1.35.4", "containerd://v2.2.0", ""),
        ("v1.35.4", "cri-o://1.34.1", ""),
        ("v1.35.4", "containerd://unknown", "the container runtime is not known"),
        ("v1.35.4", "", "the container runtime is not known"),
        ("v1.34.9", "containerd://1.6.20~ds1", ""),
    ],
)
def test_container_runtime(shape: type[Shape], target: str, runtime: str, says: str) -> None:
    found = _found(shape(nodes={"w1": {"runtime": runtime}}).facts(), "container-runtime", target)
    assert [(f.level.value, f.node, says in f.message) for f in found] == ([("info", "w1", True)] if says else [])


FLOW = DeprecatedApi(
    group="flowcontrol.apiserver.k8s.io",
    version="v1beta3",
    resource="flowschemas",
    subresource="",
    removed_release="1.32",
)


@pytest.mark.parametrize(
    ("cluster", "target", "api", "told"),
    [
        ("v1.31.9", "v1.32.1", FLOW, True),
        ("v1.30.9", "v1.31.1", FLOW, False),
        ("v1.31.9", "v1.31.10", FLOW, False),
        # what the release does not announce, the rules know
        ("v1.31.9", "v1.32.1", replace(FLOW, removed_release=""), True),
        ("v1.31.9", "v1.32.1", replace(FLOW, version="v1", removed_release=""), False),
        ("v1.34.9", "v1.35.1", replace(FLOW, group="batch", version="v2", removed_release="1.36"), False),
        ("v1.34.9", "v1.36.1", replace(FLOW, group="", version="v0", removed_release="1.36"), True),
        ("v1.34.9", "v1.35.1", replace(FLOW, group="a.b", version="v0", removed_release="soon"), True),
    ],
)
def test_removed_apis(
    shape: type[Shape],
    cluster: str,
    target: str,
    api: DeprecatedApi,
    told: bool,  # noqa: FBT001 - a table's column
) -> None:
    facts = shape(version=cluster).facts()
    facts = _host(facts, "cp1", deprecated_apis=(api, replace(api, subresource="status")))
    facts = _host(facts, "cp3", deprecated_apis=(api,))
    found = _found(facts, "removed-apis", target)
    assert [finding.level.value for finding in found] == (["warn"] if told else [])
    assert all("requested of cp1, cp3, and" in finding.message for finding in found)


def test_an_api_server_that_does_not_say_what_was_requested_is_told(shape: type[Shape]) -> None:
    facts = _host(shape().facts(), "cp2", deprecated_apis=Unknown("HTTP 403"))
    assert _levels(facts, "removed-apis", "v1.35.4") == [("warn", "cp2")]
    down = Apiserver(ready=False, version=None, said="connection refused")
    assert _found(_host(facts, "cp2", apiserver=down), "removed-apis", "v1.35.4") == [], "node-answers says so"


def test_what_a_cluster_says_reaches_the_checks() -> None:
    model = sample(workers=1, version="v1.34.4")
    gone = 'group="storagemigration.k8s.io",removed_release="1.35",resource="x",subresource="",version="v1alpha1"'
    model.nodes["cp2"].deprecated_apis = [gone]
    model.nodes["w1"].runtime, model.nodes["w1"].kernel = "containerd://1.7.20", "4.18.0"

    async def look() -> Facts:
        return await gather(simulated_world(model))

    ours = {"removed-apis", "kernel", "container-runtime", "etcd-minimum", "known-bad-patch"}
    told = [str(j) for j in judge(run(look()), Aim(Version.parse("v1.35.4"))) if j.finding and j.check in ours]
    assert len(told) == 3
    assert told[0].startswith(
        "removed-apis: x of storagemigration.k8s.io/v1alpha1 was requested of cp2, and v1.35 does"
    )
    assert told[1].startswith("kernel: w1: kernel 4.18.0 is older than 5.4: kubeadm 1.35 warns of it")
    assert told[2].startswith(
        "container-runtime: w1: containerd 1.7.20 works with v1.35, and no more with v1.38 (move to"
    )
