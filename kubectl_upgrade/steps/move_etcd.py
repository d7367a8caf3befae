"""Bring this node's etcd member to the tag that kubeadm was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.etcd import etcd_version
from kubectl_upgrade.model.facts import ManifestFiles
from kubectl_upgrade.model.types import EtcdTag
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.steps.base import Action, Step
from kubectl_upgrade.steps.kubeadm_apply import LIMIT_SECONDS, kubeadm_upgrade

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import HostFacts
    from kubectl_upgrade.model.plan import ClusterConfiguration
    from kubectl_upgrade.steps.base import NodeTarget

_COMMAND = "node phase control-plane --certificate-renewal=false"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveEtcd(Step):
    """`kubeadm upgrade node phase control-plane` of the version that runs: it writes etcd's manifest anew with the tag,
    after it has copied the data, waits, and goes back when etcd does not come up; an etcd that is newer stays. It
    writes the other manifests anew as well where they are not what it renders: a plan has this step only where they
    were. No certificate is renewed
    (https://github.com/kubernetes/kubernetes/blob/v1.33.9/cmd/kubeadm/app/phases/upgrade/staticpods.go).
    """

    NAME: ClassVar[str] = "move-etcd"
    TITLE: ClassVar[str] = "move etcd to the tag"
    CHANGES: ClassVar[frozenset[str]] = frozenset({"etcd", "manifests"})

    version: Version
    """of the control plane as it is, and of the kubeadm on the node"""
    tag: EtcdTag

    def action(self, target: NodeTarget, configuration: ClusterConfiguration) -> Action:
        del configuration
        return Action(self.NAME, (str(self.version), self.tag, target.patches), LIMIT_SECONDS)

    def contradiction(self, host: HostFacts) -> str | None:
        if not isinstance(host.manifests, ManifestFiles):
            return None
        image = host.manifests.images.get("etcd", "")
        found, wanted = etcd_version(image.rpartition(":")[2]), etcd_version(self.tag)
        older = found is not None and wanted is not None and found < wanted
        return f"the manifest of etcd names {image}, not {self.tag}" if older else None

    def by_hand(self, target: NodeTarget) -> str:
        return kubeadm_upgrade(_COMMAND, target, ())
