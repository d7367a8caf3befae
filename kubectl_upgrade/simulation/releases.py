"""What a Kubernetes minor brings: images of kubeadm's defaults, and flags that its kubelet no longer knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.simulation.faults import UnplannedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.model.version import Version

# kubeadm replaces them in this order (phases/upgrade/staticpods.go)
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
DEB_REVISION = "1.1"
# every minor has had patches up to this one
NEWEST_PATCH = 4
# first minor whose kubelet refuses the flag (https://github.com/kubernetes/kubernetes/pull/133779)
REMOVED_KUBELET_FLAGS = {"--pod-infra-container-image": 35}
# first minor that refuses cgroup v1 by default (https://github.com/kubernetes/kubernetes/pull/134298)
CGROUP_V1_REFUSED_SINCE = 35


@dataclass(frozen=True, slots=True)
class Release:
    """Image tags, as `kubeadm config images list` names them."""

    etcd: str
    coredns: str


RELEASES = {
    "v1.33": Release("3.5.24-0", "v1.12.0"),
    "v1.34": Release("3.6.5-0", "v1.12.1"),
    "v1.35": Release("3.6.6-0", "v1.13.1"),
    "v1.36": Release("3.6.8-0", "v1.14.2"),
    "v1.37": Release("3.7.0-0", "v1.14.6"),
}


def release(version: Version) -> Release:
    """The version's minor; UnplannedError for one that is not modelled."""
    try:
        return RELEASES[version.line]
    except KeyError:
        raise UnplannedError(f"the simulation knows {', '.join(RELEASES)}, not {version.line}") from None


def etcd_version(image: str) -> tuple[int, ...]:
    """Of `registry.k8s.io/etcd:3.6.5-0`: (3, 6, 5), to compare."""
    return tuple(int(part) for part in image.rpartition(":")[2].partition("-")[0].split("."))


def unknown_flags(version: Version, flags: Sequence[str]) -> list[str]:
    """Those of a kubelet's flags that this version refuses."""
    names = [flag.partition("=")[0] for flag in flags]
    return [name for name in names if version.minor >= REMOVED_KUBELET_FLAGS.get(name, version.minor + 1)]
