"""Every member of etcd is new enough for the etcd that the upgrade brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.facts import Etcd, Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.rules import rules_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.rules import EtcdRule


class EtcdMinimum:
    """etcd 3.6 brings back members that were removed long ago when it follows one below 3.5.26, and loses its quorum
    to them (https://etcd.io/blog/2025/zombie_members_upgrade/); kubeadm 1.33 gives 3.5.24 and does not look. etcd 3.7
    needs 3.6.11, kubeadm 1.36 gave 3.6.8. Where `etcd.local.imageTag` holds etcd at its minor nothing of it is
    upgraded, and an etcd outside never is: there it is told, for whoever upgrades it.
    """

    NAME: ClassVar[str] = "etcd-minimum"
    MANDATORY: ClassVar[bool] = False
    KUBEADM_ERRORS: ClassVar[tuple[str, ...]] = ()
    ONLY_BEFORE: ClassVar[bool] = True

    def run(self, facts: Facts, aim: Aim) -> Iterator[Finding]:
        current = facts.kubeadm_config.kubernetes_version
        rules = [(found.minor, found.etcd) for found in rules_between(current, aim.target) if found.etcd]
        stacked = facts.kubeadm_config.etcd == "stacked"
        for minor, rule in rules:
            yield from _members(facts, rule, minor) if stacked else _outside(facts, rule, minor)


def _members(facts: Facts, rule: EtcdRule, minor: str) -> Iterator[Finding]:
    pinned = _version(facts.kubeadm_config.etcd_image_tag)
    for name, host in facts.hosts.items():
        etcd = host if isinstance(host, Unknown) else host.etcd
        if not isinstance(etcd, Etcd):
            continue  # nodes-reachable and node-answers say so
        version = _version(etcd.version)
        if version is None:
            message = f"etcd's version is {etcd.version!r}: whether it may go to the one of v{minor} is not known"
            yield Finding(Level.BLOCKER, message, name, f"it needs at least {rule.minimum.bare}; {rule.source}")
        elif pinned is None or pinned.line != version.line:
            yield from _judged(name, version, rule, minor)


def _judged(node: str, version: Version, rule: EtcdRule, minor: str) -> Iterator[Finding]:
    wanted = (rule.better or rule.minimum).bare
    if version.minors_above(rule.minimum) < 0:
        fix = f"upgrade to the minor before v{minor} first, then bring every member to {wanted}; {rule.source}"
    else:
        fix = (
            f"set etcd.local.imageTag to {wanted}-0 or later in kubeadm's ClusterConfiguration, upgrade to a patch of "
            f"the present minor, which brings every member there, remove the tag, plan again; {rule.source}"
        )
    if version < rule.minimum:
        message = f"etcd is at {version.bare}, below {rule.minimum.bare}, which v{minor} needs first: {rule.why}"
        yield Finding(Level.BLOCKER, message, node, fix)
    elif rule.better and version < rule.better:
        message = f"etcd is at {version.bare}; before v{minor} its maintainers recommend {rule.better.bare}"
        yield Finding(Level.WARN, message, node, fix)


def _outside(facts: Facts, rule: EtcdRule, minor: str) -> Iterator[Finding]:
    told: set[str] = set()
    for host in facts.hosts.values():
        endpoints = host if isinstance(host, Unknown) else host.external_etcd
        for endpoint in () if isinstance(endpoints, Unknown) else endpoints:
            version = _version(endpoint.version)
            # one without a version is node-answers' to tell
            if version is None or version >= rule.minimum or endpoint.url in told:
                continue
            told.add(endpoint.url)
            message = (
                f"etcd at {endpoint.url} is at {version.bare}: it stays so, but before it follows kubeadm's etcd of "
                f"v{minor} it needs {rule.minimum.bare}"
            )
            yield Finding(Level.INFO, message, fix=rule.source)


def _version(text: str) -> Version | None:
    """Of `3.5.24` or an image's tag `3.5.24-0`; None for anything else."""
    try:
        version = Version.parse(text)
    except ValueError:
        return None
    # what follows the dash of a tag counts builds of the image
    return Version(version.major, version.minor, version.patch)
