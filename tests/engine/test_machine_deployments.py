"""MachineDeployments roll out last, one after the other, and what holds them is named."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.abort import abort
from kubectl_upgrade.engine.apply import Applying
from kubectl_upgrade.engine.events import Note, StepBegins, StepSays
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.engine.schedule import Limits
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.errors import PreflightError, StepError, StoppedError
from kubectl_upgrade.model.machines import ClusterTopology, MachineDeployment
from kubectl_upgrade.model.names import ROLLOUT_ANNOTATION
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.read import load
from kubectl_upgrade.planfile.write import write
from kubectl_upgrade.planner.make_plan import Options
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from tests.engine.conftest import Operator

if TYPE_CHECKING:
    from typing import Any

    from kubectl_upgrade.model.plan import Plan
    from kubectl_upgrade.simulation.cluster import ModelCluster

UID = "00000000-0000-4000-9000-{:012d}"
START = Version.parse("v1.34.4")
TO = "v1.35.4"


def pool(name: str = "pool1", **changes: Any) -> MachineDeployment:
    standard: dict[str, Any] = {
        "namespace": "kube-system",
        "uid": UID.format(sum(map(ord, name))),
        "api": "cluster.k8s.io/v1alpha1",
        "replicas": 2,
        "version": START,
        "strategy": "RollingUpdate",
    }
    return MachineDeployment(name=name, **(standard | changes))


def capi(name: str = "md-0", **changes: Any) -> MachineDeployment:
    return pool(name, **({"namespace": "prod", "api": "cluster.x-k8s.io/v1beta2", "owner": "Cluster/prod"} | changes))


def cluster(
    *entries: MachineDeployment | ClusterTopology, control_planes: int = 1, workers: int = 0, version: str = "v1.34.4"
) -> ModelCluster:
    model = sample(control_planes, workers, version)
    for entry in entries:
        if isinstance(entry, ClusterTopology):
            model.machines.add_topology(entry)
        else:
            model.machines.add_deployment(entry)
    return model


def kubelets(model: ModelCluster) -> dict[str, str]:
    return {name: str(node.kubelet.reported) for name, node in model.nodes.items()}


def objects(model: ModelCluster, api: str = "cluster.k8s.io/v1alpha1", kind: str = "machinedeployments") -> list[Any]:
    return list(model.store.within(f"/apis/{api}/{kind}"))


def test_a_kubeone_cluster() -> None:
    model = cluster(pool(), pool("pool2", replicas=1), control_planes=3, workers=1)
    operator = Operator(model)

    async def story() -> Plan:
        plan = await operator.plan(TO)
        await operator.apply(plan)
        return plan

    plan = loop.run(story())
    assert [node.name for pool_ in plan.pools for node in pool_.nodes] == ["w1"], "Machines' nodes stand in no pool"
    assert [entry.name for entry in plan.machine_deployments] == ["pool1", "pool2"]
    assert plan.hops[0].stages[-1].stage == "machine-deployments"
    assert load(write(plan).encode(), "p") == plan
    assert set(kubelets(model).values()) == {TO}
    assert len(model.nodes) == 3 + 1 + 3
    for obj in objects(model):
        assert obj["spec"]["template"]["spec"]["versions"]["kubelet"] == "1.35.4", "as its owner writes it: no v"
        assert ROLLOUT_ANNOTATION not in obj["metadata"]["annotations"]
    begun = [e.id.target for e in operator.events if isinstance(e, StepBegins) and e.id.stage == "machine-deployments"]
    assert begun == ["kube-system:pool1", "kube-system:pool2"], "one after the other"
    said = [e.line for e in operator.events if isinstance(e, StepSays)]
    assert "v1.34.4 -> v1.35.4, 2 Machines, RollingUpdate" in said
    assert "pool1: 1 updated, 2 ready, 2 available of 2" in said


def test_nodes_of_machines_are_never_asked_over_ssh() -> None:
    model = cluster(pool(), workers=1)
    facts = loop.run(gather(simulated_world(model)))
    assert "w1" in facts.hosts
    assert not any(name.startswith("pool1") for name in facts.hosts)
    assert len(facts.machines.owners) == 2


def test_a_machine_that_never_gets_ready_is_named_and_the_run_goes_on_from_there() -> None:
    model = cluster(pool())
    model.machines.stuck = "quota exceeded: 20 of 20 servers"
    operator = Operator(model)

    async def story() -> StepError:
        plan = await operator.plan(TO)
        with pytest.raises(StepError) as caught:
            await operator.apply(plan)
        model.machines.stuck = ""
        await operator.apply(plan)
        return caught.value

    error = loop.run(story())
    assert "no Machine has come on for 1800 s: pool1: 1 updated, 2 ready, 2 available of 2, 3 in all" in error.message
    assert "InfrastructureReady False (CreateFailed): quota exceeded: 20 of 20 servers" in error.message
    assert "Machine kube-system/pool1-" in error.message
    assert "kubectl -n kube-system get machinedeployments.cluster.k8s.io" in error.fix
    assert any(
        isinstance(e, StepSays) and re.match(r"nothing new for 30\d s:\n  Machine ", e.line) for e in operator.events
    )
    assert set(kubelets(model).values()) == {TO}


def test_an_old_machine_that_does_not_go_is_named() -> None:
    model = cluster(pool(replicas=1))
    model.machines.stuck_going = "pods shop/db-0: cannot evict, budget db allows none"
    operator = Operator(model)

    async def story() -> StepError:
        plan = await operator.plan(TO)
        with pytest.raises(StepError) as caught:
            await operator.apply(plan)
        return caught.value

    error = loop.run(story())
    assert "1 old Machines are being deleted" in error.message
    assert "Deleting True (DrainingNode): pods shop/db-0: cannot evict, budget db allows none" in error.message


def test_new_machines_with_an_old_image_are_found_out() -> None:
    model = cluster(capi(replicas=1))
    model.machines.image = START
    operator = Operator(model)

    async def story() -> StepError:
        with pytest.raises(StepError) as caught:
            await operator.apply(await operator.plan(TO))
        return caught.value

    error = loop.run(story())
    assert "their kubelets are not v1.35.4: md-0-" in error.message
    assert "infrastructureRef" in error.fix


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_each_call_about_it_and_run_again(nth: int, moment: Any) -> None:
    """The rollout goes on without the client; the next apply finds where it is, and gives no version twice."""
    model = cluster(pool())
    operator = Operator(model)

    async def story() -> None:
        plan = await operator.plan(TO)
        path = "/apis/cluster.k8s.io/v1alpha1/namespaces/kube-system/machinedeployments/pool1"
        model.faults.add(Fault(kind="client-kill", path=path, nth=nth, moment=moment))
        with pytest.raises(ClientKilled):
            await operator.apply(plan)
        await operator.apply(plan)

    loop.run(story())
    assert set(kubelets(model).values()) == {TO}
    (obj,) = objects(model)
    assert ROLLOUT_ANNOTATION not in obj["metadata"]["annotations"]
    gives = [landed for landed in model.landed if "patch" in landed.what and landed.what.endswith("/pool1")]
    assert len(gives) == 2, "its version, and our word taken off"


def test_workers_of_machines_move_once_in_two_hops() -> None:
    model = cluster(pool())
    operator = Operator(model)
    options = Options(waivers={}, waive_until="", availability_probe=False, via=(Version.parse(TO),))

    async def story() -> Plan:
        plan = await operator.plan("v1.36.3", options)
        await operator.apply(plan)
        return plan

    plan = loop.run(story())
    assert [[s.stage for s in hop.stages if s.targets == "machineDeployments"] for hop in plan.hops] == [
        [],
        ["machine-deployments"],
    ]
    assert set(kubelets(model).values()) == {"v1.36.3"}


def test_they_move_in_between_when_they_would_lag_too_far() -> None:
    model = cluster(pool(version=Version.parse("v1.33.1")), version="v1.34.4")
    for name, node in model.nodes.items():
        if name.startswith("pool1"):
            node.kubelet.version = node.kubelet.reported = Version.parse("v1.33.1")
    options = Options(
        waivers={}, waive_until="", availability_probe=False, via=(Version.parse(TO), Version.parse("v1.36.3"))
    )
    plan = loop.run(Operator(model).plan("v1.37.0", options))
    stages = [[s.stage for s in hop.stages if s.targets == "machineDeployments"] for hop in plan.hops]
    assert stages == [[], ["machine-deployments"], ["machine-deployments"]]


def test_an_abort_says_that_the_rollout_goes_on() -> None:
    model = cluster(pool())
    model.machines.stuck = "no more addresses"
    operator = Operator(model)
    notes: list[str] = []

    async def story() -> None:
        plan = await operator.plan(TO)
        with pytest.raises(StepError):
            await operator.apply(plan)
        watch = lambda event: notes.append(event.line) if isinstance(event, Note) else None  # noqa: E731
        await abort(simulated_world(model), Applying(who="ops", watch=watch, stop=Stop()))

    loop.run(story())
    (obj,) = objects(model)
    assert obj["spec"]["template"]["spec"]["versions"]["kubelet"] == "1.35.4"
    assert ROLLOUT_ANNOTATION not in obj["metadata"]["annotations"]
    assert any("its rollout was begun and goes on by its controllers (it was at v1.34.4)" in line for line in notes)
    assert not any("what kubeadm and the packages did" in line and "pool1" in line for line in notes)


def test_other_clusters_are_left_alone() -> None:
    model = cluster(workers=1)
    model.machines.add_deployment(capi("other", owner="Cluster/other"), nodes=False)
    operator = Operator(model)

    async def story() -> Plan:
        plan = await operator.plan(TO)
        await operator.apply(plan)
        return plan

    plan = loop.run(story())
    assert plan.machine_deployments == ()
    told = [entry.message for entry in plan.preflight if entry.check == "machine-deployments"]
    assert told == ["MachineDeployment prod/other is left alone: no Machine of the Cluster other is a node here"]
    (obj,) = objects(model, "cluster.x-k8s.io/v1beta2")
    assert obj["spec"]["template"]["spec"]["version"] == "v1.34.4"


def test_a_topology_moves_by_its_cluster_alone() -> None:
    topology = ClusterTopology(
        namespace="prod", name="prod", uid=UID.format(1), api="cluster.x-k8s.io/v1beta2", version=START
    )
    model = cluster(topology, capi(topology=True), capi("md-1", topology=True, replicas=1))
    operator = Operator(model)

    async def story() -> Plan:
        plan = await operator.plan(TO)
        await operator.apply(plan)
        return plan

    plan = loop.run(story())
    assert [stage.targets for stage in plan.hops[0].stages][-1] == "clusterTopologies"
    assert set(kubelets(model).values()) == {TO}
    patched = {landed.what.rpartition("/")[0].rpartition("/")[2] for landed in model.landed if "x-k8s" in landed.what}
    assert patched == {"clusters"}


def test_paused_ones_block_before_anything_and_are_left_alone_when_waived() -> None:
    model = cluster(pool())
    (obj,) = objects(model)
    obj["spec"]["paused"] = True
    operator = Operator(model)
    waived = Options(
        waivers={"machine-deployments": "frozen until the game is over"},
        waive_until="2027-01-01",
        availability_probe=False,
    )

    async def story() -> Plan:
        with pytest.raises(PreflightError, match=r"MachineDeployment kube-system/pool1 at v1.34.4 is paused by it"):
            await operator.apply(await operator.plan(TO))
        plan = await operator.plan(TO, waived)
        await operator.apply(plan)
        assert {version for name, version in kubelets(model).items() if name.startswith("pool1")} == {"v1.34.4"}
        obj["spec"]["paused"] = False
        await operator.apply(await operator.plan(TO))
        return plan

    plan = loop.run(story())
    assert plan.machine_deployments == ()
    assert set(kubelets(model).values()) == {TO}, "a later plan brings along what is left"


def test_one_of_them_alone_and_the_others_later() -> None:
    model = cluster(pool(replicas=1), pool("pool2", replicas=1))
    operator = Operator(model, limits=Limits(only=frozenset({"kube-system:pool2"})))

    async def story() -> None:
        plan = await operator.plan(TO)
        with pytest.raises(StoppedError, match=r"1 are left: kube-system:pool1"):
            await operator.apply(plan)
        versions = [obj["spec"]["template"]["spec"]["versions"]["kubelet"] for obj in objects(model)]
        assert versions == ["1.34.4", "1.35.4"]
        operator.limits = Limits()
        await operator.apply(plan)

    loop.run(story())
    assert set(kubelets(model).values()) == {TO}


def test_paused_under_way_stops_the_wait_at_once() -> None:
    model = cluster(pool())
    operator = Operator(model)

    def pause(event: object) -> None:
        if isinstance(event, StepSays) and "1 updated" in event.line:
            objects(model)[0]["spec"]["paused"] = True

    operator.heed = pause

    async def story() -> None:
        with pytest.raises(StepError, match=r"kube-system/pool1 is paused: nothing would be rolled out"):
            await operator.apply(await operator.plan(TO))

    loop.run(story())


def test_on_delete_gets_its_version_and_is_not_waited_for() -> None:
    model = cluster(capi(strategy="OnDelete"))
    operator = Operator(model)

    async def story() -> Plan:
        plan = await operator.plan(TO)
        await operator.apply(plan)
        return plan

    loop.run(story())
    assert any(isinstance(e, StepSays) and e.line.startswith("OnDelete: a Machine gets") for e in operator.events)
    assert {version for name, version in kubelets(model).items() if name.startswith("md-0")} == {"v1.34.4"}


def test_gone_or_changed_since_the_plan_is_skipped_and_told() -> None:
    model = cluster(pool(), pool("pool2", replicas=1))
    operator = Operator(model)

    async def story() -> list[str]:
        plan = await operator.plan(TO)
        by_name = {obj["metadata"]["name"]: obj for obj in objects(model)}
        by_name["pool1"]["spec"]["template"]["spec"]["versions"]["kubelet"] = "1.34.9"
        gone = replace(plan.machine_deployments[1], uid=UID.format(77))
        edited = replace(plan, machine_deployments=(plan.machine_deployments[0], gone))
        await operator.apply(edited)
        return []

    loop.run(story())
    assert "v1.34.4" in kubelets(model).values(), "nothing of them has moved"
    assert [obj["spec"]["template"]["spec"]["versions"]["kubelet"] for obj in objects(model)] == ["1.34.9", "1.34.4"]
