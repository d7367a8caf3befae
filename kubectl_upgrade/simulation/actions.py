"""The actions of node/actions, as effects on a modelled node; the seconds are the lab's."""

from __future__ import annotations

import asyncio
import re
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation import kubeadm
from kubectl_upgrade.simulation.faults import UnplannedError
from kubectl_upgrade.simulation.power import start_kubelet
from kubectl_upgrade.simulation.releases import release
from kubectl_upgrade.simulation.running import ActionFailedError
from kubectl_upgrade.world import BACKUP_PARTS, BACKUP_SUMS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from kubectl_upgrade.simulation.running import Running

Model: TypeAlias = "Callable[..., Awaitable[None]]"

_PASSED_ON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._,:=+/-]{0,255}")
_BARE = r"[0-9]+\.[0-9]+\.[0-9]+"
_VERSION = rf"v{_BARE}"
_PATCHES = r"none|standard"
_ERRORS = r"[A-Za-z][A-Za-z0-9,-]*"

REFUSED = 1
# backup-etcd looks so often for the member, which is up later than the node after a reboot
_ETCD_LOOKS, _ETCD_LOOK_SECONDS = 100, 3


async def apt_install_kubeadm(running: Running, version: str, line: str) -> None:
    """Switch the repository to the minor when it serves another, and install kubeadm."""
    node, wanted = running.node, Version.parse(version)
    async with running.phase("repository"):
        if node.repository != line:
            running.say(f"repository: {node.repository} -> {line}")
            node.repository = line
            await running.takes(1)
    async with running.phase("install"):
        await _install(running, wanted, "kubeadm")


async def apt_install_kubelet(running: Running, version: str) -> None:
    """Install kubelet and kubectl, unless the new kubelet would not know a flag that this node gives it."""
    node, wanted = running.node, Version.parse(version)
    async with running.phase("flags"):
        await running.takes(1)
        refusal = node.refused_flag(wanted)
        if refusal is not None:
            raise ActionFailedError(REFUSED, f"kubelet {wanted} would not start: {refusal}; nothing was changed")
    async with running.phase("install"):
        await _install(running, wanted, *(package for package in ("kubelet", "kubectl") if package in node.packages))


async def _install(running: Running, version: Version, *packages: str) -> None:
    node, words = running.node, f"{' and '.join(packages)} {version.bare}"
    if all(node.packages[package] == version for package in packages):
        running.say(f"installed already: {words}")
        return
    if node.repository != version.line:
        raise ActionFailedError(REFUSED, f"not in the repository {node.repository}: {words}")
    await running.takes(2, 4)
    node.packages.update(dict.fromkeys(packages, version))
    running.say(f"installed: {words}")


async def restart_kubelet(running: Running, version: str) -> None:
    """Restart, and see the kubelet active and healthy."""
    node, wanted = running.node, Version.parse(version)
    if node.packages["kubelet"] != wanted:
        raise ActionFailedError(REFUSED, f"the kubelet on disk is {node.packages['kubelet']}, not {wanted}")
    async with running.phase("restart"):
        await running.takes(1)
        refusal = start_kubelet(running.cluster, node)
    async with running.phase("healthy"):
        if refusal is not None:
            await running.takes(60)
            raise ActionFailedError(REFUSED, "\n".join(("the kubelet does not stay up:", *node.kubelet.log)))
        await running.takes(3)
        running.say(f"kubelet {wanted} is active and healthy")


async def backup_etcd(running: Running, version: str) -> None:
    """Save etcd and the node's files, unless this run has them already."""
    node, name = running.node, f"{running.run8}-{version}"
    if name not in node.backups:
        for _ in range(_ETCD_LOOKS):
            if node.running("etcd"):
                break
            await asyncio.sleep(_ETCD_LOOK_SECONDS)
        else:
            raise ActionFailedError(REFUSED, "etcd is not running")
        async with running.phase("snapshot"):
            await running.takes(2, 4)
        parts = {part: f"{part} of {node.name}, {name}\n".encode() for part in BACKUP_PARTS}
        sums = "".join(f"{sha256(content).hexdigest()}  {part}\n" for part, content in parts.items())
        node.backups[name] = {**parts, BACKUP_SUMS: sums.encode()}
    running.say(f"saved: /var/backups/upgrade-cp/{name}")


# action → its model, and the pattern of each argument
ACTIONS: dict[str, tuple[Model, tuple[str, ...]]] = {
    "apt-install-kubeadm": (apt_install_kubeadm, (_BARE, r"v1\.[0-9]+")),
    "apt-install-kubelet": (apt_install_kubelet, (_BARE,)),
    "backup-etcd": (backup_etcd, (_VERSION,)),
    "kubeadm-apply": (kubeadm.apply, (_VERSION, _PATCHES, _ERRORS)),
    "kubeadm-node": (kubeadm.node, (_PATCHES, _ERRORS)),
    "restart-kubelet": (restart_kubelet, (_VERSION,)),
}


def model_of(action: str, args: Sequence[str]) -> Model:
    """The action's model; UnplannedError for an unknown action or an argument that it would refuse."""
    if action not in ACTIONS:
        raise UnplannedError(f"no such action is modelled: {action}")
    model, patterns = ACTIONS[action]
    fit = len(args) == len(patterns) and all(map(re.fullmatch, patterns, args)) and all(map(_PASSED_ON.fullmatch, args))
    if not fit:
        raise UnplannedError(f"{action} does not take the arguments {' '.join(map(repr, args))}")
    for arg in args:
        if re.fullmatch(rf"v?{_BARE}", arg):
            release(Version.parse(arg))
    return model
