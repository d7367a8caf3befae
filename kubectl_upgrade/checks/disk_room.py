"""Every node has room for what the upgrade puts there."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.etcd_way import etcd_ways
from kubectl_upgrade.checks.systems import systems
from kubectl_upgrade.model.facts import Etcd
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.node_health import BACKUPS_FOLDER, KUBEADM_FOLDER, PACKAGES_FOLDER, PROGRAMS_FOLDER
from kubectl_upgrade.model.skew import KUBELET_MAY_LAG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts, HostFacts, NodeObject
    from kubectl_upgrade.model.node_health import System

# MiB, rather too small: the steps themselves measure what they need before they begin, to the byte.
# kubeadm, kubelet, kubectl as packages (60), two of them unpacked (140)
_PACKAGES = 200
# dpkg writes a program beside its predecessor
_PROGRAMS = 80
# compressed and unpacked: API server, controller manager, scheduler, etcd, CoreDNS; on a worker kube-proxy
_IMAGES_OF_CONTROL_PLANE = 450
_IMAGES_OF_WORKER = 80
# beside the database: kubeadm copies etcd's log with it, and /etc/kubernetes is saved too
_BACKUP_MARGIN = 64
_MIB = 1 << 20
_OURS = {PACKAGES_FOLDER: _PACKAGES, PROGRAMS_FOLDER: _PROGRAMS}


class DiskRoom:
    """A disk that fills while etcd's data are copied stops etcd itself; one that fills while images are pulled makes
    the kubelet evict pods and delete images, those of the way back too. kubeadm does not look.
    """

    NAME: ClassVar[str] = "disk-room"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        # one after the other, and what they leave adds up: kubelets delete images only when a disk is nearly full
        hops = max(1, aim.target.minors_above(facts.kubeadm_config.kubernetes_version))
        ways = etcd_ways(facts, aim.target) if aim.etcd_tags is None else aim.etcd_tags
        for node, host, system in systems(facts):
            if not system.rooms:
                yield Finding(Level.WARN, "how much room is on its disks is not known: df did not answer", node.name)
            yield from _judge(node, host, system, hops, hops + len(ways))


def _judge(node: NodeObject, host: HostFacts, system: System, hops: int, moves: int) -> Iterator[Finding]:
    """`moves`: of etcd; kubeadm copies its data before each."""
    free: dict[str, int] = {}
    wanted = defaultdict[str, dict[str, int]](dict)
    for room in system.rooms:
        free[room.mount] = room.mib
        for what, mib in _needs(room.folder, node, host, hops, moves).items():
            wanted[room.mount][what] = wanted[room.mount].get(what, 0) + mib
    for mount, needs in wanted.items():
        needed = sum(needs.values())
        if free[mount] < needed:
            parts = ", ".join(f"{what} {mib}" for what, mib in needs.items())
            yield Finding(
                Level.BLOCKER,
                f"the file system {mount} has {free[mount]} MiB free, the upgrade needs {needed} ({parts})",
                node.name,
                "make room there: images that nobody uses (crictl rmi --prune), old backups of kubeadm (in tmp of"
                f" {KUBEADM_FOLDER}) and of this tool ({BACKUPS_FOLDER}/upgrade-cp), journals",
            )


def _needs(folder: str, node: NodeObject, host: HostFacts, hops: int, moves: int) -> dict[str, int]:
    if folder in _OURS:
        return {"packages": _OURS[folder]}
    if folder not in {KUBEADM_FOLDER, BACKUPS_FOLDER}:
        # a worker stops as seldom as the skew policy lets it, and no more than every third time
        stops = hops if node.control_plane else -(-hops // KUBELET_MAY_LAG)
        return {"images": stops * (_IMAGES_OF_CONTROL_PLANE if node.control_plane else _IMAGES_OF_WORKER)}
    if not isinstance(host.etcd, Etcd):
        return {}  # it is elsewhere, or node-answers says that it does not answer
    database = -(-host.etcd.db_size // _MIB)
    copies = hops * (database + _BACKUP_MARGIN) if folder == BACKUPS_FOLDER else moves * database
    return {"copies of etcd": copies}
