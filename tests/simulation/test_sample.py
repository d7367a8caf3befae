"""Modelled clusters as the other rooms see them."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from time import process_time
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.facts import Facts, HostFacts, Unknown
from kubectl_upgrade.model.plan import Plan, Waiver
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.drift import drift_of
from kubectl_upgrade.planner.make_plan import Options, make_plan
from kubectl_upgrade.simulation.faults import UnplannedError
from kubectl_upgrade.simulation.loop import run
from kubectl_upgrade.simulation.sample import from_plan, sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.cluster import ModelCluster

# neither an API server nor etcd is asked of a worker
CONTROL_PLANE_ONLY = {"manifests", "etcd", "apiserver"}


def _gathered(model: ModelCluster) -> Facts:
    async def main() -> Facts:
        return await gather(simulated_world(model))

    return run(main())


def _plan(model: ModelCluster) -> Plan:
    return make_plan(_gathered(model), Version.parse("v1.35.4"), (), Options(waivers={}, waive_until=""))


def test_every_fact_is_understood() -> None:
    facts = _gathered(sample())
    assert [node.name for node in facts.control_planes] == ["cp1", "cp2", "cp3"]
    assert all(node.ready and not node.cordoned for node in facts.nodes)
    assert facts.kubeadm_config.kubernetes_version == Version.parse("v1.34.4")
    assert facts.kube_proxy == Version.parse("v1.34.4")
    assert len(facts.static_pods) == 12
    assert len(facts.hosts) == 6
    for node in facts.nodes:
        host = facts.hosts[node.name]
        assert isinstance(host, HostFacts)
        asked = {field.name for field in fields(HostFacts)} - (set() if node.control_plane else CONTROL_PLANE_ONLY)
        told = {name: getattr(host, name) for name in asked}
        unknown = {name: value for name, value in told.items() if isinstance(value, Unknown)}
        assert {value.reason for value in unknown.values()} <= {"not asked"}, unknown


def test_a_cluster_built_from_a_plan_drifts_by_its_ca_alone() -> None:
    plan = _plan(sample(seed=3))
    model = from_plan(plan, seed=4)
    facts = _gathered(model)
    assert [drift.field for drift in drift_of(plan, facts).refused] == ["cluster.caHash"]
    adapted = replace(plan, cluster=replace(plan.cluster, ca_hash=model.ca_hash))
    assert drift_of(adapted, facts).refused == ()
    assert make_plan(facts, plan.cluster.to, (), Options(waivers={}, waive_until="")) == adapted


def test_a_cluster_built_from_a_plan_that_is_not_all_well() -> None:
    plan = _plan(sample())
    first, second, third = plan.control_planes
    newer = replace(second.versions, apiserver=Version.parse("v1.35.4"), etcd="3.6.6")
    entries = (
        replace(first, cordoned=True, held=("kubelet",)),
        replace(second, versions=newer),
        replace(third, ready=False),
    )
    waiver = Waiver(check="cgroup-v1", kubeadm_errors=("SystemVerification",), reason="soon", until="2099-01-01")
    facts = _gathered(from_plan(replace(plan, control_planes=entries, waivers=(waiver,))))
    nodes = {node.name: node for node in facts.nodes}
    assert (nodes["cp1"].cordoned, nodes["cp2"].cordoned, nodes["cp3"].ready) == (True, False, False)
    hosts = {name: host for name, host in facts.hosts.items() if isinstance(host, HostFacts)}
    packages, etcd, host = hosts["cp1"].packages, hosts["cp2"].etcd, hosts["cp3"].host
    assert not isinstance(packages, Unknown)
    assert packages.held == ("kubelet",)
    assert not isinstance(etcd, Unknown)
    assert etcd.version == "3.6.6"
    assert not isinstance(host, Unknown)
    assert host.cgroup == "v1"
    assert not facts.fail_cgroup_v1


def with_external_etcd(plan: Plan) -> Plan:
    """As if etcd ran elsewhere, not kubeadm's."""
    entries = tuple(
        replace(
            entry,
            etcd_member="external",
            versions=replace(entry.versions, etcd="external"),
            manifests=replace(entry.manifests, etcd=None),
        )
        for entry in plan.control_planes
    )
    configuration = replace(plan.cluster_configuration, etcd="external")
    return replace(plan, control_planes=entries, cluster_configuration=configuration)


def test_external_etcd_is_not_on_the_nodes() -> None:
    facts = _gathered(from_plan(with_external_etcd(_plan(sample()))))
    assert facts.kubeadm_config.etcd == "external"
    assert {pod.component for pod in facts.static_pods if pod.component == "etcd"} == set()


def test_the_wall_clock_begins_where_it_is_set() -> None:
    async def main(model: ModelCluster) -> str:
        clock = simulated_world(model).clock
        await clock.sleep(3661)
        return clock.now().isoformat()

    model = sample()
    model.epoch = datetime(2026, 11, 23, tzinfo=UTC)
    assert run(main(model)) == "2026-11-23T01:01:01+00:00"


def test_a_seed_decides_identities() -> None:
    first, again, other = (_gathered(sample(seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first.uid != other.uid
    assert first.ca_hash != other.ca_hash


def test_an_unknown_minor_is_told() -> None:
    with pytest.raises(UnplannedError, match=r"not v1\.99"):
        sample(version="v1.99.0")


def test_five_thousand_workers() -> None:
    begun = process_time()
    model = sample(3, 5_000, pods_per_worker=8)

    async def main() -> tuple[int, int, int]:
        api = simulated_world(model).cluster
        nodes = await api.list("/api/v1/nodes")
        pods = await api.list("/api/v1/pods")
        mine = [await api.list("/api/v1/pods", fields=f"spec.nodeName=w{index}") for index in range(1, 1_001)]
        return len(nodes), len(pods), sum(map(len, mine))

    nodes, pods, mine = run(main())
    assert (nodes, mine > 9_000) == (5_003, True)
    assert pods > 50_000
    # seconds of CPU; a look at every pod for every node would take minutes
    assert process_time() - begun < 20
