"""Components go together now, and will at the target."""

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
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.version import Version


class VersionSkew:
    """A kubelet too old for the new API server drops out the moment that server comes up. Half way through, the oldest
    API server is the ceiling for everything and the target is the newest.
    """

    NAME: ClassVar[str] = "version-skew"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        by_component: dict[str, list[tuple[str, Version]]] = {}
        for node in facts.control_planes:
            for component in CONTROL_PLANE_COMPONENTS:
                version = _version(facts, node.name, component)
                if isinstance(version, Unknown):
                    yield Finding(Level.BLOCKER, f"{component}: {version.reason}", node=node.name)
                else:
                    by_component.setdefault(component, []).append((node.name, version))
        apiservers = [version for _, version in by_component.get("kube-apiserver", [])]
        if not apiservers:
            return
        oldest, newest = min(apiservers), max(apiservers)
        if newest.minors_above(oldest) > APISERVERS_MAY_DIFFER:
            yield Finding(Level.BLOCKER, f"API servers are at {oldest} and {newest}, more than one minor apart")
        for component in CONTROL_PLANE_COMPONENTS[1:]:
            for name, version in by_component.get(component, []):
                yield from _judge(name, component, version, (oldest, max(newest, aim.target)), CONTROLLER_MAY_LAG)
        for node in facts.nodes:
            yield from _judge(node.name, "kubelet", node.kubelet, (oldest, max(newest, aim.target)), KUBELET_MAY_LAG)
        if not isinstance(facts.kube_proxy, Unknown):
            yield from _judge(
                None, "kube-proxy", facts.kube_proxy, (oldest, max(newest, aim.target)), KUBE_PROXY_MAY_LAG
            )


def _judge(
    name: str | None, component: str, version: Version, apiservers: tuple[Version, Version], may_lag: int
) -> Iterator[Finding]:
    """Not newer than the oldest API server, not too far behind the newest that there will be."""
    oldest, newest = apiservers
    problem = lag_problem(component, version, oldest, may_lag) or lag_problem(component, version, newest, may_lag)
    if problem:
        yield Finding(
            Level.BLOCKER, problem, node=name, fix=f"bring {component} within {may_lag} minor(s) of {newest} first"
        )


def _version(facts: Facts, node: str, component: str) -> Version | Unknown:
    pods = [pod for pod in facts.static_pods if pod.node == node and pod.component == component]
    if len(pods) != 1:
        return Unknown(f"the API shows {len(pods)} pods of it")
    return image_version(pods[0].image) or Unknown(f"its image {pods[0].image} has no version for a tag")
