"""Every node's packages are of a family that the steps can install."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.systems import answering
from kubectl_upgrade.model.facts import Host, Packages
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.node_health import System
from kubectl_upgrade.packages import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts, HostFacts


class OsSupported:
    """One node of another distribution, or with binaries that somebody copied there, shows when its turn comes: the
    control plane is new by then, and this kubelet can only be replaced by hand.
    """

    NAME: ClassVar[str] = "os-supported"
    MANDATORY: ClassVar[bool] = True
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        for node, host in answering(facts):
            packages = host.packages
            if not isinstance(packages, Packages):
                message = f"its packages could not be read: {packages.reason}"
                yield Finding(Level.BLOCKER, message, node.name, "put that right, then plan again")
            elif packages.family not in FAMILIES:
                yield _unsupported(node.name, host, packages.family)


def _unsupported(name: str, host: HostFacts, family: str) -> Finding:
    os = f"{host.host.os_id} {host.host.os_version}" if isinstance(host.host, Host) else "unknown"
    if family == "unknown" and isinstance(host.system, System) and host.system.dpkg:
        message = f"neither kubeadm nor kubelet is installed as a package there (its OS is {os})"
        fix = "install the packages of the versions that run there, as Kubernetes' guide does"
        return Finding(Level.BLOCKER, message, name, fix)
    message = f"its OS is {os}, whose package manager is not supported"
    return Finding(
        Level.BLOCKER, message, name, f"supported: {', '.join(FAMILIES)}; upgrade a cluster with this node by hand"
    )
