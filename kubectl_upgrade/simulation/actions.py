"""The actions of node/actions, as effects on a modelled node; the seconds are the lab's."""

from __future__ import annotations

import asyncio
import re
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation import kubeadm
from kubectl_upgrade.simulation.etcd_images import why_refused
from kubectl_upgrade.simulation.faults import UnplannedError
from kubectl_upgrade.simulation.power import start_kubelet
from kubectl_upgrade.simulation.releases import release, unknown_flags
from kubectl_upgrade.simulation.running import ActionFailedError
from kubectl_upgrade.world import BACKUP_PARTS, BACKUP_SUMS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from kubectl_upgrade.simulation.running import Running

Model: TypeAlias = "Callable[..., Awaitable[None]]"

_PASSED_ON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._,:=+/-]{0,255}")
_PINS = r"apiserver-grace=([5-9]|[12][0-9])|nudge-kubelet=yes"
_REPOSITORY = r"[a-z0-9._/:-]+"
_BARE = r"[0-9]+\.[0-9]+\.[0-9]+"
_VERSION = rf"v{_BARE}"
_PATCHES = r"none|standard"
_ERRORS = r"[A-Za-z][A-Za-z0-9,-]*"

REFUSED = 1
# backup-etcd looks so often for the member, which is up later than the node after a reboot
_ETCD_LOOKS, _ETCD_LOOK_SECONDS = 100, 3


async def apt_fetch_packages(running: Running, version: str, line: str) -> None:
    """Fetch what will be installed, and what runs now."""
    node, wanted = running.node, Version.parse(version)
    async with running.phase("fetch"):
        if wanted in node.fetched:
            running.say(f"all of {version} was fetched before")
            return
        await running.takes(4, 12)
        _demand_offer(running, wanted, line)
        refusal = unknown_flags(wanted, node.kubelet.extra_flags)
        if refusal:
            raise ActionFailedError(REFUSED, f"kubelet {wanted} would not start: unknown flag: {refusal[0]}")
        node.fetched.add(wanted)
        if node.packages["kubelet"] != wanted:
            node.kept_kubelet = node.packages["kubelet"]
        running.say(f"all of {version} lies on this node now")


def _demand_offer(running: Running, wanted: Version, line: str) -> None:
    if "all" in running.cluster.withdrawn:
        raise ActionFailedError(REFUSED, "apt-get update: Could not connect to the repository")
    if wanted.line != line or wanted.bare in running.cluster.withdrawn | running.node.lacks:
        raise ActionFailedError(REFUSED, f"not in the repository {line}: {wanted.bare}")


async def pull_images(running: Running, version: str, repository: str, etcd: str, role: str, *pins: str) -> None:
    """Pull what a node of this role will run; the images of what the cluster pins are there already."""
    del pins
    node, cluster, wanted = running.node, running.cluster, Version.parse(version)
    further = {etcd} - {"none", "external", cluster.configuration.etcd_tag} - node.etcd_images
    async with running.phase("pull"):
        if wanted not in node.fetched and node.packages["kubeadm"] != wanted:
            raise ActionFailedError(REFUSED, f"there is no kubeadm {version} on this node")
        if wanted in node.images and not further:
            running.say(f"all images of {version} are here")
            return
        much = role == "control-plane" and wanted not in node.images
        await running.takes(12, 26) if much else await running.takes(4, 12)
        if not cluster.registry_up or any(why_refused(cluster, node, tag) for tag in further):
            raise ActionFailedError(REFUSED, f"pulling the images of {version} from {repository}: connection refused")
        node.images.add(wanted)
        node.etcd_images |= further
        running.say(f"the images of {version} are here")


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
        node.stepped_back = False
        await _install(running, wanted, *(package for package in ("kubelet", "kubectl") if package in node.packages))


async def _install(running: Running, version: Version, *packages: str) -> None:
    node, words = running.node, f"{' and '.join(packages)} {version.bare}"
    if all(node.packages[package] == version for package in packages):
        running.say(f"installed already: {words}")
        return
    if version not in node.fetched:
        _demand_offer(running, version, node.repository)
    await running.takes(2, 4)
    node.packages.update(dict.fromkeys(packages, version))
    running.say(f"installed: {words}")


