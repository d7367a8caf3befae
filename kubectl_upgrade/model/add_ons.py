"""kubeadm's add-ons as their ConfigMaps and workloads have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Maybe


@dataclass(frozen=True, slots=True, kw_only=True)
class CorefilePlugin:
    """A plugin in a server block of a Corefile, with the first word of each line of its own block."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corefile:
    """As kubeadm reads it; CoreDNS reads more."""

    plugins: tuple[CorefilePlugin, ...]
    closed: bool
    """every brace has its counterpart"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A ConfigMap is there, and kubeadm cannot read it."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOns:
    """What kubeadm reads of its add-ons before it upgrades them; None for a ConfigMap that is absent."""

    kube_proxy: Maybe[str | Broken | None]
    """config.conf of the ConfigMap kube-proxy"""
    corefile: Maybe[Corefile | Broken | None]
    """Corefile of the ConfigMap coredns"""
    dns_images: Maybe[tuple[str, ...]]
    """of the first container of each Deployment labelled k8s-app=kube-dns"""
