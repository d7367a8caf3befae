"""When a control plane counts as there: what is asked on the node, and what the API shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kubectl_upgrade.model.facts import Apiserver, HostFacts, StaticPod, Unknown
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.steps.wait_control_plane import WaitControlPlane

NEW = Version.parse("v1.35.4")
COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
PODS = tuple(StaticPod(component=c, node="cp1", image=f"registry:5000/{c}:v1.35.4", ready=True) for c in COMPONENTS)
# as a kubelet shows them for 10 to 20 s after its restart
UNPROBED = tuple(replace(pod, ready=False) for pod in PODS)
READY = Apiserver(ready=True, version=NEW, said="")
WELL = {"kube-controller-manager": "ok", "kube-scheduler": "ok"}
STEP = WaitControlPlane(version=NEW)


@pytest.mark.parametrize("pods", [PODS, UNPROBED])
def test_what_says_that_it_is_well_is_well_before_the_kubelet_has_probed_it(pods: tuple[StaticPod, ...]) -> None:
    assert STEP.missing(HostFacts(apiserver=READY, components=WELL), pods) is None


@pytest.mark.parametrize("health", [Unknown("no curl"), {}, {"kube-scheduler": "ok"}])
def test_what_does_not_say_how_it_is_must_be_ready(health: Unknown | dict[str, str]) -> None:
    host = HostFacts(apiserver=READY, components=health)
    assert STEP.missing(host, PODS) is None
    said = STEP.missing(host, UNPROBED)
    assert said == "kube-controller-manager is not Ready, and says of its health: nothing"


def test_what_is_ill_says_why() -> None:
    host = HostFacts(apiserver=READY, components={**WELL, "kube-scheduler": "[-]leaderElection failed"})
    said = STEP.missing(host, UNPROBED)
    assert said == "kube-scheduler is not Ready, and says of its health: [-]leaderElection failed"


@pytest.mark.parametrize(
    ("host", "pods", "said"),
    [
        (Unknown("no ssh"), PODS, "the API server on the node does not answer: no ssh"),
        (HostFacts(components=WELL), PODS, "the API server on the node does not answer: not asked"),
        (
            HostFacts(apiserver=replace(READY, ready=False, said="[-]etcd failed"), components=WELL),
            PODS,
            "the API server is not ready at v1.35.4: [-]etcd failed",
        ),
        (
            HostFacts(apiserver=replace(READY, version=Version.parse("v1.34.4")), components=WELL),
            PODS,
            "the API server is ready at v1.34.4",
        ),
        (HostFacts(apiserver=READY, components=WELL), PODS[:2], "the API shows no pod of kube-scheduler"),
        (
            HostFacts(apiserver=READY, components=WELL),
            (*PODS[:2], replace(PODS[2], image="registry:5000/kube-scheduler:v1.34.4")),
            "kube-scheduler runs registry:5000/kube-scheduler:v1.34.4",
        ),
    ],
)
def test_what_is_missing_is_named(host: HostFacts | Unknown, pods: tuple[StaticPod, ...], said: str) -> None:
    assert STEP.missing(host, pods) == said
