"""Manifests that differ from what kubeadm would write, on modelled clusters and as a real kubeadm rendered them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.base import Aim
from kubectl_upgrade.cli.looking import look
from kubectl_upgrade.facts import FACTS
from kubectl_upgrade.model.facts import Facts, HostFacts, Unknown
from kubectl_upgrade.model.rendered import Rendered
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.world import FactOutput

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from tests.conftest import Shape

DATA = Path(__file__).parents[1] / "data" / "facts" / "rendered"
TARGET = Version.parse("v1.35.4")
ELSE = "manifests could not be compared with what kubeadm would write, for it is of another version"


def found(facts: Facts) -> list[str]:
    findings = CHECKS["manifests-as-rendered"].run(facts, Aim(TARGET))
    return [f"{f.level.value} {f'{f.node}: ' if f.node else ''}{f.message}" for f in findings]


def rendered(case: str) -> Rendered:
    fact = FACTS["rendered"](FactOutput(0, (DATA / f"{case}.txt").read_text()))
    assert isinstance(fact, Rendered)
    return fact


def on(facts: Facts, node: str, fact: Rendered | Unknown) -> Facts:
    host = facts.hosts[node]
    assert isinstance(host, HostFacts)
    return replace(facts, hosts={**facts.hosts, node: replace(host, rendered=fact)})


def looked_at(model: ModelCluster) -> list[str]:
    """As `plan` and `check` look."""

    async def main() -> Facts:
        model.publish_configuration()
        facts, _, _ = await look(simulated_world(model), TARGET, (), "none")
        return facts

    return found(run(main()))


def test_manifests_of_a_healthy_cluster(shape: type[Shape]) -> None:
    assert not found(shape().facts())
    assert not found(on(shape().facts(), "cp1", rendered("control-plane")))
    assert not looked_at(sample())


def test_what_a_hand_wrote_is_named_and_no_secret_is(shape: type[Shape]) -> None:
    alone, secret = "is in the manifest alone and would go", "--encryption-provider-config"
    apiserver, scheduler = found(on(shape().facts(), "cp1", rendered("by-hand")))
    assert apiserver.split(": ", 2) == [
        "warn cp1",
        "kube-apiserver.yaml is not what kubeadm v1.34.4 would write",
        "; ".join(
            (
                f"--audit-log-path=/var/log/audit.log {alone}",
                f"{secret} {alone}",
                f"--oidc-issuer-url=https://example.com {alone}",
                "resources is requests.cpu 500m and would be requests.cpu 250m",
            )
        ),
    ]
    assert scheduler.split(": ", 2)[2] == f"container sidecar {alone}; env TOKEN {alone}"


def test_a_flag_that_stands_in_a_modelled_manifest_alone() -> None:
    model = sample()
    model.configuration.extra_args["kube-apiserver"] = {"profiling": "false"}
    assert not looked_at(model)
    model.nodes["cp2"].static_pods["kube-apiserver"].by_hand = [f"--flag-{index}=x" for index in range(8)]
    (finding,) = looked_at(model)
    assert finding.startswith("warn cp2: kube-apiserver.yaml is not what kubeadm v1.34.4 would write: --flag-0=x is in")
    assert finding.endswith("--flag-5=x is in the manifest alone and would go; and 2 more")


def test_half_an_upgrade_is_not_compared() -> None:
    model = sample()
    model.nodes["cp2"].packages["kubeadm"] = TARGET
    expected = "cp2 (kubeadm v1.35.4, kubeadm-config v1.34.4, manifests v1.34.4)"
    assert looked_at(model) == [f"info {ELSE}: {expected}"]
    model.configuration.version = TARGET
    (finding,) = looked_at(model)
    assert finding.count("cp") == 3
    assert "cp2 (kubeadm v1.35.4, kubeadm-config v1.35.4, manifests v1.34.4)" in finding


def test_what_kubeadm_is_not_asked_for_is_no_warning(shape: type[Shape]) -> None:
    fact = replace(rendered("newer-kubeadm"), skipped="kubeadm before v1.32 does not say what it would write")
    assert found(on(on(shape().facts(), "cp1", fact), "cp3", fact)) == [
        (
            "info manifests could not be compared with what kubeadm would write: "
            "kubeadm before v1.32 does not say what it would write: cp1, cp3"
        )
    ]


def test_what_could_not_be_rendered_is_said(shape: type[Shape]) -> None:
    (finding,) = found(on(shape().facts(), "cp1", Unknown("kubeadm cannot render")))
    assert (
        finding == "warn cp1: its manifests could not be compared with what kubeadm would write: kubeadm cannot render"
    )
