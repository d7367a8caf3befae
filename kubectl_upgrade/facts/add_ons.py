"""kubeadm's add-ons: kube-proxy's and CoreDNS's configuration, and which CoreDNS is deployed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import yaml

from kubectl_upgrade.facts.corefile import corefile
from kubectl_upgrade.facts.forbidden import if_there
from kubectl_upgrade.model.add_ons import AddOns, Broken
from kubectl_upgrade.model.facts import Unknown

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import Maybe
    from kubectl_upgrade.world import Cluster, Json

CONFIG_MAPS = "/api/v1/namespaces/kube-system/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/kube-system/deployments"
# by which kubeadm finds the cluster's DNS (phases/addons/dns/dns.go, DeployedDNSAddon)
_DNS = "k8s-app=kube-dns"
# constants.KubeProxyConfigMapKey
_PROXY_KEY, _DNS_KEY = "config.conf", "Corefile"


async def read_add_ons(cluster: Cluster) -> AddOns:
    """ApiError when the API does not answer; what may not be read is Unknown."""
    proxy, dns, deployments = await asyncio.gather(
        if_there(cluster.get(f"{CONFIG_MAPS}/kube-proxy"), "get the ConfigMap kube-proxy"),
        if_there(cluster.get(f"{CONFIG_MAPS}/coredns"), "get the ConfigMap coredns"),
        if_there(cluster.list(DEPLOYMENTS, labels=_DNS), "list Deployments in kube-system"),
    )
    text = _value(dns, _DNS_KEY)
    return AddOns(
        kube_proxy=_yaml(_value(proxy, _PROXY_KEY)),
        corefile=corefile(text) if isinstance(text, str) else text,
        dns_images=deployments if isinstance(deployments, Unknown) else tuple(map(_image, deployments or ())),
    )


def _value(config_map: Maybe[Json | None], key: str) -> Maybe[str | Broken | None]:
    if config_map is None or isinstance(config_map, Unknown):
        return config_map
    value = (config_map.get("data") or {}).get(key)
    return value if isinstance(value, str) else Broken(why=f"it has no key {key}")


def _yaml(text: Maybe[str | Broken | None]) -> Maybe[str | Broken | None]:
    if not isinstance(text, str):
        return text
    try:
        documents = list(yaml.load_all(text, yaml.CSafeLoader))
    except (yaml.YAMLError, ValueError) as error:
        return Broken(why=f"its {_PROXY_KEY} is no YAML: {' '.join(str(error).split())}")
    return (
        text if any(isinstance(document, dict) for document in documents) else Broken(why=f"its {_PROXY_KEY} is empty")
    )


def _image(deployment: Json) -> str:
    containers = deployment["spec"]["template"]["spec"].get("containers") or [{}]
    return str(containers[0].get("image", ""))
