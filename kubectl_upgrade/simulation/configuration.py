"""kubeadm's ClusterConfiguration, and the images that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from kubectl_upgrade.simulation.releases import release

if TYPE_CHECKING:
    from kubectl_upgrade.model.version import Version

REGISTRY = "registry.k8s.io"


@dataclass(slots=True, kw_only=True)
class Configuration:
    """Chosen fields of ClusterConfiguration, kubelet-config and kube-proxy; `none` for what is not pinned."""

    name: str
    version: Version
    endpoint: str = "10.99.0.1:6443"
    repository: str = REGISTRY
    etcd: Literal["stacked", "external"] = "stacked"
    etcd_tag: str = "none"
    etcd_repository: str = "none"
    dns_repository: str = "none"
    dns_tag: str = "none"
    fail_cgroup_v1: bool = True
    extra_args: dict[str, dict[str, str]] = field(default_factory=dict)
    """component → flag without dashes → value"""
    kubelet_gates: list[str] = field(default_factory=list)
    proxy_gates: list[str] = field(default_factory=list)

    def component_image(self, component: str, version: Version) -> str:
        """The image that kubeadm of this version gives a static pod."""
        if component != "etcd":
            return f"{self.repository}/{component}:{version}"
        tag = release(version).etcd if self.etcd_tag == "none" else self.etcd_tag
        return f"{self._unless_pinned(self.etcd_repository)}/etcd:{tag}"

    def coredns_image(self, version: Version) -> str:
        """The image that kubeadm of this version gives CoreDNS: it lies a folder deeper in the registry of the project
        (cmd/kubeadm/app/images/images.go, GetDNSImage).
        """
        repository = self._unless_pinned(self.dns_repository)
        folder = "/coredns" if repository == REGISTRY else ""
        return f"{repository}{folder}/coredns:{release(version).coredns if self.dns_tag == 'none' else self.dns_tag}"

    def text(self) -> str:
        """YAML, as kubeadm keeps it in the ConfigMap kubeadm-config."""
        lines = [
            *self._section("apiServer", "kube-apiserver"),
            "apiVersion: kubeadm.k8s.io/v1beta4",
            "caCertificateValidityPeriod: 87600h0m0s",
            "certificateValidityPeriod: 8760h0m0s",
            "certificatesDir: /etc/kubernetes/pki",
            f"clusterName: {self.name}",
            f'controlPlaneEndpoint: "{self.endpoint}"',
            *self._section("controllerManager", "kube-controller-manager"),
            *_image("dns", self.dns_repository, self.dns_tag),
            "encryptionAlgorithm: RSA-2048",
            "etcd:",
        ]
        if self.etcd == "external":
            lines += ["  external:", "    endpoints:", "    - https://10.99.0.5:2379"]
        else:
            lines += ["  local:", "    dataDir: /var/lib/etcd"]
            lines += [f"  {line}" for line in self._section("", "etcd")[1:]]
            lines += [f"  {line}" for line in _image("", self.etcd_repository, self.etcd_tag)[1:]]
        lines += [
            f"imageRepository: {self.repository}",
            "kind: ClusterConfiguration",
            f"kubernetesVersion: {self.version}",
            "networking:",
            "  dnsDomain: cluster.local",
            "  serviceSubnet: 10.96.0.0/12",
            "proxy: {}",
            *self._section("scheduler", "kube-scheduler"),
        ]
        return "\n".join(lines) + "\n"

    def _section(self, name: str, component: str) -> list[str]:
        """The mapping `name` with a component's extraArgs."""
        arguments = self.extra_args.get(component, {})
        lines = [line for flag, value in arguments.items() for line in (f"  - name: {flag}", f'    value: "{value}"')]
        return [f"{name}:", "  extraArgs:", *lines] if lines else [f"{name}: {{}}"]

    def _unless_pinned(self, repository: str) -> str:
        return self.repository if repository == "none" else repository


def _image(name: str, repository: str, tag: str) -> list[str]:
    """The mapping `name` with what is pinned of an image."""
    pins = {"imageRepository": repository, "imageTag": tag}
    lines = [f'  {key}: "{value}"' for key, value in pins.items() if value != "none"]
    return [f"{name}:", *lines] if lines else [f"{name}: {{}}"]
