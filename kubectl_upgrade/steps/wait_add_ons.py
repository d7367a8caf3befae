"""Wait until CoreDNS and kube-proxy have rolled out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.facts.nodes import read_nodes
from kubectl_upgrade.facts.static_pods import image_version
from kubectl_upgrade.model.errors import NotFoundError
from kubectl_upgrade.model.types import Seconds
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.steps.base import Step

if TYPE_CHECKING:
    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Clock, Json

# a rollout that went well on so many nodes is proved; with more, it goes on beside what follows
ENOUGH = 100
# a rollout that goes on is not stuck: only when it has stood still for so long are the Nodes read, all of them
_STILL_SECONDS = 15
_APPS = "/apis/apps/v1/namespaces/kube-system"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitAddOns(Step):
    """kubeadm upgrades them once every API server is new; a cluster without one of them has nothing to wait for."""

    NAME: ClassVar[str] = "wait-add-ons"
    ON: ClassVar[str] = "cluster"
    TITLE: ClassVar[str] = "wait for CoreDNS and kube-proxy"
    WAITS: ClassVar[bool] = True

    version: Version
    timeout_seconds: Seconds = 600

    async def run(self, context: StepContext) -> None:
        async def get(path: str) -> Json | None:
            try:
                return await context.cluster.get(path)
            except NotFoundError:
                return None

        still = _Still(context.clock)

        async def proxy_missing() -> str | None:
            proxy = await get(f"{_APPS}/daemonsets/kube-proxy")
            lacking = self.proxy_missing(proxy, stuck=False) if proxy else None
            if proxy is None or lacking is None or still.seconds(lacking) < _STILL_SECONDS:
                return lacking
            stuck = not all(node.ready for node in await read_nodes(context.cluster))
            return self.proxy_missing(proxy, stuck=stuck)

        async def missing() -> str | None:
            dns = await get(f"{_APPS}/deployments/coredns")
            return await proxy_missing() or (dns and dns_missing(dns)) or None

        await context.until("add-ons rolled out", self.timeout_seconds, missing)

    def proxy_missing(self, daemon_set: Json, *, stuck: bool) -> str | None:
        """As `kubectl rollout status` judges a DaemonSet, at the right version, and for at most ENOUGH nodes: it goes
        node by node, and nothing that follows needs the last one.

        `stuck`: a node is not Ready, so that its pod uses up maxUnavailable; the rollout goes on when it is back.
        """
        containers = daemon_set["spec"]["template"]["spec"]["containers"]
        image = next((c["image"] for c in containers if c["name"] == "kube-proxy"), "")
        if image_version(image) != self.version:
            return f"kube-proxy is still {image or 'not there'}"
        status = daemon_set["status"]
        if status.get("observedGeneration", 0) < daemon_set["metadata"]["generation"]:
            return "kube-proxy: its new specification was not observed yet"
        wanted = 0 if stuck else min(status.get("desiredNumberScheduled", 0), ENOUGH)
        updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
        if updated < wanted or available < wanted:
            return f"kube-proxy: {updated} updated, {available} available of {wanted}"
        return None


@dataclass(slots=True)
class _Still:
    """For how long the same has been said."""

    clock: Clock
    said: str = ""
    since: float = 0

    def seconds(self, said: str) -> float:
        now = self.clock.monotonic()
        if said != self.said:
            self.said, self.since = said, now
        return now - self.since


def dns_missing(deployment: Json) -> str | None:
    """As `kubectl rollout status` judges a Deployment."""
    status = deployment["status"]
    wanted = deployment["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return "coredns: its new specification was not observed yet"
    counts = [status.get(key, 0) for key in ("updatedReplicas", "availableReplicas")]
    if min(counts) < wanted or status.get("replicas", 0) > wanted:
        return f"coredns: {counts[0]} updated, {counts[1]} available of {wanted}, {status.get('replicas', 0)} in all"
    return None
