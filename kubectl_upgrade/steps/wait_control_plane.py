"""Wait until this node's control plane runs the version and its API server is ready."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.facts.gather import probe_hosts
from kubectl_upgrade.facts.static_pods import image_version, read_static_pods
from kubectl_upgrade.model.facts import Apiserver, Unknown
from kubectl_upgrade.model.names import CONTROL_PLANE_COMPONENTS
from kubectl_upgrade.model.types import Seconds
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.steps.base import Step, machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubectl_upgrade.model.facts import HostFacts, Maybe, StaticPod
    from kubectl_upgrade.steps.base import StepContext

# a kubelet that has just started asks the API server whether it may answer, and remembers a refusal for 30 s
_SILENCE_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitControlPlane(Step):
    """The API server answers ready at the version on its own node, and the kubelet that runs there says that the static
    pods run the version's images: after its restart at another minor a kubelet replaces all of them, etcd too, within
    seconds, and the API has the word of the one before until then. Controller manager and scheduler are healthy, as
    they say themselves or as the kubelet's probes found, which begin 10 to 20 s after its restart. Where the kubelet
    does not answer for a minute, the API's mirror pods have to be Ready.
    """

    NAME: ClassVar[str] = "wait-control-plane"
    TITLE: ClassVar[str] = "wait for this node's control plane"
    WAITS: ClassVar[bool] = True

    version: Version
    timeout_seconds: Seconds = 600

    async def run(self, context: StepContext) -> None:
        name = context.node.name
        patient_until = context.clock.monotonic() + _SILENCE_SECONDS
        told: set[str] = set()

        async def missing() -> str | None:
            hosts = await probe_hosts(context.nodes, [machine(context.node)], ("apiserver", "components"))
            patient = context.clock.monotonic() < patient_until
            pods = _kubelets_pods(hosts[name])
            if isinstance(pods, Unknown) and not patient and not told:
                told.add(pods.reason)
                context.say(f"the API's pods of {name} have to do, all of them Ready: {pods.reason}")
            return self.missing(hosts[name], await read_static_pods(context.cluster, name), patient=patient)

        await context.until(f"control plane of {name} at {self.version}", self.timeout_seconds, missing)

    def missing(self, host: Maybe[HostFacts], mirrors: tuple[StaticPod, ...], *, patient: bool = True) -> str | None:
        """What keeps the condition from being true, the API server first; `mirrors` are the API's pods of this node.

        `patient`: a kubelet that does not say which pods it runs will do so; else the mirrors have to do.
        """
        apiserver = host if isinstance(host, Unknown) else host.apiserver
        if not isinstance(apiserver, Apiserver):
            return f"the API server on the node does not answer: {apiserver.reason}"
        if not apiserver.ready or apiserver.version != self.version:
            said = f": {apiserver.said}" if apiserver.said and not apiserver.ready else ""
            return f"the API server is {'' if apiserver.ready else 'not '}ready at {apiserver.version}{said}"
        pods = _kubelets_pods(host)
        if not isinstance(pods, Unknown):
            ill = _first(_ill(pod, _health(host)) for pod in pods)
            return self._old("the kubelet", pods) or ill or self._old("the API", mirrors)
        if patient:
            return pods.reason
        return self._old("the API", mirrors) or _first(_not_ready(pod) for pod in mirrors)

    def _old(self, who: str, pods: tuple[StaticPod, ...]) -> str | None:
        by_component = {pod.component: pod for pod in pods}
        for component in CONTROL_PLANE_COMPONENTS:
            if component not in by_component:
                return f"{who} shows no pod of {component}"
            image = by_component[component].image
            if image_version(image) != self.version:
                return f"{who} says that {component} runs {image}"
        return None


def _kubelets_pods(host: Maybe[HostFacts]) -> Maybe[tuple[StaticPod, ...]]:
    components = host if isinstance(host, Unknown) else host.components
    return components if isinstance(components, Unknown) else components.pods


def _health(host: Maybe[HostFacts]) -> Mapping[str, str]:
    components = host if isinstance(host, Unknown) else host.components
    return {} if isinstance(components, Unknown) else components.health


def _first(problems: Iterable[str | None]) -> str | None:
    return next(filter(None, problems), None)


def _not_ready(pod: StaticPod) -> str | None:
    return None if pod.ready else f"{pod.component} is not Ready"


def _ill(pod: StaticPod, health: Mapping[str, str]) -> str | None:
    """What the API server and etcd are is asked of themselves."""
    if not pod.running:
        return f"{pod.component} does not run yet"
    said = health.get(pod.component, "ok")
    return None if pod.ready or said == "ok" else f"{pod.component} is not Ready, and says of its health: {said}"
