"""ClusterConfiguration, from the ConfigMap kube-system/kubeadm-config."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import yaml

from kubectl_upgrade.facts.etcd_tag import NONE, is_settable
from kubectl_upgrade.model.errors import PreflightError
from kubectl_upgrade.model.etcd import EtcdPin
from kubectl_upgrade.model.given import Given, given
from kubectl_upgrade.model.kubeadm_config import KubeadmConfig
from kubectl_upgrade.model.names import ETCD_TAG_ANNOTATION
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from kubectl_upgrade.world import Json

PATH = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
# kubeadm.k8s.io/v1beta4, ClusterConfiguration: what a field that is left out means
_IMAGE_REPOSITORY = "registry.k8s.io"
_CLUSTER_NAME = "kubernetes"
_COMPONENTS = {
    "apiServer": "kube-apiserver",
    "controllerManager": "kube-controller-manager",
    "scheduler": "kube-scheduler",
}


def kubeadm_config(config_map: Json) -> KubeadmConfig:
    """Chosen fields; the endpoint is empty when it is not set. PreflightError when it is not what kubeadm writes."""
    try:
        text = config_map["data"]["ClusterConfiguration"]
        found = _parse(yaml.load(text, yaml.CSafeLoader))
        return replace(found, etcd_tag_settable=is_settable(text), etcd_pin=etcd_pin(config_map))
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise PreflightError(
            f"reading ClusterConfiguration in the ConfigMap kube-system/kubeadm-config: {error}",
            "kubeadm cannot upgrade from it either; put it right: kubectl -n kube-system edit cm kubeadm-config",
        ) from error


def etcd_pin(config_map: Json) -> EtcdPin:
    """Whose tag of etcd stands in it."""
    written = ((config_map.get("metadata") or {}).get("annotations") or {}).get(ETCD_TAG_ANNOTATION)
    if not written:
        return EtcdPin()
    run8, set_to, before = (*written.split(), "", "", "")[:3]
    return EtcdPin(run8=run8 or "unknown", set_to=set_to, before=before or NONE)


def _parse(configuration: Any) -> KubeadmConfig:
    configuration = _mapping(configuration, "ClusterConfiguration")
    etcd = _mapping(configuration.get("etcd") or {}, "etcd")
    local = _mapping(etcd.get("local") or {}, "etcd.local")
    dns = _mapping(configuration.get("dns") or {}, "dns")
    kind: Literal["stacked", "external"] = "external" if etcd.get("external") else "stacked"
    return KubeadmConfig(
        cluster_name=_text(configuration, "clusterName") or _CLUSTER_NAME,
        kubernetes_version=Version.parse(_text(configuration, "kubernetesVersion")),
        control_plane_endpoint=_text(configuration, "controlPlaneEndpoint"),
        image_repository=_text(configuration, "imageRepository") or _IMAGE_REPOSITORY,
        etcd=kind,
        etcd_image_tag=_text(local, "imageTag") or "none",
        etcd_image_repository=_text(local, "imageRepository") or "none",
        dns_image_repository=_text(dns, "imageRepository") or "none",
        dns_image_tag=_text(dns, "imageTag") or "none",
        api_version=_text(configuration, "apiVersion"),
        dns_disabled=dns.get("disabled") is True,
        proxy_disabled=_mapping(configuration.get("proxy") or {}, "proxy").get("disabled") is True,
        given=_given(configuration, local),
    )


def _given(configuration: dict[str, Any], etcd: dict[str, Any]) -> tuple[Given, ...]:
    """What kubeadm will write into the manifests, and its own gates; places as a person finds them."""
    sections = {name: _mapping(configuration.get(name) or {}, name) for name in _COMPONENTS}
    found = [
        *(given(_COMPONENTS[name], f"{name}.extraArgs", _arguments(section)) for name, section in sections.items()),
        given("etcd", "etcd.local.extraArgs", _arguments(etcd)),
        given("kubeadm", "featureGates", (), _mapping(configuration.get("featureGates") or {}, "featureGates")),
    ]
    return tuple(one for one in found if one.flags or one.gates)


def _arguments(section: dict[str, Any]) -> list[tuple[str, str]]:
    """kubeadm.k8s.io/v1beta3 has a mapping, v1beta4 a list of names and values, where a name may come again."""
    arguments = section.get("extraArgs") or {}
    if isinstance(arguments, dict):
        return [(str(name), str(value)) for name, value in arguments.items()]
    return [(_text(argument, "name"), str(argument.get("value", ""))) for argument in arguments]


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{name} is {value!r}, not a mapping")
    return value


def _text(mapping: dict[str, Any], key: str) -> str:
    value = mapping.get(key) or ""
    if not isinstance(value, str):
        raise TypeError(f"{key} is {value!r}, not text")
    return value
