"""Where things stand that the target's components would be given, and what to say of what they no longer know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.static_pods import image_version
from kubectl_upgrade.model.facts import HostFacts, Unknown
from kubectl_upgrade.model.finding import Finding, Level
from kubectl_upgrade.model.given import Given
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.rules import rules_between

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_upgrade.checks.base import Aim
    from kubectl_upgrade.model.facts import Facts, NodeObject
    from kubectl_upgrade.rules import Rules

_THE_BEGINNING = Version(0, 0, 0)
_KUBEADMS_OWN = "/var/lib/kubelet/kubeadm-flags.env"
_PATCHES = "/etc/kubernetes/patches/"
# kubeadm writes these anew, from its ConfigMaps and the patches
_REWRITTEN = ("/etc/kubernetes/manifests/", "/var/lib/kubelet/config.yaml")
_NOT_ASKED = HostFacts().flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What stands in one place, and the rules that it meets."""

    given: Given
    rules: Sequence[Rules]
    node: str | None = None
    rewritten: bool = False
    """kubeadm drops it by itself: it stands in nothing that kubeadm writes this from"""
    pinned: str = ""
    """the image tag at which the component stays, whatever the target's would be"""
    cleaners: frozenset[str] = frozenset()
    """minors whose kubeadm cleans this file up"""

    def finding(self, what: str, removed_in: str, source: str, fix: str = "") -> Finding:
        """`what` as in `flag --x`."""
        component, place = self.given.component, self.given.place
        message = f"{place} gives {component} the {what}, which v{removed_in} removed"
        if self.rewritten:
            return Finding(Level.INFO, f"{message}: kubeadm writes the file without it", self.node, source)
        if self.pinned:
            message += f"; it stays at the pinned {self.pinned}, of which that is not known"
            return Finding(Level.WARN, message, self.node, f"{fix or 'take it out there'}; {source}")
        message += ": kubeadm would refuse it" if component == "kubeadm" else f": no {component} would start with it"
        return Finding(Level.BLOCKER, message, self.node, f"{fix or 'take it out there'}; {source}")


def places(facts: Facts, aim: Aim) -> Iterator[Place]:
    """All there are. What kubeadm keeps may have been mended on the nodes alone, so it meets every rule up to the
    target; what a kubelet runs with, those between its version and the target.
    """
    ever = rules_between(_THE_BEGINNING, aim.target)
    kept = [*_config_maps(facts)]
    tag = facts.kubeadm_config.etcd_image_tag
    pins = {} if tag == "none" else {"etcd": tag}
    for given in kept:
        yield Place(given=given, rules=ever, pinned=pins.get(given.component, ""))
    for node, everything in _on_nodes(facts):
        patches = [given for given in everything if given.place.startswith(_PATCHES)]
        for given in everything:
            if given.place.startswith(_REWRITTEN):
                rest = _without(given, [*kept, *patches])
                yield Place(given=rest, rules=ever, node=node.name, rewritten=True)
            elif given.place.startswith(_PATCHES):
                yield Place(given=given, rules=ever, node=node.name, pinned=pins.get(given.component, ""))
            else:
                met = rules_between(node.kubelet, aim.target)
                yield Place(given=given, rules=met, node=node.name, cleaners=_cleaners(facts, aim, node, given))


def unread(facts: Facts, aim: Aim) -> Iterator[tuple[NodeObject, str]]:
    """Nodes that answer, whose kubelet meets a rule, and what they said instead of its flags."""
    for node in facts.nodes:
        host = facts.hosts.get(node.name)
        if not isinstance(host, HostFacts) or host.flags == _NOT_ASKED:
            continue  # nodes-reachable says so, or the plan says who is asked
        if isinstance(host.flags, Unknown) and rules_between(node.kubelet, aim.target):
            yield node, host.flags.reason


def _config_maps(facts: Facts) -> Iterator[Given]:
    for given in facts.kubeadm_config.given:
        yield replace(given, place=f"ConfigMap kubeadm-config ({given.place})")
    for name, answer in facts.configured.items():
        if isinstance(answer, Given):
            yield replace(answer, place=f"ConfigMap {name} ({answer.place})")


def _on_nodes(facts: Facts) -> Iterator[tuple[NodeObject, tuple[Given, ...]]]:
    for node in facts.nodes:
        host = facts.hosts.get(node.name)
        if isinstance(host, HostFacts) and not isinstance(host.flags, Unknown):
            yield node, host.flags


def _without(given: Given, others: Sequence[Given]) -> Given:
    for other in others:
        if other.component == given.component:
            given = given.without(other)
    return given


def _cleaners(facts: Facts, aim: Aim, node: NodeObject, given: Given) -> frozenset[str]:
    """No kubeadm cleans a file but its own. A control plane meets that of every hop; a worker may skip one: then the
    plan has a step in its place: clean-kubelet-flags.
    """
    if given.place != _KUBEADMS_OWN:
        return frozenset()
    since = _begins_at(facts) if node.control_plane else node.kubelet
    hops = rules_between(since, aim.target)
    return frozenset({aim.target.line.removeprefix("v"), *(rules.minor for rules in hops)})


def _begins_at(facts: Facts) -> Version:
    """Where a hop begins, be it one that somebody has begun: the leader's kubeadm writes its version down first."""
    images = (image_version(pod.image) for pod in facts.static_pods if pod.component == "kube-apiserver")
    return min([facts.kubeadm_config.kubernetes_version, *(version for version in images if version)])