async def restart_kubelet(running: Running, version: str, family: str) -> None:
    """Restart, and see the kubelet active and healthy; else go back to the one that ran before."""
    del family
    node, wanted = running.node, Version.parse(version)
    if node.packages["kubelet"] != wanted:
        raise ActionFailedError(REFUSED, f"the kubelet on disk is {node.packages['kubelet']}, not {wanted}")
    async with running.phase("restart"):
        await running.takes(1)
        refusal = start_kubelet(running.cluster, node)
    async with running.phase("healthy"):
        if refusal is not None:
            await running.takes(60)
            said = "\n".join(("the kubelet does not stay up:", *node.kubelet.log))
            if node.kept_kubelet is None or node.kept_kubelet >= wanted:
                raise ActionFailedError(REFUSED, said)
            node.packages["kubelet"], node.stepped_back = node.kept_kubelet, True
            await running.takes(10)
            again = "is" if start_kubelet(running.cluster, node) is None else "is not"
            raise ActionFailedError(REFUSED, f"{said}\nkubelet {node.kept_kubelet} is back, and {again} healthy")
        await running.takes(3)
        running.say(f"kubelet {wanted} is active, its healthz ok")


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


async def clean_kubelet_flags(running: Running, *flags: str) -> None:
    """Take them out of what kubeadm gave the kubelet; the one that runs was started with what it was started with."""
    kubelet = running.node.kubelet
    async with running.phase("clean"):
        await running.takes(0.2)
        left = [flag for flag in kubelet.kubeadm_flags if flag.partition("=")[0].removeprefix("--") not in flags]
        said = "is cleaned" if left != kubelet.kubeadm_flags else "is clean"
        kubelet.kubeadm_flags = left
        running.say(f"/var/lib/kubelet/kubeadm-flags.env {said}")


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
        await running.takes(3)
    node.kept_server = False
    running.say(f"the kubelet talks to https://{node.address}:6443")


# action → its model, and the pattern of each argument
ACTIONS: dict[str, tuple[Model, tuple[str, ...]]] = {
    "apt-fetch-packages": (apt_fetch_packages, (_BARE, r"v1\.[0-9]+")),
    "apt-install-kubeadm": (apt_install_kubeadm, (_BARE, r"v1\.[0-9]+")),
    "apt-install-kubelet": (apt_install_kubelet, (_BARE,)),
    "backup-etcd": (backup_etcd, (_VERSION,)),
    "clean-kubelet-flags": (clean_kubelet_flags, ("pod-infra-container-image",)),
    "kubeadm-apply": (kubeadm.apply, (_VERSION, _PATCHES, _ERRORS)),
    "kubeadm-node": (kubeadm.node, (_PATCHES, _ERRORS)),
    "kubelet-via-endpoint": (kubelet_via_endpoint, (r"[A-Za-z0-9][A-Za-z0-9.:-]{0,252}", r"[1-9][0-9]{0,4}")),
    "kubelet-via-own-apiserver": (kubelet_via_own_apiserver, ()),
    "move-etcd": (kubeadm.move_etcd, (_VERSION, r"3\.[0-9]{1,3}\.[0-9]{1,3}-[0-9]{1,3}", _PATCHES)),
    "pull-images": (pull_images, (_VERSION, _REPOSITORY, r"[A-Za-z0-9_.-]+", r"control-plane|worker")),
    "restart-kubelet": (restart_kubelet, (_VERSION, r"[a-z]+")),
}


# action → the pattern of arguments that may follow
FURTHER = {
    "pull-images": rf"(etcd|dns)-repository={_REPOSITORY}|dns-tag=[A-Za-z0-9_.-]+",
    "kubeadm-apply": _PINS,
    "kubeadm-node": _PINS,
}


def model_of(action: str, args: Sequence[str]) -> Model:
    """The action's model; UnplannedError for an unknown action or an argument that it would refuse."""
    if action not in ACTIONS:
        raise UnplannedError(f"no such action is modelled: {action}")
    model, patterns = ACTIONS[action]
    more = len(args) - len(patterns) if action in FURTHER else 0
    wanted = [*patterns, *[FURTHER.get(action, "")] * more]
    fit = len(args) == len(wanted) and all(map(re.fullmatch, wanted, args)) and all(map(_PASSED_ON.fullmatch, args))
    if not fit:
        raise UnplannedError(f"{action} does not take the arguments {' '.join(map(repr, args))}")
    for arg in args:
        if re.fullmatch(rf"v?{_BARE}", arg):
            release(Version.parse(arg))
    return model
