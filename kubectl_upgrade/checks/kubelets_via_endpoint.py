"""Control planes' kubelets can talk to the cluster's endpoint while kubeadm replaces their own API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.endpoint import EndpointSeen, host_and_port, is_one_of, joined
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts, Maybe


class KubeletsViaEndpoint:
    """Since 1.33 a control plane's kubelet asks its own API server only. While that one's etcd is replaced, kubeadm
    waits for a kubelet that waits for its API server, and the Node turns NotReady. Where the endpoint is no way around
    that, the upgrade is slower, no more.
    """

    NAME: ClassVar[str] = "kubelets-via-endpoint"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = False

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        found = _obstacle(facts) if _helps(facts) else None
        if found is not None:
            node, why = found
            message = f"kubeadm takes a minute or two longer on each control plane: {why}"
            yield Finding(Level.INFO, message, node=node)


def kubelets_may_go_via_endpoint(facts: Facts) -> bool:
    """Does it help, and is it known to be possible on every control plane?"""
    return _helps(facts) and _obstacle(facts) is None


def _seen(facts: Facts) -> dict[str, Maybe[EndpointSeen]]:
    hosts = {node.name: facts.hosts.get(node.name, Unknown("was not asked")) for node in facts.control_planes}
    return {name: host if isinstance(host, Unknown) else host.endpoint for name, host in hosts.items()}


def _helps(facts: Facts) -> bool:
    """Somebody else can serve meanwhile, and some kubelet talks to its own API server, or may."""
    if facts.kubeadm_config.etcd != "stacked" or len(facts.control_planes) == 1:
        return False
    return any(isinstance(seen, Unknown) or seen.kubelet != seen.endpoint for seen in _seen(facts).values())


def _obstacle(facts: Facts) -> tuple[str | None, str] | None:
    """The node, if it is one's, and why no kubelet is to be pointed at the endpoint."""
    endpoint = facts.kubeadm_config.control_plane_endpoint
    parts = host_and_port(endpoint)
    if parts is None:
        return None, f"controlPlaneEndpoint {endpoint} is no host and port"
    nodes = facts.control_planes
    if is_one_of(parts[0], (word for node in nodes for word in (node.name, node.internal_ip))):
        return None, f"controlPlaneEndpoint {endpoint} is one control plane itself, not what stands before all of them"
    views = _seen(facts)
    for name, seen in views.items():
        why = _hindered(seen, joined(*parts))
        if why:
            return name, why
    # one node may hold a virtual address at the moment: the action looks again, on each node
    if all(isinstance(seen, EndpointSeen) and seen.own for seen in views.values()):
        return None, f"controlPlaneEndpoint {endpoint} is an address of each control plane itself"
    return None


def _hindered(seen: Maybe[EndpointSeen], endpoint: str) -> str:
    """Why this node's kubelet cannot be pointed there; empty when it can."""
    if isinstance(seen, Unknown):
        return f"how controlPlaneEndpoint {endpoint} looks from this node is not known: {seen.reason}"
    if seen.endpoint != endpoint:
        return f"its admin.conf names {seen.endpoint}, not controlPlaneEndpoint {endpoint}"
    return "" if seen.ready else f"controlPlaneEndpoint {endpoint} does not answer from this node: {seen.said}"
