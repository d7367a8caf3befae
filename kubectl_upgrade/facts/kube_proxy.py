"""kube-proxy, from kubeadm's DaemonSet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.static_pods import image_version
from kubectl_upgrade.model.facts import Unknown

if TYPE_CHECKING:
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.world import Json

PATH = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"


def kube_proxy_version(daemon_set: Json) -> Version | Unknown:
    """The tag of the image that it wants."""
    containers = daemon_set["spec"]["template"]["spec"]["containers"]
    image = next((c["image"] for c in containers if c["name"] == "kube-proxy"), "")
    return image_version(image) or Unknown(f"the DaemonSet kube-proxy runs {image or 'no container kube-proxy'}")
