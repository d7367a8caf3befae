"""Save etcd and /etc/kubernetes on the node's own disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.version import Version
from kubectl_upgrade.steps.base import Action, Step

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import ClusterConfiguration
    from kubectl_upgrade.steps.base import NodeTarget

# longer than the action gives etcdctl and etcdutl together
_LIMIT_SECONDS = 6000


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupEtcd(Step):
    """Each control plane saves a snapshot from its own etcd member and its own /etc/kubernetes, so that every one of
    them can bring the cluster back (docs/recovery.md) and no Secret travels. The backup stays when the run is over.
    """

    NAME: ClassVar[str] = "backup-etcd"
    TITLE: ClassVar[str] = "back up etcd and /etc/kubernetes"
    UNDO: ClassVar[str | None] = "nothing to take back: the backup disturbs nothing and stays on the node"

    HARMLESS: ClassVar[bool] = True

    version: Version
    """that the hop goes to: part of the backup's name"""

    def action(self, target: NodeTarget, configuration: ClusterConfiguration) -> Action:
        del target, configuration
        return Action("backup-etcd", (str(self.version),), _LIMIT_SECONDS)

    def by_hand(self, target: NodeTarget) -> str:
        del target
        return (
            "sudo crictl exec $(sudo crictl ps -q --name '^etcd$') etcdctl --cacert /etc/kubernetes/pki/etcd/ca.crt "
            "--cert /etc/kubernetes/pki/etcd/healthcheck-client.crt "
            "--key /etc/kubernetes/pki/etcd/healthcheck-client.key snapshot save /var/lib/etcd/snapshot.db"
        )
