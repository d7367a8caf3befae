"""etcd's members are of one version, or the hop that this upgrade completes explains why they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import Apiserver, Etcd, HostFacts
from kubectl_upgrade.model.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts, Maybe


class EtcdVersions:
    """kubeadm rolls etcd back by itself when its upgrade of a member fails, and somebody may have gone on: that member
    stays behind unseen. etcd works with members one minor apart and not with more
    (https://etcd.io/docs/v3.6/upgrades/upgrade_3_6/), so that the next hop finds it too old to join the others.

    While a hop is half done, API servers differ as their etcds do, and kubeadm brings the rest along: that is told, no
    more.
    """

    NAME: ClassVar[str] = "etcd-versions"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        del aim
        hosts = {node.name: facts.hosts.get(node.name) for node in facts.control_planes}
        versions = {
            name: host.etcd.version
            for name, host in hosts.items()
            if isinstance(host, HostFacts) and isinstance(host.etcd, Etcd)
        }
        if len(set(versions.values())) < 2:  # noqa: PLR2004 - two differ
            return
        message = f"etcd members run different versions: {_listed(versions)}"
        minors = {_minor(version) for version in versions.values()}
        if None in minors or max(filter(None, minors)) - min(filter(None, minors)) > 1:
            fix = "bring the oldest to the next minor first: etcd takes one minor at a time"
            yield Finding(Level.BLOCKER, message, fix=fix)
        elif _explained(hosts, versions):
            yield Finding(Level.INFO, f"{message}: a hop is half done, and this upgrade completes it")
        else:
            yield Finding(
                Level.WARN,
                f"{message}, beside API servers that do not differ so",
                fix="an earlier upgrade of etcd failed there: look at its log, this upgrade tries again",
            )


def _listed(versions: dict[str, str]) -> str:
    found = sorted(set(versions.values()))
    return "; ".join(
        f"{version} on {', '.join(name for name in versions if versions[name] == version)}" for version in found
    )


def _minor(version: str) -> int | None:
    """3.6.5 → 306, to compare; None when it is no version."""
    parts = version.split(".")
    return (
        int(parts[0]) * 100 + int(parts[1]) if len(parts) > 1 and all(part.isdecimal() for part in parts[:2]) else None
    )


def _explained(hosts: Mapping[str, Maybe[HostFacts] | None], versions: dict[str, str]) -> bool:
    """Members beside API servers of one version are of one version."""
    beside: dict[object, set[str]] = {}
    for name, version in versions.items():
        host = hosts[name]
        answer = host.apiserver if isinstance(host, HostFacts) else None
        beside.setdefault(answer.version if isinstance(answer, Apiserver) else None, set()).add(version)
    return None not in beside and all(len(found) == 1 for found in beside.values())
