"""Flags, gates and admission plugins that a minor has removed are found wherever they stand, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.checks.judge import blockers, judge
from kubectl_upgrade.facts import FACTS
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.facts import Facts, HostFacts, Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.given import Given
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.rules import known_minors, rules_between
from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.world import FactOutput

if TYPE_CHECKING:
    from kubectl_upgrade.rules import Rules
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from tests.conftest import Shape

TARGET = Version.parse("v1.35.4")
FLAG = "pod-infra-container-image"
DEFAULT = "/etc/default/kubelet"
FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
CONFIG = "/var/lib/kubelet/config.yaml"
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
PATCH = "/etc/kubernetes/patches/kube-apiserver0.yaml"
NAMES = ("removed-flags", "removed-feature-gates", "removed-admission-plugins")
ALL = rules_between(Version(0, 0, 0), Version(9, 9, 9))


def found(facts: Facts, check: str = "removed-flags", target: Version = TARGET) -> list[Finding]:
    return list(CHECKS[check].run(facts, Aim(target)))


def on(facts: Facts, node: str, *given: Given) -> Facts:
    """With more given on this node."""
    host = facts.hosts[node]
    assert isinstance(host, HostFacts)
    assert isinstance(host.flags, tuple)
    return replace(facts, hosts={**facts.hosts, node: replace(host, flags=(*host.flags, *given))})


def in_kubeadm_config(facts: Facts, *given: Given) -> Facts:
    return replace(facts, kubeadm_config=replace(facts.kubeadm_config, given=given))


def kubelet(place: str, *flags: str) -> Given:
    return Given(component="kubelet", place=place, flags=flags)


def gathered(model: ModelCluster) -> Facts:
    async def main() -> Facts:
        model.publish_configuration()
        return await gather(simulated_world(model))

    return run(main())


def hop_to(rules: Rules) -> tuple[Version, Version]:
    """From the last patch of the minor below, to the minor."""
    target = Version.parse(f"{rules.minor}.4")
    return replace(target, minor=target.minor - 1), target


def test_a_flag_of_a_person_blocks_and_kubeadms_own_is_cleaned(shape: type[Shape]) -> None:
    facts = on(shape().facts(), "w1", kubelet(FLAGS, FLAG), kubelet(DEFAULT, FLAG))
    (finding,) = found(facts)
    assert (finding.level, finding.node, finding.waivable) == (Level.BLOCKER, "w1", True)
    expected = f"{DEFAULT} gives kubelet the flag --{FLAG}, which v1.35 removed: no kubelet would start with it"
    assert finding.message == expected
    assert finding.fix


def test_a_simulated_cluster_has_it_in_kubeadms_file_alone() -> None:
    model = sample()
    assert model.nodes["w1"].kubelet.kubeadm_flags
    assert not found(gathered(model))
    model.nodes["w1"].kubelet.extra_flags = [f"--{FLAG}=pause"]
    assert [(finding.node, DEFAULT in finding.message) for finding in found(gathered(model))] == [("w1", True)]


@pytest.mark.parametrize(
    ("node", "cluster", "kubelet_at", "target", "blocks"),
    [
        ("w1", "v1.34.4", "v1.34.4", "v1.34.9", False),
        ("w1", "v1.34.4", "v1.34.4", "v1.35.4", False),
        ("w1", "v1.34.4", "v1.33.4", "v1.35.4", False),
        ("w1", "v1.34.4", "v1.34.4", "v1.36.4", False),  # 1.35's kubeadm comes by, or the plan's own step
        ("w1", "v1.35.4", "v1.34.4", "v1.36.4", False),
        ("cp1", "v1.34.4", "v1.34.4", "v1.36.4", False),
        ("cp1", "v1.35.4", "v1.34.4", "v1.35.4", False),  # a hop that is half done
        ("cp1", "v1.35.4", "v1.34.4", "v1.36.4", True),  # 1.35's kubeadm was here, and it is back; 1.36's leaves it
        ("cp1", "v1.35.4", "v1.35.4", "v1.36.4", False),  # it runs with it: whatever that is, it is not ours to judge
    ],
)
def test_kubeadms_own_file(  # noqa: PLR0913, PLR0917 - a table's columns
    shape: type[Shape],
    node: str,
    cluster: str,
    kubelet_at: str,
    target: str,
    blocks: bool,  # noqa: FBT001 - a table's column
) -> None:
    facts = shape(version=cluster, nodes={node: {"kubelet": Version.parse(kubelet_at)}}).facts()
    facts = on(facts, node, kubelet(FLAGS, FLAG))
    assert bool(found(facts, target=Version.parse(target))) is blocks


def test_a_kubelet_that_skips_minors_meets_the_rules_of_all(shape: type[Shape]) -> None:
    facts = shape(version="v1.35.4", nodes={"w1": {"kubelet": Version.parse("v1.34.4")}}).facts()
    for node in ("w1", "w2"):
        facts = on(facts, node, kubelet(DEFAULT, FLAG))
    assert [finding.node for finding in found(facts, target=Version.parse("v1.36.4"))] == ["w1"]


@pytest.mark.parametrize("rules", ALL, ids=lambda rules: rules.minor)
def test_every_removed_flag_in_what_kubeadm_keeps(shape: type[Shape], rules: Rules) -> None:
    below, target = hop_to(rules)
    for removed in rules.removed_flags:
        flag = removed.flag.replace("*", "x")
        given = Given(component=removed.component, place="x.extraArgs", flags=(flag, "v"))
        facts = in_kubeadm_config(shape(version=str(below)).facts(), given)
        (finding,) = found(facts, target=target)
        assert (finding.level, finding.node) == (Level.BLOCKER, None)
        assert f"ConfigMap kubeadm-config (x.extraArgs) gives {removed.component} the flag --{flag}" in finding.message
        assert removed.fix in finding.fix
        assert not [finding for finding in found(facts, target=below) if flag in finding.message]


def test_an_etcd_that_stays_where_it_is_pinned(shape: type[Shape]) -> None:
    given = Given(component="etcd", place="etcd.local.extraArgs", flags=("experimental-x",))
    facts = in_kubeadm_config(shape(version="v1.36.4").facts(), given)
    target = Version.parse("v1.37.1")
    assert [finding.level for finding in found(facts, target=target)] == [Level.BLOCKER]
    facts = replace(facts, kubeadm_config=replace(facts.kubeadm_config, etcd_image_tag="3.6.11-0"))
    (finding,) = found(facts, target=target)
    assert finding.level is Level.WARN
    assert "stays at the pinned 3.6.11-0" in finding.message


@pytest.mark.parametrize("rules", ALL, ids=lambda rules: rules.minor)
def test_every_removed_gate(shape: type[Shape], rules: Rules) -> None:
    below, target = hop_to(rules)
    for removed in rules.removed_gates:
        for component in removed.components or ("kubelet", "kube-apiserver", "kube-proxy"):
            given = Given(component=component, place="x", gates=(removed.gate, "NeverHeardOf"))
            facts = in_kubeadm_config(shape(version=str(below)).facts(), given)
            (finding,) = found(facts, "removed-feature-gates", target)
            assert f"{component} the feature gate {removed.gate}, which v{rules.minor} removed" in finding.message
        other = Given(component="kubeadm" if "kubeadm" not in removed.components else "etcd", place="x")
        facts = in_kubeadm_config(shape(version=str(below)).facts(), replace(other, gates=(removed.gate,)))
        assert not found(facts, "removed-feature-gates", target)


@pytest.mark.parametrize("rules", ALL, ids=lambda rules: rules.minor)
def test_every_removed_admission_plugin(shape: type[Shape], rules: Rules) -> None:
    below, target = hop_to(rules)
    for removed in rules.removed_admission_plugins:
        given = Given(component="kube-apiserver", place="apiServer.extraArgs", plugins=(removed.plugin,))
        facts = in_kubeadm_config(shape(version=str(below)).facts(), given)
        (finding,) = found(facts, "removed-admission-plugins", target)
        assert f"admission plugin {removed.plugin}, which v{rules.minor} removed" in finding.message
        assert finding.level is Level.BLOCKER


def a_removed_gate() -> tuple[str, Version, Version]:
    """One of all of Kubernetes, and the hop that removes it."""
    rules, gate = next((rules, r.gate) for rules in ALL for r in rules.removed_gates if not r.components)
    return (gate, *hop_to(rules))


def test_gates_in_the_configmaps_of_kubelets_and_kube_proxy(shape: type[Shape]) -> None:
    gate, below, target = a_removed_gate()
    facts = shape(version=str(below)).facts()
    places = {"kubelet-config": "kubelet", "kube-proxy": "kube-proxy"}
    configured = {name: Given(component=of, place="featureGates", gates=(gate,)) for name, of in places.items()}
    messages = [f.message for f in found(replace(facts, configured=configured), "removed-feature-gates", target)]
    assert [message.partition(" gives")[0] for message in messages] == [
        "ConfigMap kubelet-config (featureGates)",
        "ConfigMap kube-proxy (featureGates)",
    ]


def test_what_kubeadm_writes_anew_is_told_once_where_it_comes_from(shape: type[Shape]) -> None:
    gate, below, target = a_removed_gate()
    facts = shape(version=str(below)).facts()
    facts = on(facts, "w1", Given(component="kubelet", place=CONFIG, gates=(gate,)))
    facts = on(facts, "cp1", Given(component="kube-apiserver", place=MANIFEST, gates=(gate,)))
    alone = found(facts, "removed-feature-gates", target)
    assert {(finding.node, finding.level) for finding in alone} == {("cp1", Level.INFO), ("w1", Level.INFO)}
    kept = replace(facts, configured={"kubelet-config": Given(component="kubelet", place="x", gates=(gate,))})
    kept = on(kept, "cp1", Given(component="kube-apiserver", place=PATCH, gates=(gate,)))
    both = found(kept, "removed-feature-gates", target)
    assert {(finding.node, finding.level) for finding in both} == {(None, Level.BLOCKER), ("cp1", Level.BLOCKER)}
    assert PATCH in str(both)


@pytest.mark.parametrize("check", NAMES)
def test_a_node_that_does_not_say_is_told_once_and_one_that_was_not_asked_not_at_all(
    shape: type[Shape], check: str
) -> None:
    facts = shape().facts()
    host = facts.hosts["w1"]
    assert isinstance(host, HostFacts)
    silent = replace(host, flags=Unknown("systemd knows no unit kubelet on this node"))
    hosts = {**facts.hosts, "w1": silent, "w2": Unknown("Connection refused"), "cp1": replace(host, flags=Unknown("x"))}
    hosts["cp2"] = replace(host, flags=HostFacts().flags)
    messages = [(f.node, f.message) for f in found(replace(facts, hosts=hosts), check)]
    if check == "removed-flags":
        assert [node for node, _ in messages] == ["cp1", "w1"]
        assert "it is not known whether kubelet v1.35 would start" in messages[1][1]
        assert "systemd knows no unit" in messages[1][1]
    else:
        assert messages == []
    within = found(replace(facts, hosts=hosts), check, Version.parse("v1.34.9"))
    assert within == [], "nothing is removed within a minor"


def test_a_configuration_of_kube_proxy_that_is_not_understood(shape: type[Shape]) -> None:
    facts = replace(shape().facts(), configured={"kube-proxy": Unknown("its config.conf is not understood")})
    (finding,) = found(facts, "removed-feature-gates")
    assert "it is not known whether kube-proxy v1.35 would start: its config.conf" in finding.message


@pytest.mark.parametrize("minor", [minor for minor in known_minors() if minor >= "1.34"])
def test_a_healthy_simulated_cluster_yields_nothing(minor: str) -> None:
    target = Version.parse(f"{minor}.4")
    model = sample(version=str(replace(target, minor=target.minor - 1)))
    facts = gathered(model)
    assert [f for name in NAMES for f in found(facts, name, target)] == []


def test_nothing_that_kubeadm_gives_by_itself_was_ever_removed_but_what_it_cleans(shape: type[Shape]) -> None:
    text = (Path(__file__).parents[1] / "data/facts/flags/control-plane.txt").read_text()
    given = FACTS["flags"](FactOutput(0, text))
    assert isinstance(given, tuple)
    facts = in_kubeadm_config(on(shape(version="v1.28.4").facts(), "cp1", *given), *given)
    every = [finding.message for name in NAMES for finding in found(facts, name, Version.parse("v1.37.4"))]
    assert len(every) == 1
    assert f"kubelet the flag --{FLAG}" in every[0]
    assert "ConfigMap kubeadm-config" in every[0]  # where it never stands: in its own file it is cleaned


def test_the_simulation_answers_as_its_configuration_says() -> None:
    model = sample()
    model.configuration.extra_args["kube-apiserver"] = {"feature-gates": "A=true,B=false", "audit-log-path": "x"}
    model.configuration.extra_args["etcd"] = {"experimental-peer-skip-client-san-verification": "true"}
    model.configuration.kubelet_gates = ["C"]
    model.configuration.proxy_gates = ["D"]
    model.nodes["w1"].kubelet.gates = ["C"]
    facts = gathered(model)
    assert facts.kubeadm_config.given == (
        Given(
            component="kube-apiserver",
            place="apiServer.extraArgs",
            flags=("feature-gates", "audit-log-path"),
            gates=("A", "B"),
        ),
        Given(
            component="etcd",
            place="etcd.local.extraArgs",
            flags=("experimental-peer-skip-client-san-verification",),
        ),
    )
    assert facts.configured == {
        "kubelet-config": Given(component="kubelet", place="featureGates", gates=("C",)),
        "kube-proxy": Given(component="kube-proxy", place="featureGates", gates=("D",)),
    }
    host = facts.hosts["cp1"]
    assert isinstance(host, HostFacts)
    assert not isinstance(host.flags, Unknown)
    (apiserver,) = (given for given in host.flags if given.component == "kube-apiserver")
    assert apiserver.gates == ("A", "B")
    assert "audit-log-path" in apiserver.flags


def test_they_stop_only_what_has_changed_nothing_and_can_be_waived(shape: type[Shape]) -> None:
    facts = on(shape().facts(), "w1", kubelet(DEFAULT, FLAG))
    assert [j.check for j in blockers(judge(facts, Aim(TARGET)))] == ["removed-flags"]
    assert blockers(judge(facts, Aim(TARGET), {"removed-flags"})) == ()
    for name in NAMES:
        assert CHECKS[name].ONLY_BEFORE
        assert not CHECKS[name].MANDATORY
