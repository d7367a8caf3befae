"""KubeletConfiguration of the cluster, from the ConfigMap kube-system/kubelet-config."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from kubectl_upgrade.model.errors import PreflightError

if TYPE_CHECKING:
    from kubectl_upgrade.world import Json

PATH = "/api/v1/namespaces/kube-system/configmaps/kubelet-config"


def fail_cgroup_v1(config_map: Json) -> bool:
    """Its failCgroupV1; true when left out, which is the default since 1.35."""
    return _true_unless_set(config_map, "failCgroupV1")


def fail_swap_on(config_map: Json) -> bool:
    """Its failSwapOn; true when left out."""
    return _true_unless_set(config_map, "failSwapOn")


def _true_unless_set(config_map: Json, field: str) -> bool:
    try:
        configuration = yaml.load(config_map["data"]["kubelet"], yaml.CSafeLoader)
        return bool(configuration.get(field, True))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise PreflightError(
            f"reading KubeletConfiguration in the ConfigMap kube-system/kubelet-config: {error}",
            "kubeadm cannot upgrade from it either; put it right: kubectl -n kube-system edit cm kubelet-config",
        ) from error
