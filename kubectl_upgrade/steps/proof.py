"""What facts of a node say against a finished action."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts.static_pods import image_version
from kubectl_upgrade.model.facts import Kubeadm, ManifestFiles
from kubectl_upgrade.model.names import CONTROL_PLANE_COMPONENTS

if TYPE_CHECKING:
    from typing import Literal

    from kubectl_upgrade.model.facts import HostFacts
    from kubectl_upgrade.model.version import Version


def older_binary(host: HostFacts, name: Literal["kubeadm", "kubelet"], version: Version) -> str | None:
    """The binary on disk is older than what was installed; a newer one is a later hop's."""
    found = getattr(host.kubeadm, name) if isinstance(host.kubeadm, Kubeadm) else None
    return f"{name} is {found}, not {version}" if found is not None and found < version else None


def older_manifest(host: HostFacts, version: Version) -> str | None:
    """A static pod's manifest names an older image than kubeadm wrote; nothing on workers, which have none."""
    if not isinstance(host.manifests, ManifestFiles):
        return None
    for component in CONTROL_PLANE_COMPONENTS:
        image = host.manifests.images.get(component, "")
        found = image_version(image)
        if found is not None and found < version:
            return f"the manifest of {component} names {image}, not {version}"
    return None
