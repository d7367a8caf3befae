"""Drift while a run goes on: none in an undisturbed one, and every pin is named when somebody changes it."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.engine.adopt import settled_targets, steps_by_units
from kubectl_upgrade.engine.events import StepBegins, StepEnds
from kubectl_upgrade.engine.examine import examine
from kubectl_upgrade.engine.lock import holder
from kubectl_upgrade.facts.gather import gather
from kubectl_upgrade.model.errors import AccessError, PlanError, StepError
from kubectl_upgrade.model.facts import HostFacts, Unknown
from kubectl_upgrade.model.plan import ClusterConfiguration, ComponentVersions, ControlPlane, Manifests
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.planfile.drift import drift_of
from kubectl_upgrade.planfile.expected import Progress
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import ClientKilled, Fault
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world
from tests.engine.conftest import Operator

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.engine.events import Event
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.plan import Plan

SHAPES = {"3 + 1": (3, 1, "v1.35.4"), "1 + 1": (1, 1, "v1.35.4"), "a patch": (3, 1, "v1.34.9")}


def _by_the_nodes(plan: Plan, facts: Facts, run: str) -> Progress:
    """What is known of the run when every journal is lost."""
    marked = {node.name for node in facts.nodes if run[:8] in node.labels.values()}
    worked = {name for name, host in facts.hosts.items() if isinstance(host, HostFacts) and _units(host)}
    return Progress(
        run8=run[:8],
        begun=frozenset(marked | worked),
        steps_done=frozenset(steps_by_units(plan, run, facts.hosts)),
        targets_done=frozenset(settled_targets(plan, run, facts)),
    )


def _units(host: HostFacts) -> bool:
    return not isinstance(host.run, Unknown) and bool(host.run.units)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_undisturbed_run_never_drifts(shape: str) -> None:
    control_planes, workers, to = SHAPES[shape]
    operator = Operator(sample(control_planes, workers))
    looks: list[str] = []

    async def look(plan: Plan, at: str) -> None:
        world = simulated_world(operator.model)
        held = await holder(world.cluster)
        if held is None:
            return
        facts = await gather(world)
        drifts = drift_of(plan, facts, _by_the_nodes(plan, facts, held.run))
        # what does not answer for a moment is no drift; that it is told as unknown is as it should be
        looks.append(at)
        assert drifts.refused == (), at

    async def story() -> None:
        plan = await operator.plan(to)

        def heed(event: Event) -> None:
            if isinstance(event, StepBegins | StepEnds):
                operator.model.spawn(_quietly(look(plan, str(event))))

        operator.heed = heed
        await operator.apply(plan)

    loop.run(story())
    assert len(looks) > 20


async def _quietly(look: Any) -> None:
    """The API of a single control plane is away for a while."""
    with suppress(AccessError):
        await look


@dataclass(frozen=True)
class Change:
    """Somebody changes a pin on cp2."""

    field: str
    """as drift names it"""
    do: Callable[[Operator], None]


def _node(operator: Operator) -> Any:
    return operator.model.nodes["cp2"]


def _image(component: str, tag: str) -> Callable[[Operator], None]:
    def change(operator: Operator) -> None:
        static = _node(operator).static_pods[component]
        static.image = f"{static.image.rpartition(':')[0]}:{tag}"
        operator.model.show_static_pod(_node(operator), component)

    return change


def _hash(component: str) -> Callable[[Operator], None]:
    return lambda operator: setattr(_node(operator).static_pods[component], "manifest_hash", f"sha256:{'e' * 64}")


def _set(name: str, value: object) -> Callable[[Operator], None]:
    return lambda operator: setattr(_node(operator), name, value)


def _kubelet(operator: Operator) -> None:
    _node(operator).kubelet.reported = Version.parse("v1.33.1")


def _configuration(name: str, value: str) -> Callable[[Operator], None]:
    def change(operator: Operator) -> None:
        setattr(operator.model.configuration, name, value)
        operator.model.publish_configuration()

    return change


def _patches(operator: Operator) -> None:
    _node(operator).patches = "standard"


def _kube_proxy(operator: Operator) -> None:
    operator.model.workloads.roll_out_daemon_set("kube-proxy", "registry.k8s.io/kube-proxy:v1.33.1")


CHANGES = {
    "versions.kube_proxy": Change("controlPlanes.versions.kubeProxy", _kube_proxy),
    "repository": Change("controlPlanes[cp2].repository", _set("repository", "v1.33")),
    "held": Change("controlPlanes[cp2].held", _set("held", ["kubeadm"])),
    "host_key": Change("controlPlanes[cp2].hostKey", _set("host_key", "SHA256:" + "A" * 43)),
    "etcd_member": Change("controlPlanes[cp2].etcdMember", _set("etcd_member", "abc123")),
    "patches": Change("controlPlanes[cp2].patches", _patches),
    "versions.kubelet": Change("controlPlanes[cp2].versions.kubelet", _kubelet),
    "versions.apiserver": Change("controlPlanes[cp2].versions.apiserver", _image("kube-apiserver", "v1.33.1")),
    "versions.controller_manager": Change(
        "controlPlanes[cp2].versions.controllerManager", _image("kube-controller-manager", "v1.33.1")
    ),
    "versions.scheduler": Change("controlPlanes[cp2].versions.scheduler", _image("kube-scheduler", "v1.33.1")),
    "versions.etcd": Change("controlPlanes[cp2].versions.etcd", _image("etcd", "3.5.1-0")),
    "manifests.etcd": Change("controlPlanes[cp2].manifests.etcd", _hash("etcd")),
    "manifests.kube_apiserver": Change("controlPlanes[cp2].manifests.kubeApiserver", _hash("kube-apiserver")),
    "manifests.kube_controller_manager": Change(
        "controlPlanes[cp2].manifests.kubeControllerManager", _hash("kube-controller-manager")
    ),
    "manifests.kube_scheduler": Change("controlPlanes[cp2].manifests.kubeScheduler", _hash("kube-scheduler")),
    "manifests.patches": Change("controlPlanes[cp2].manifests.patches", _patches),
    "cluster.from": Change("cluster.from", _configuration("version", Version.parse("v1.33.1"))),  # type: ignore[arg-type]
    "control_plane_endpoint": Change("clusterConfiguration.controlPlaneEndpoint", _configuration("endpoint", "x:1")),
    "image_repository": Change("clusterConfiguration.imageRepository", _configuration("repository", "other.io")),
    "etcd_image_tag": Change("clusterConfiguration.etcdImageTag", _configuration("etcd_tag", "3.6.9-0")),
    "etcd_image_repository": Change(
        "clusterConfiguration.etcdImageRepository", _configuration("etcd_repository", "other.io")
    ),
    "dns_image_repository": Change(
        "clusterConfiguration.dnsImageRepository", _configuration("dns_repository", "other.io/dns")
    ),
    "dns_image_tag": Change("clusterConfiguration.dnsImageTag", _configuration("dns_tag", "v1.12.1")),
}
# pins whose change takes more than a value: another node, another cluster, a label's owner; tested elsewhere
ELSEWHERE = {
    "name", "uid", "address", "cordoned", "ready", "packages", "versions", "manifests", "etcd",
}  # fmt: skip
# after kubeadm the plan cannot know etcd's version; its manifest's hash tells
UNKNOWN_AFTER = {"versions.etcd"}


def test_every_pin_is_in_the_table() -> None:
    names = {field.name for kind in (ControlPlane, ClusterConfiguration) for field in dataclasses.fields(kind)}
    names |= {f"versions.{field.name}" for field in dataclasses.fields(ComponentVersions)}
    names |= {f"manifests.{field.name}" for field in dataclasses.fields(Manifests)}
    assert names - CHANGES.keys() - ELSEWHERE == set()


# the client is killed before cp2's turn, and when cp2 is done with both passes
MOMENTS = {
    "before its turn": Fault(kind="client-kill", node="cp1", action="kubeadm-apply", phase="etcd", moment=""),
    "after it": Fault(kind="client-kill", node="cp3", action="restart-kubelet", moment=""),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("pin", CHANGES)
def test_a_pin_that_somebody_changes_is_named(pin: str, moment: str) -> None:
    if pin in UNKNOWN_AFTER and moment == "after it":
        return
    operator = Operator(sample(3, 1))
    change = CHANGES[pin]

    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(MOMENTS[moment])
        with pytest.raises(ClientKilled):
            await operator.apply(plan)
        await asyncio.sleep(300)
        change.do(operator)
        with pytest.raises(PlanError) as refused:
            await operator.apply(plan)
        lines = [line.strip() for line in refused.value.message.splitlines()[1:]]
        assert any(line.startswith(f"{change.field}: was ") for line in lines), lines

    loop.run(story())


def test_a_pin_in_flight_may_have_either_value(operator: Operator) -> None:
    """cp2's own kubeadm is under way: its API server may be old or new, its holds may be away; cp3's may not."""

    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(Fault(kind="action-fails", node="cp2", action="apt-install-kubeadm", phase="install"))
        with pytest.raises(StepError):
            await operator.apply(plan)
        held, operator.model.nodes["cp2"].held = operator.model.nodes["cp2"].held, []
        found = await holder(simulated_world(operator.model).cluster)
        assert found is not None
        await examine(simulated_world(operator.model), plan, run=found.run)
        operator.model.nodes["cp2"].held = held
        operator.model.nodes["cp3"].held = []
        with pytest.raises(PlanError, match=r"controlPlanes\[cp3\].held"):
            await examine(simulated_world(operator.model), plan, run=found.run)

    loop.run(story())


def test_another_cluster_under_the_same_plan(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        other = replace(plan, cluster=replace(plan.cluster, ca_hash=f"sha256:{'0' * 64}"))
        with pytest.raises(PlanError, match=r"cluster.caHash: was sha256:0000"):
            await operator.apply(other)

    loop.run(story())


def _reported(operator: Operator) -> None:
    _node(operator).kubelet.reported = Version.parse("v1.34.4")


PUT_BACK: dict[str, Callable[[Operator], None]] = {
    "repository": _set("repository", "v1.34"),
    "versions.apiserver": _image("kube-apiserver", "v1.34.4"),
    "versions.kubelet": _reported,
    "versions.kube_proxy": _kube_proxy,
}


@pytest.mark.parametrize("pin", PUT_BACK)
def test_what_a_finished_step_has_changed_may_not_go_back(pin: str) -> None:
    """The plan's old value is drift once the step is done, though it was right before."""
    operator = Operator(sample(3, 1))

    async def story() -> None:
        plan = await operator.plan()
        operator.model.faults.add(MOMENTS["after it"])
        with pytest.raises(ClientKilled):
            await operator.apply(plan)
        await asyncio.sleep(300)
        PUT_BACK[pin](operator)
        with pytest.raises(PlanError) as refused:
            await operator.apply(plan)
        assert CHANGES[pin].field in refused.value.message

    loop.run(story())
