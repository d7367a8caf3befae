"""Pull the images of one version to the node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from kubectl_upgrade.model.plan import ControlPlane
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.steps.base import Action, Step

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import ClusterConfiguration
    from kubectl_upgrade.steps.base import NodeTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class PullImages(Step):
    """On a control plane all images that the new kubeadm names, on a worker kube-proxy and pause."""

    NAME: ClassVar[str] = "pull-images"
    TITLE: ClassVar[str] = "pull images"
    UNDO: ClassVar[str | None] = "the kubelet removes images that nobody uses"
    HARMLESS: ClassVar[bool] = True

    version: Version

    def action(self, target: NodeTarget, configuration: ClusterConfiguration) -> Action:
        etcd = "external" if configuration.etcd == "external" else configuration.etcd_image_tag
        role: Literal["control-plane", "worker"] = "control-plane" if isinstance(target, ControlPlane) else "worker"
        return Action("pull-images", arguments(self.version, etcd, configuration, role), 1800)


def arguments(
    version: Version, etcd: str, configuration: ClusterConfiguration, role: Literal["control-plane", "worker"]
) -> tuple[str, ...]:
    """As the action takes them; `etcd`: its tag, `none` for kubeadm's own, or `external`."""
    pins = {
        "etcd-repository": configuration.etcd_image_repository,
        "dns-repository": configuration.dns_image_repository,
        "dns-tag": configuration.dns_image_tag,
    }
    pinned = [f"{name}={value}" for name, value in pins.items() if value != "none"]
    return (str(version), configuration.image_repository, etcd, role, *pinned)
