"""Upgrade the first control-plane node with `kubeadm upgrade apply`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from kubectl_upgrade.model.plan import ControlPlane
from kubectl_upgrade.model.types import KubeadmError, Range
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.steps.base import Action, Step
from kubectl_upgrade.steps.proof import older_manifest

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import HostFacts
    from kubectl_upgrade.model.plan import ClusterConfiguration
    from kubectl_upgrade.steps.base import NodeTarget

# kubeadm's own limits: preflight and image pull, then upgradeManifests 5 min for each of 4 static pods, its rollback of
# one, kubelet-config and add-ons (kubeadm-config.v1beta4, Timeouts); ours lies above their sum
LIMIT_SECONDS = 2700


# terminationGracePeriodSeconds of a static pod that says nothing of it: what the kubelet gives the old API server
KUBELETS_GRACE = 30
Grace = Annotated[int, Range(5, KUBELETS_GRACE)]


def ignored(errors: tuple[str, ...]) -> str:
    """As the actions take it: the names joined, or `none`."""
    return ",".join(errors) or "none"


def further_arguments(target: NodeTarget, *, grace_seconds: int, nudge: bool) -> tuple[str, ...]:
    """As the actions take them: nothing where the kubelet's own pace stays, and on workers."""
    if not isinstance(target, ControlPlane):
        return ()
    grace = (f"apiserver-grace={grace_seconds}",) if grace_seconds < KUBELETS_GRACE else ()
    return (*grace, "nudge-kubelet=yes") if nudge else grace


def kubeadm_upgrade(command: str, target: NodeTarget, errors: tuple[str, ...]) -> str:
    """What a person would type on the node."""
    patches = " --patches /etc/kubernetes/patches" if target.patches == "standard" else ""
    accepted = f" --ignore-preflight-errors={ignored(errors)}" if errors else ""
    return f"sudo kubeadm upgrade {command}{patches}{accepted}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeadmApply(Step):
    """Move the cluster's configuration and this node's static pods to the version. kubeadm's work is never undone."""

    NAME: ClassVar[str] = "kubeadm-apply"
    TITLE: ClassVar[str] = "kubeadm upgrade apply"
    CHANGES: ClassVar[frozenset[str]] = frozenset({"apiserver", "controllerManager", "scheduler", "etcd", "manifests"})

    version: Version
    ignore_preflight_errors: tuple[KubeadmError, ...] = ()
    apiserver_grace_seconds: Grace = KUBELETS_GRACE
    """the old API server is told a second time to end, so long after it has closed its port"""
    nudge_kubelet: bool = False
    """the kubelet starts a static pod when its predecessor is gone, not when it next looks, 10 to 15 s later"""

    def action(self, target: NodeTarget, configuration: ClusterConfiguration) -> Action:
        del configuration
        args = (str(self.version), target.patches, ignored(self.ignore_preflight_errors))
        pins = further_arguments(target, grace_seconds=self.apiserver_grace_seconds, nudge=self.nudge_kubelet)
        return Action("kubeadm-apply", (*args, *pins), LIMIT_SECONDS)

    def contradiction(self, host: HostFacts) -> str | None:
        return older_manifest(host, self.version)

    def by_hand(self, target: NodeTarget) -> str:
        return kubeadm_upgrade(f"apply {self.version} --yes", target, self.ignore_preflight_errors)
