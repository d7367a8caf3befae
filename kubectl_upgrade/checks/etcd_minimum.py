"""Every member of etcd is new enough for the etcd that the upgrade brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.checks.etcd_way import etcd_way, members
from kubectl_upgrade.model.etcd import etcd_version
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.rules import rules_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts, Maybe
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.rules import EtcdRule


class EtcdMinimum:
    """etcd 3.6 brings back members that were removed long ago when it follows one below 3.5.26, and loses its quorum
    to them (https://etcd.io/blog/2025/zombie_members_upgrade/); kubeadm 1.33 gives 3.5.24 and does not look. etcd 3.7
    needs 3.6.11, kubeadm 1.36 gave 3.6.8. Where `etcd.local.imageTag` holds etcd at its minor nothing of it is
    upgraded, and an etcd outside never is: there it is told, for whoever upgrades it. Where every control plane can
    pull a later etcd of its minor, the plan brings the members there first, by the kubeadm that runs.
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
            if stacked:
                yield from _members(facts, rule, minor, _way(facts, rule, minor, aim))
            else:
                yield from _outside(facts, rule, minor)


def _way(facts: Facts, rule: EtcdRule, minor: str, aim: Aim) -> Maybe[str]:
    """The tag that the plan brings members to, or would."""
    if aim.etcd_tags is None:
        return etcd_way(facts, rule, minor)
    tag = aim.etcd_tags.get(minor, "")
    version = etcd_version(tag)
    enough = version is not None and rule.minimum <= version and version.line == rule.minimum.line
    return tag if enough else Unknown(f"it brings them to {tag}" if tag else "it holds no pin-etcd and move-etcd")


def _members(facts: Facts, rule: EtcdRule, minor: str, way: Maybe[str]) -> Iterator[Finding]:
    for name, etcd, version in members(facts):
        if version is None:
            message = f"etcd's version is {etcd.version!r}: whether it may go to the one of v{minor} is not known"
            yield Finding(Level.BLOCKER, message, name, f"it needs at least {rule.minimum.bare}; {rule.source}")
        else:
            yield from _judged(name, version, rule, minor, way)


def _judged(node: str, version: Version, rule: EtcdRule, minor: str, way: Maybe[str]) -> Iterator[Finding]:
    if version < rule.minimum:
        message = f"etcd is at {version.bare}, below {rule.minimum.bare}, which v{minor} needs first: {rule.why}"
        if isinstance(way, Unknown):
            fix = f"{_by_hand(version, rule, minor)}. The plan does not do it: {way.reason}; {rule.source}"
            yield Finding(Level.BLOCKER, message, node, fix)
        else:
            fix = f"the plan brings every member to {way}, one at a time, before that; {rule.source}"
            yield Finding(Level.WARN, message, node, fix)
    elif rule.better and version < rule.better:
        message = f"etcd is at {version.bare}; before v{minor} its maintainers recommend {rule.better.bare}"
        yield Finding(Level.WARN, message, node, f"{_by_hand(version, rule, minor)}; {rule.source}")


def _by_hand(version: Version, rule: EtcdRule, minor: str) -> str:
    wanted = (rule.better or rule.minimum).bare
    if version.minors_above(rule.minimum) < 0:
        return f"upgrade to the minor before v{minor} first, then bring every member to {wanted}"
    return (
        f"set etcd.local.imageTag to {wanted}-0 or later in kubeadm's ClusterConfiguration, upgrade to a patch of the "
        "present minor, which brings every member there, remove the tag, plan again"
    )


def _outside(facts: Facts, rule: EtcdRule, minor: str) -> Iterator[Finding]:
    told: set[str] = set()
    for host in facts.hosts.values():
        endpoints = host if isinstance(host, Unknown) else host.external_etcd
        for endpoint in () if isinstance(endpoints, Unknown) else endpoints:
            version = etcd_version(endpoint.version)
            # one without a version is node-answers' to tell
            if version is None or version >= rule.minimum or endpoint.url in told:
                continue
            told.add(endpoint.url)
            message = (
                f"etcd at {endpoint.url} is at {version.bare}: it stays so, but before it follows kubeadm's etcd of "
                f"v{minor} it needs {rule.minimum.bare}"
            )
            yield Finding(Level.INFO, message, fix=rule.source)
