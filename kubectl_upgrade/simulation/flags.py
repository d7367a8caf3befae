"""What the kubelet and the static pods of a modelled node are given, as node/facts/flags.sh would print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.simulation.releases import COMPONENTS

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.node import Node

_UNIT = "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"
_CONFIG = "/var/lib/kubelet/config.yaml"
_MANIFESTS = "/etc/kubernetes/manifests"
# of many that kubeadm gives them
_DEFAULTS = {
    "etcd": ("--advertise-client-urls=u", "--cert-file=f"),
    "kube-apiserver": ("--advertise-address=a", "--enable-admission-plugins=NodeRestriction", "--secure-port=6443"),
    "kube-controller-manager": ("--bind-address=127.0.0.1", "--leader-elect=true"),
    "kube-scheduler": ("--bind-address=127.0.0.1", "--leader-elect=true"),
}


def observe(cluster: ModelCluster, node: Node) -> list[str]:
    """Its lines."""
    lines = [_line("kubelet", f"--{name}=f", _UNIT) for name in ("bootstrap-kubeconfig", "kubeconfig", "config")]
    lines += [_line("kubelet", flag, file) for file, flags in node.kubelet.files().items() for flag in flags]
    lines += [f"gate kubelet {gate} {_CONFIG}" for gate in node.kubelet.gates]
    for component in COMPONENTS:
        if component in node.static_pods:
            given = [*words(cluster, component), *node.static_pods[component].by_hand]
            lines += [_line(component, word, f"{_MANIFESTS}/{component}.yaml") for word in given]
    return lines


def words(cluster: ModelCluster, component: str) -> list[str]:
    """What kubeadm gives a static pod."""
    extra = cluster.configuration.extra_args.get(component, {})
    return [*_DEFAULTS[component], *(f"--{name}={value}" for name, value in extra.items())]


def _line(component: str, flag: str, file: str) -> str:
    name, _, value = flag.removeprefix("--").partition("=")
    told = name == "feature-gates" or name.endswith("able-admission-plugins")
    return f"flag {component} {name} {value if told and value else '-'} {file}"
