"""Over an etcd minimum that is not met: which image a plan may bring every member to first, or why none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.facts import etcd_images
from kubectl_upgrade.facts.static_pods import image_version
from kubectl_upgrade.model.etcd import EtcdImages, etcd_version
from kubectl_upgrade.model.facts import Etcd, HostFacts, Kubeadm, Unknown
from kubectl_upgrade.model.names import CONTROL_PLANE_COMPONENTS
from kubectl_upgrade.rules import rules_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.model.facts import Facts, Maybe
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.rules import EtcdRule


def members(facts: Facts) -> Iterator[tuple[str, Etcd, Version | None]]:
    """Node, member and its version, of those that answer and will follow kubeadm's etcd: a pin at a member's own minor
    holds it there.
    """
    pinned = etcd_version(facts.kubeadm_config.etcd_image_tag)
    for name, host in facts.hosts.items():
        etcd = host if isinstance(host, Unknown) else host.etcd
        if not isinstance(etcd, Etcd):
            continue  # nodes-reachable and node-answers say so
        version = etcd_version(etcd.version)
        if version is None or pinned is None or pinned.line != version.line:
            yield name, etcd, version


def question(facts: Facts, target: Version) -> str:
    """The fact that every control plane has to be asked for before a way can be found; empty when none is wanted."""
    config = facts.kubeadm_config
    tags = [tag for _, rule in _unmet(facts, target) if _is_possible(facts, rule) for tag in rule.tags]
    own = config.etcd_image_repository
    repository = config.image_repository if own == "none" else own
    return etcd_images.question(repository, tuple(dict.fromkeys(tags))) if tags else ""


def etcd_ways(facts: Facts, target: Version) -> dict[str, str]:
    """By the minor before whose hop members have to move (`1.34`): the tag that they move to."""
    ways = {minor: etcd_way(facts, rule, minor) for minor, rule in _unmet(facts, target)}
    return {minor: tag for minor, tag in ways.items() if not isinstance(tag, Unknown)}


def etcd_way(facts: Facts, rule: EtcdRule, minor: str) -> Maybe[str]:
    """The first of the rule's tags that every control plane can pull; Unknown with the reason when there is no way."""
    if not _is_possible(facts, rule):
        return Unknown(f"it brings members no further than within {rule.minimum.line.removeprefix('v')}")
    if not facts.kubeadm_config.etcd_tag_settable:
        return Unknown("etcd.local in kubeadm-config is not written as kubeadm writes it")
    moving = _not_at_rest(facts, minor)
    if moving:
        return Unknown(moving)
    lacking = []
    for tag in rule.tags:
        node = next((name for name in _control_planes(facts) if not _has(facts, name, tag)), None)
        if node is None:
            return tag
        lacking.append(f"{node} may not get etcd:{tag}: {_why(facts, node, tag)}")
    return Unknown("; ".join(lacking) or "no image is known")


def _unmet(facts: Facts, target: Version) -> list[tuple[str, EtcdRule]]:
    config = facts.kubeadm_config
    if config.etcd != "stacked":
        return []
    found = [version for _, _, version in members(facts) if version is not None]
    return [
        (rules.minor, rules.etcd)
        for rules in rules_between(config.kubernetes_version, target)
        if rules.etcd and any(version < rules.etcd.minimum for version in found)
    ]


def _is_possible(facts: Facts, rule: EtcdRule) -> bool:
    """Are all members of the minor within which the rule wants them further, or beyond?"""
    versions = [version for _, _, version in members(facts)]
    return all(version is not None and version.line == rule.minimum.line for version in versions)


def _control_planes(facts: Facts) -> tuple[str, ...]:
    return tuple(node.name for node in facts.control_planes)


def _not_at_rest(facts: Facts, minor: str) -> str:
    """Kubeadm of the version that runs moves etcd, and writes every other manifest anew that is not what it renders
    (StaticPodControlPlane in its phases/upgrade/staticpods.go): where one differs, it would go with etcd. Empty when
    all is well, or when an earlier hop of the plan brings it about.
    """
    version = facts.kubeadm_config.kubernetes_version
    if f"{version.major}.{version.minor + 1}" != minor:
        return ""
    for pod in facts.static_pods:
        if pod.component in CONTROL_PLANE_COMPONENTS and image_version(pod.image) != version:
            return f"{pod.component} on {pod.node} is not at {version}: an upgrade was begun"
    for name in _control_planes(facts):
        host = facts.hosts.get(name)
        if not isinstance(host, HostFacts) or not isinstance(host.kubeadm, Kubeadm) or host.kubeadm.kubeadm != version:
            return f"kubeadm on {name} is not {version}"
        differing = _differing(host)
        if differing:
            return f"on {name} {differing}"
    return ""


def _differing(host: HostFacts) -> str:
    """What but etcd kubeadm would write anew, as far as it is known."""
    if isinstance(host.rendered, Unknown):
        return f"manifests could not be compared with what kubeadm would write: {host.rendered.reason}"
    if not host.rendered.comparable:
        why = f": {host.rendered.skipped}" if host.rendered.skipped else ""
        return f"manifests could not be compared with what kubeadm would write{why}"
    for component in CONTROL_PLANE_COMPONENTS:
        differences = host.rendered.differences.get(component, ())
        if differences:
            return f"kubeadm would change more than etcd: {component}.yaml ({differences[0].what})"
    return ""


def _images(facts: Facts, node: str) -> Maybe[EtcdImages]:
    host = facts.hosts.get(node, Unknown("it was not asked"))
    return host if isinstance(host, Unknown) else host.etcd_images


def _has(facts: Facts, node: str, tag: str) -> bool:
    images = _images(facts, node)
    return not isinstance(images, Unknown) and tag in {*images.here, *images.offered}


def _why(facts: Facts, node: str, tag: str) -> str:
    images = _images(facts, node)
    return images.reason if isinstance(images, Unknown) else images.refused.get(tag, "it did not say")
