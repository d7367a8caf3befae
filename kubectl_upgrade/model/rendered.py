"""How static pod manifests differ from what kubeadm would write in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubectl_upgrade.model.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not the same. Values that may be secrets are left out."""

    what: str
    """`--audit-log-path`, `image`, `volume audit`, `env HTTP_PROXY`, `container sidecar`"""
    manifest: str | None
    """its value there, empty when that is not told; None where there is no such thing"""
    rendered: str | None
    """the same of what kubeadm would write"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A control plane's manifests beside what the kubeadm that is installed there would write now (rendered.sh)."""

    kubeadm: Version
    cluster: Version
    """kubernetesVersion in kubeadm-config, which kubeadm renders"""
    manifests: Version | None
    """of the API server's image in its manifest; None when its tag is no version"""
    differences: Mapping[str, tuple[Difference, ...]]
    """by component, of those that were rendered; empty where the two are the same"""
    skipped: str = ""
    """why kubeadm was not asked, though nothing is wrong"""

    @property
    def comparable(self) -> bool:
        """Of one version: between others, differences are what an upgrade is for."""
        return not self.skipped and self.kubeadm == self.cluster and self.manifests in {None, self.cluster}
