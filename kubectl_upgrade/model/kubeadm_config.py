"""What a cluster's kubeadm was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kubectl_upgrade.model.etcd import EtcdPin
from kubectl_upgrade.model.given import Given
from kubectl_upgrade.model.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeadmConfig:
    """ClusterConfiguration from the ConfigMap kube-system/kubeadm-config, chosen fields."""

    cluster_name: str
    kubernetes_version: Version
    control_plane_endpoint: str
    image_repository: str
    etcd: Literal["stacked", "external"]
    etcd_image_tag: str
    etcd_image_repository: str = "none"
    dns_image_repository: str = "none"
    dns_image_tag: str = "none"
    api_version: str = "kubeadm.k8s.io/v1beta4"
    """as it is written; empty when it is left out"""
    dns_disabled: bool = False
    proxy_disabled: bool = False
    """kubeadm leaves the add-on alone"""
    etcd_tag_settable: bool = True
    """etcd.local is written as kubeadm writes it, so that a tag can be put there and nothing else changes"""
    etcd_pin: EtcdPin = field(default_factory=EtcdPin)
    """whose etcd_image_tag is, when a run has set it"""
    given: tuple[Given, ...] = ()
    """extraArgs of its components, and feature gates of kubeadm itself"""
