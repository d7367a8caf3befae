"""Pull one etcd to the node before its member moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.types import EtcdTag
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.steps.base import Action, Step
from kubectl_upgrade.steps.pull_images import arguments

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import ClusterConfiguration
    from kubectl_upgrade.steps.base import NodeTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class PullEtcd(Step):
    """By the kubeadm that is installed, through the runtime, with its mirrors, proxies and credentials: etcd's image is
    the only one of its version that is not there yet.
    """

    NAME: ClassVar[str] = "pull-etcd"
    TITLE: ClassVar[str] = "pull etcd's image"
    UNDO: ClassVar[str | None] = "the kubelet removes images that nobody uses"
    HARMLESS: ClassVar[bool] = True

    version: Version
    """of the control plane as it is"""
    tag: EtcdTag

    def action(self, target: NodeTarget, configuration: ClusterConfiguration) -> Action:
        del target
        return Action("pull-images", arguments(self.version, self.tag, configuration, "control-plane"), 1800)
