"""Nothing in the cluster is newer than the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.facts.static_pods import image_version
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.names import CONTROL_PLANE_COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts


class VersionsAtMostTarget:
    """Something newer would be downgraded, which Kubernetes does not support."""

    NAME: ClassVar[str] = "versions-at-most-target"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = False

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        found = [(node.name, "kubelet", node.kubelet) for node in facts.nodes]
        for pod in facts.static_pods:
            version = image_version(pod.image)
            if pod.component in CONTROL_PLANE_COMPONENTS and version is not None:
                found.append((pod.node, pod.component, version))
        for name, component, version in found:
            if version > aim.target:
                yield Finding(
                    Level.BLOCKER,
                    f"{component} is at {version}, above the target {aim.target}",
                    node=name,
                    fix=f"choose a target of at least {version}",
                )
