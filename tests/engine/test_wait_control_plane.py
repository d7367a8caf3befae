"""When a control plane counts as there: what is asked on the node, and what the API shows."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.waiting import until
from kubectl_upgrade.model.facts import Apiserver, Components, HostFacts, StaticPod, Unknown
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.steps.base import StepContext
from kubectl_upgrade.steps.wait_control_plane import WaitControlPlane

if TYPE_CHECKING:
    from kubectl_upgrade.steps.base import Action
    from tests.engine.conftest import Operator

NEW = Version.parse("v1.35.4")
NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
PODS = tuple(StaticPod(component=name, node="cp1", image=f"registry:5000/{name}:v1.35.4", ready=True) for name in NAMES)
# as a kubelet has them for 10 to 20 s after its restart
UNPROBED = tuple(replace(pod, ready=False) for pod in PODS)
READY = Apiserver(ready=True, version=NEW, said="")
WELL = {"kube-controller-manager": "ok", "kube-scheduler": "ok"}
SICK = {**WELL, "kube-scheduler": "[-]leaderElection failed"}
STEP = WaitControlPlane(version=NEW)


def host(pods: tuple[StaticPod, ...] | Unknown = UNPROBED, health: dict[str, str] = WELL) -> HostFacts:
    return HostFacts(apiserver=READY, components=Components(health=health, pods=pods))


def old(pods: tuple[StaticPod, ...], component: str) -> tuple[StaticPod, ...]:
    image = f"registry:5000/{component}:v1.34.4"
    return tuple(replace(pod, image=image) if pod.component == component else pod for pod in pods)


@pytest.mark.parametrize("mirrors", [PODS, UNPROBED])
def test_what_says_that_it_is_well_is_well_before_the_kubelet_has_probed_it(mirrors: tuple[StaticPod, ...]) -> None:
    assert STEP.missing(host(), mirrors) is None


def test_what_the_kubelet_has_probed_needs_no_second_word() -> None:
    assert STEP.missing(host(PODS, SICK), PODS) is None


@pytest.mark.parametrize("component", NAMES)
def test_whatever_the_api_shows_the_pods_of_the_kubelet_that_runs_have_to_run(component: str) -> None:
    """A kubelet of another minor replaces them all; the API has its predecessor's word meanwhile."""
    pods = tuple(replace(pod, running=pod.component != component) for pod in UNPROBED)
    assert STEP.missing(host(pods), PODS) == f"{component} does not run yet"


@pytest.mark.parametrize("silent", [Unknown("HTTP 403"), None])
def test_where_the_kubelet_does_not_answer_mirror_pods_have_to_be_ready(silent: Unknown | None) -> None:
    found = host(silent) if silent else HostFacts(apiserver=READY, components=Unknown("no curl"))
    assert STEP.missing(found, PODS) == (silent.reason if silent else "no curl")
    assert STEP.missing(found, PODS, patient=False) is None
    assert STEP.missing(found, UNPROBED, patient=False) == "etcd is not Ready"
    assert STEP.missing(found, PODS[1:], patient=False) is None
    assert STEP.missing(found, PODS[:3], patient=False) == "the API shows no pod of kube-scheduler"


@pytest.mark.parametrize(
    ("found", "mirrors", "said"),
    [
        (Unknown("no ssh"), PODS, "the API server on the node does not answer: no ssh"),
        (replace(host(), apiserver=Unknown("no curl")), PODS, "the API server on the node does not answer: no curl"),
        (
            replace(host(), apiserver=replace(READY, ready=False, said="[-]etcd failed")),
            PODS,
            "the API server is not ready at v1.35.4: [-]etcd failed",
        ),
        (
            replace(host(), apiserver=replace(READY, version=Version.parse("v1.34.4"))),
            PODS,
            "the API server is ready at v1.34.4",
        ),
        (host(health=SICK), PODS, "kube-scheduler is not Ready, and says of its health: [-]leaderElection failed"),
        (host(UNPROBED[:3]), PODS, "the kubelet shows no pod of kube-scheduler"),
        (
            host(old(UNPROBED, "kube-apiserver")),
            PODS,
            "the kubelet says that kube-apiserver runs registry:5000/kube-apiserver:v1.34.4",
        ),
        (host(), PODS[:3], "the API shows no pod of kube-scheduler"),
        (
            host(),
            old(PODS, "kube-scheduler"),
            "the API says that kube-scheduler runs registry:5000/kube-scheduler:v1.34.4",
        ),
    ],
)
def test_what_is_missing_is_named(found: HostFacts | Unknown, mirrors: tuple[StaticPod, ...], said: str) -> None:
    assert STEP.missing(found, mirrors) == said


def test_a_kubelet_that_stays_silent_is_waited_for_and_told_once(operator: Operator) -> None:
    said: list[str] = []

    async def story() -> float:
        plan = await operator.plan()
        node = plan.control_planes[0]
        operator.model.nodes[node.name].kubelet.active = False
        world = simulated_world(operator.model)
        context = StepContext(
            plan=plan,
            target=node,
            run8="01234567",
            nodes=world.nodes,
            cluster=world.cluster,
            clock=world.clock,
            act=_nothing_to_do,
            until=partial(until, world.clock),
            say=said.append,
            tell=said.append,
        )
        began = world.clock.monotonic()
        await WaitControlPlane(version=plan.cluster.from_).run(context)
        return world.clock.monotonic() - began

    assert 60 <= loop.run(story()) < 70
    assert len(said) == 1
    assert said[0].startswith(
        "the API's pods of cp1 have to do, all of them Ready: the kubelet does not say which pods"
    )


async def _nothing_to_do(action: Action) -> str:
    raise AssertionError(action)
