"""A modelled node's manifests, and what its kubeadm would write, as node/facts/rendered.sh would print them."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

from kubectl_upgrade.simulation.flags import words
from kubectl_upgrade.simulation.not_observed import NotObservedError
from kubectl_upgrade.simulation.releases import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.node import Node


def observe(cluster: ModelCluster, node: Node) -> list[str]:
    """Its lines; kubeadm renders what kubeadm-config says, and what a person wrote is in the manifest alone."""
    if not node.control_plane:
        raise NotObservedError("no /etc/kubernetes/manifests/kube-apiserver.yaml on this node")
    if node not in cluster.serving():
        raise NotObservedError("the ConfigMap kubeadm-config could not be read")
    configuration, kubeadm = cluster.configuration, node.packages["kubeadm"]
    lines = [f"kubeadm {kubeadm}", f"cluster {configuration.version}"]
    there = [component for component in COMPONENTS if component in node.static_pods]
    for component in there:
        static = node.static_pods[component]
        given = [*words(cluster, component), *static.by_hand]
        lines.append(f"manifest {component} {_manifest(component, static.manifest_image, given)}")
    if kubeadm == configuration.version:
        lines += [f"rendered {name} {_rendered(cluster, name)}" for name in there]
    return lines


def _rendered(cluster: ModelCluster, component: str) -> str:
    image = cluster.configuration.component_image(component, cluster.configuration.version)
    return _manifest(component, image, words(cluster, component))


def _manifest(component: str, image: str, given: Sequence[str]) -> str:
    container = {"name": component, "image": image, "command": [component, *given]}
    pod = {"kind": "Pod", "metadata": {"name": component}, "spec": {"containers": [container], "hostNetwork": True}}
    return b64encode(json.dumps(pod).encode()).decode()
