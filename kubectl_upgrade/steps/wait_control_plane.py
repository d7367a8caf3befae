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
    from collections.abc import Mapping

    from kubectl_upgrade.model.facts import HostFacts, Maybe, StaticPod
    from kubectl_upgrade.steps.base import StepContext


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitControlPlane(Step):
    """The API server answers ready at the version on its own node; controller manager and scheduler run the version's
    images and are healthy, as they say themselves or as the kubelet knows: after its restart a kubelet shows its static
    pods as not Ready until it has probed them again, 10 to 20 s later.
    """

    NAME: ClassVar[str] = "wait-control-plane"
    TITLE: ClassVar[str] = "wait for this node's control plane"
    WAITS: ClassVar[bool] = True

    version: Version
    timeout_seconds: Seconds = 600

    async def run(self, context: StepContext) -> None:
        name = context.node.name

        async def missing() -> str | None:
            hosts = await probe_hosts(context.nodes, [machine(context.node)], ("apiserver", "components"))
            pods = await read_static_pods(context.cluster, name)
            return self.missing(hosts[name], pods)

        await context.until(f"control plane of {name} at {self.version}", self.timeout_seconds, missing)

    def missing(self, host: Maybe[HostFacts], pods: tuple[StaticPod, ...]) -> str | None:
        """What keeps the condition from being true, the API server first."""
        apiserver = host if isinstance(host, Unknown) else host.apiserver
        if not isinstance(apiserver, Apiserver):
            return f"the API server on the node does not answer: {apiserver.reason}"
        if not apiserver.ready or apiserver.version != self.version:
            said = f": {apiserver.said}" if apiserver.said and not apiserver.ready else ""
            return f"the API server is {'' if apiserver.ready else 'not '}ready at {apiserver.version}{said}"
        components = Unknown("not asked") if isinstance(host, Unknown) else host.components
        return self._missing_of_pods({} if isinstance(components, Unknown) else components, pods)

    def _missing_of_pods(self, health: Mapping[str, str], pods: tuple[StaticPod, ...]) -> str | None:
        # what the API server is it has said itself
        health = {"kube-apiserver": "ok", **health}
        by_component = {pod.component: pod for pod in pods}
        for component in CONTROL_PLANE_COMPONENTS:
            pod = by_component.get(component)
            if pod is None:
                return f"the API shows no pod of {component}"
            if image_version(pod.image) != self.version:
                return f"{component} runs {pod.image}"
            said = health.get(component, "nothing")
            if not pod.ready and said != "ok":
                return f"{component} is not Ready, and says of its health: {said}"
        return None
