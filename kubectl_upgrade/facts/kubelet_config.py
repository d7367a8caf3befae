"""KubeletConfiguration of the cluster, from the ConfigMap kube-system/kubelet-config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from kubectl_upgrade.model.errors import PreflightError
from kubectl_upgrade.model.given import Given, given

if TYPE_CHECKING:
    from kubectl_upgrade.world import Json

PATH = "/api/v1/namespaces/kube-system/configmaps/kubelet-config"


def fail_cgroup_v1(config_map: Json) -> bool:
    """Its failCgroupV1; true when left out, which is the default since 1.35."""
    return bool(_configuration(config_map).get("failCgroupV1", True))


def fail_swap_on(config_map: Json) -> bool:
    """Its failSwapOn; true when left out."""
    return bool(_configuration(config_map).get("failSwapOn", True))


def server_tls_bootstrap(config_map: Json) -> bool:
    """Its serverTLSBootstrap: kubelets ask the cluster to sign their serving certificates."""
    return bool(_configuration(config_map).get("serverTLSBootstrap", False))


def feature_gates(config_map: Json) -> Given:
    """Those that every kubelet gets."""
    return given("kubelet", "featureGates", (), _configuration(config_map)["featureGates"])


def _configuration(config_map: Json) -> dict[str, Any]:
    try:
        configuration = yaml.load(config_map["data"]["kubelet"], yaml.CSafeLoader)
        return {**configuration, "featureGates": {**(configuration.get("featureGates") or {})}}
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PreflightError(
            f"reading KubeletConfiguration in the ConfigMap kube-system/kubelet-config: {error}",
            "kubeadm cannot upgrade from it either; put it right: kubectl -n kube-system edit cm kubelet-config",
        ) from error
