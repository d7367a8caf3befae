"""The actions of node/actions, as effects on a modelled node; the seconds are the lab's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation import kubeadm
from kubectl_upgrade.simulation.faults import UnplannedError
from kubectl_upgrade.simulation.power import start_kubelet
from kubectl_upgrade.simulation.releases import release
from kubectl_upgrade.simulation.running import ActionFailedError

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


async def kubelet_via_endpoint(running: Running, host: str, port: str) -> None:
    """Let the kubelet talk to the endpoint, unless that is this very node or nobody answers there."""
    node, kubelet = running.node, running.node.kubelet
    async with running.phase("look"):
        await running.takes(0.5)
        if not node.kept_server and (
            kubelet.conf_via_endpoint or host == node.address or not running.cluster.serving()
        ):
            running.say(f"kubelet.conf stays as it is: {host}:{port} is where the kubelet is, or does not answer")
            return
        node.kept_server = True
    async with running.phase("restart"):
        kubelet.conf_via_endpoint = True
        start_kubelet(running.cluster, node)
        await running.takes(2)
        running.say(f"the kubelet talks to https://{host}:{port} until kubeadm is done here")


async def kubelet_via_own_apiserver(running: Running) -> None:
    """Put back what the run keeps."""
    node = running.node
    if not node.kept_server:
        running.say("nothing to put back: this run did not change which server the kubelet talks to")
        return
    async with running.phase("restart"):
        node.kubelet.conf_via_endpoint = False
        start_kubelet(running.cluster, node)
        await running.takes(2)
    node.kept_server = False
    running.say(f"the kubelet talks to https://{node.address}:6443")


# action → its model, and the pattern of each argument
ACTIONS: dict[str, tuple[Model, tuple[str, ...]]] = {
    "apt-install-kubeadm": (apt_install_kubeadm, (_BARE, r"v1\.[0-9]+")),
    "apt-install-kubelet": (apt_install_kubelet, (_BARE,)),
    "kubeadm-apply": (kubeadm.apply, (_VERSION, _PATCHES, _ERRORS)),
    "kubeadm-node": (kubeadm.node, (_PATCHES, _ERRORS)),
    "kubelet-via-endpoint": (kubelet_via_endpoint, (r"[A-Za-z0-9][A-Za-z0-9.:-]{0,252}", r"[1-9][0-9]{0,4}")),
    "kubelet-via-own-apiserver": (kubelet_via_own_apiserver, ()),
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
