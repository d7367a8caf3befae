"""kube-proxy, from kubeadm's DaemonSet and ConfigMap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from kubectl_upgrade.facts.static_pods import image_version
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.given import Given, given

if TYPE_CHECKING:
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.world import Json

PATH = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"
CONFIG_PATH = "/api/v1/namespaces/kube-system/configmaps/kube-proxy"


def kube_proxy_version(daemon_set: Json) -> Version | Unknown:
    """The tag of the image that it wants."""
    containers = daemon_set["spec"]["template"]["spec"]["containers"]
    image = next((c["image"] for c in containers if c["name"] == "kube-proxy"), "")
    return image_version(image) or Unknown(f"the DaemonSet kube-proxy runs {image or 'no container kube-proxy'}")


def feature_gates(config_map: Json) -> Given | Unknown:
    """Of KubeProxyConfiguration, which kubeadm keeps when it upgrades the add-on."""
    try:
        configuration = yaml.load(config_map["data"]["config.conf"], yaml.CSafeLoader)
        return given("kube-proxy", "featureGates", (), dict(configuration.get("featureGates") or {}))
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        return Unknown(f"its config.conf is not understood: {' '.join(str(error).split())}")
