"""Components go together now, and will when the API servers are at their next version."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.facts.static_pods import image_version
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.names import CONTROL_PLANE_COMPONENTS
from kubectl_upgrade.model.skew import (
    APISERVERS_MAY_DIFFER,
    CONTROLLER_MAY_LAG,
    KUBE_PROXY_MAY_LAG,
    KUBELET_MAY_LAG,
    lag_problem,
    next_stop,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.version import Version


class VersionSkew:
    """A kubelet too old for the new API server drops out the moment that server comes up. Half way through, the oldest
    API server is the ceiling for everything and the next version is the newest.
    """

    NAME: ClassVar[str] = "version-skew"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = False

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        apiservers: dict[str, Version] = {}
        for node in facts.control_planes:
            versions = {component: _version(facts, node.name, component) for component in CONTROL_PLANE_COMPONENTS}
            known = {component: v for component, v in versions.items() if not isinstance(v, Unknown)}
            for component, version in versions.items():
                if isinstance(version, Unknown):
                    yield Finding(Level.BLOCKER, f"{component}: {version.reason}", node=node.name)
            apiserver = known.pop("kube-apiserver", None)
            if apiserver is not None:
                apiservers[node.name] = apiserver
                yield from _beside(node.name, known, apiserver)
        if apiservers:
            yield from _across(facts, aim, min(apiservers.values()), max(apiservers.values()))


def _beside(node: str, components: Mapping[str, Version], apiserver: Version) -> Iterator[Finding]:
    """Kubeadm points controller-manager and scheduler at the API server on their own node."""
    for component, version in components.items():
        problem = lag_problem(component, version, apiserver, CONTROLLER_MAY_LAG)
        if problem:
            yield Finding(Level.BLOCKER, problem, node=node, fix=f"bring {component} to {apiserver} first")


def _across(facts: Facts, aim: Aim, oldest: Version, newest: Version) -> Iterator[Finding]:
    if newest.minors_above(oldest) > APISERVERS_MAY_DIFFER:
        yield Finding(Level.BLOCKER, f"API servers are at {oldest} and {newest}, more than one minor apart")
    found: list[tuple[str | None, str, Version, int]] = [
        (node.name, "kubelet", node.kubelet, KUBELET_MAY_LAG) for node in facts.nodes
    ]
    if not isinstance(facts.kube_proxy, Unknown):
        found.append((None, "kube-proxy", facts.kube_proxy, KUBE_PROXY_MAY_LAG))
    for node, component, version, may_lag in found:
        if version.minors_above(oldest) > 0:
            message = f"{component} {version} is newer than an API server at {oldest}, until this upgrade is done"
            yield Finding(Level.WARN, message, node=node)
        # further stops are the plan's: it brings kubelets along before they lag too far
        following = max(newest, next_stop(oldest, aim.target))
        problem = lag_problem(component, version, max(following, version), may_lag)
        if problem:
            fix = f"bring {component} within {may_lag} minors of {following.line} first"
            yield Finding(Level.BLOCKER, problem, node=node, fix=fix)


def _version(facts: Facts, node: str, component: str) -> Version | Unknown:
    pods = [pod for pod in facts.static_pods if pod.node == node and pod.component == component]
    if len(pods) != 1:
        return Unknown(f"the API shows {len(pods)} pods of it")
    return image_version(pods[0].image) or Unknown(f"its image {pods[0].image} has no version for a tag")
