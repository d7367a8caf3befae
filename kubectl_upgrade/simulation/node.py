"""A modelled machine: what is on its disk, what runs, what this tool left there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from kubectl_upgrade.simulation.health import Health
from kubectl_upgrade.simulation.releases import CGROUP_V1_REFUSED_SINCE, unknown_flags

if TYPE_CHECKING:
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.world import Fence

KUBERNETES_PACKAGES = ("kubeadm", "kubelet", "kubectl")


@dataclass(slots=True, kw_only=True)
class StaticPod:
    """A control-plane component: its manifest on disk, and what the kubelet runs of it."""

    manifest_image: str
    manifest_hash: str
    """sha256:…"""
    image: str
    """of the container that runs or ran last"""
    running: bool = True
    replaced: bool = False
    """by another at this moment: its manifest, or the kubelet's minor, is new"""
    by_hand: list[str] = field(default_factory=list)
    """flags that somebody wrote into the manifest and nowhere else"""


@dataclass(slots=True, kw_only=True, eq=False)
class Unit:
    """A detached action."""

    name: str
    action: str
    args: tuple[str, ...]
    boot_id: str
    started: int
    """seconds since 1970"""
    output: bytearray = field(default_factory=bytearray)
    exit_code: int | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """set when it exited or was interrupted"""

    @property
    def state(self) -> Literal["running", "exited", "interrupted"]:
        if self.exit_code is not None:
            return "exited"
        return "interrupted" if self.ended.is_set() else "running"


@dataclass(slots=True, kw_only=True)
class Kubelet:
    """The kubelet that runs; the one on disk is its package."""

    version: Version
    reported: Version
    """in the Node's status, which lags some seconds behind"""
    active: bool = True
    restarts: int = 0
    kubeadm_flags: list[str] = field(default_factory=list)
    """KUBELET_KUBEADM_ARGS in /var/lib/kubelet/kubeadm-flags.env, which kubeadm writes"""
    extra_flags: list[str] = field(default_factory=list)
    """KUBELET_EXTRA_ARGS in /etc/default/kubelet, which a person writes"""
    gates: list[str] = field(default_factory=list)
    """featureGates in /var/lib/kubelet/config.yaml, which kubeadm writes from kubelet-config"""
    fail_cgroup_v1: bool = True
    """failCgroupV1 in /var/lib/kubelet/config.yaml, Kubernetes' default since 1.35"""
    log: tuple[str, ...] = ()
    conf_via_endpoint: bool = False
    """kubelet.conf names the cluster's endpoint, where kubeadm since 1.33 writes the node's own API server"""
    via_endpoint: bool = False
    """what stood there when it started"""

    def files(self) -> dict[str, list[str]]:
        """The flags in each file that its unit reads."""
        return {
            "/var/lib/kubelet/kubeadm-flags.env": self.kubeadm_flags,
            "/etc/default/kubelet": self.extra_flags,
        }


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """One machine. Its Node object lies in the API's store; what the API shows of its state comes from here."""

    name: str
    address: str
    control_plane: bool
    boot_id: str
    machine_id: str
    host_key: str
    kubelet: Kubelet
    packages: dict[str, Version]
    """kubeadm, kubelet, kubectl → version on disk"""
    repository: str
    """v1.34"""
    held: list[str] = field(default_factory=lambda: list(KUBERNETES_PACKAGES))
    os_id: str = "debian"
    os_version: str = "12"
    cgroup: Literal["v1", "v2"] = "v2"
    runtime: str = "containerd://2.3.0"
    kernel: str = "6.1.0-28-amd64"
    patches: Literal["none", "standard"] = "none"
    patches_hash: str = f"sha256:{'0' * 64}"
    """of what is in the folder of patches, when they are standard"""
    admin_conf: bool = False
    health: Health = field(default_factory=Health)
    static_pods: dict[str, StaticPod] = field(default_factory=dict)
    etcd_member: str = ""
    """id, hexadecimal; empty without stacked etcd"""
    etcd_alarms: list[str] = field(default_factory=list)
    """NOSPACE, CORRUPT"""
    etcd_database: int = 25_000_000
    """bytes"""
    other_manifests: dict[str, str] = field(default_factory=dict)
    """file beside kubeadm's → name of the pod in it"""
    certificates_made: float = 0
    """when kubeadm last signed them, by the model's clock"""
    deprecated_apis: list[str] = field(default_factory=list)
    """labels of its API server's metric apiserver_requested_deprecated_apis"""
    up: bool = True
    boots: int = 1
    cut_until: float = 0
    """no ssh before this time"""
    cuts: int = 0
    """how often all ssh connections to it were lost"""
    heartbeat_lost: float | None = None
    """when its kubelet last reached an API server, None while it does"""
    bundle: bool = False
    fence: Fence | None = None
    units: dict[str, Unit] = field(default_factory=dict)
    lacks: set[str] = field(default_factory=set)
    """bare versions, and tags of etcd, that this node's mirrors do not offer (yet)"""
    fetched: set[Version] = field(default_factory=set)
    """versions whose packages lie in the run's folder"""
    kept_kubelet: Version | None = None
    """the package there to which a kubelet goes back"""
    stepped_back: bool = False
    """it has, and the new one was not installed since"""
    images: set[Version] = field(default_factory=set)
    """Kubernetes versions whose images are there"""
    etcd_images: set[str] = field(default_factory=set)
    """tags of etcd's that were pulled beside those"""
    kept_manifests: dict[str, str] = field(default_factory=dict)
    """component → sha256:…, as the run's kubeadm left them"""
    backups: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """run8-version → file → content; they stay when the run is over"""
    kept_server: bool = False
    """the run keeps the server that kubelet.conf named before"""
    work: list[asyncio.Task[None]] = field(default_factory=list)
    """what a reboot takes down: actions, and replacements of static pods by the kubelet"""

    def running(self, component: str) -> bool:
        return component in self.static_pods and self.static_pods[component].running

    def refused_flag(self, version: Version) -> str | None:
        """A flag that a kubelet of this version does not know, with the file that holds it; None when it knows all."""
        for file, flags in self.kubelet.files().items():
            for flag in unknown_flags(version, flags):
                return f"unknown flag: {flag} (in {file})"
        return None

    def why_kubelet_refuses(self, version: Version) -> str | None:
        """Why a kubelet of this version would not start here; None when it would."""
        if self.cgroup == "v1" and version.minor >= CGROUP_V1_REFUSED_SINCE and self.kubelet.fail_cgroup_v1:
            return "kubelet is configured to not run on a host using cgroup v1 (failCgroupV1)"
        return self.refused_flag(version)
