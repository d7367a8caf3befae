"""How a cluster differs from what the plan pins: field, was, is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.static_pods import image_version
from kubectl_upgrade.model.facts import Etcd, Host, HostFacts, Kubeadm, ManifestFiles, Packages, Unknown
from kubectl_upgrade.model.names import CONTROL_PLANE_COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.model.facts import Facts, NodeObject
    from kubectl_upgrade.model.plan import ControlPlane, Plan
    from kubectl_upgrade.model.version import Version


@dataclass(frozen=True, slots=True)
class Drift:
    """One pinned field."""

    field: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.field}: was {self.was}, is {self.now}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A worker, and why it is skipped."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Drifts:
    """All of it."""

    refused: tuple[Drift, ...]
    """makes the plan stale"""
    unknown: tuple[str, ...]
    """what of a control plane cannot be compared now"""
    skipped: tuple[Skipped, ...]
    """workers that this plan cannot upgrade any more"""
    new: tuple[str, ...]
    """workers that joined it: left alone"""


def drift_of(plan: Plan, facts: Facts, begun: frozenset[str] = frozenset()) -> Drifts:
    """Compare. `begun`: nodes that this run has begun to work on; there the pins that its steps change may have either
    value, the plan's or one on the way to the target.
    """
    nodes = {node.name: node for node in facts.nodes}
    refused = list(_cluster(plan, facts, begun))
    for entry in plan.control_planes:
        refused += _control_plane(plan, entry, facts, begun)
    known = {entry.name for entry in plan.control_planes}
    for node in facts.control_planes:
        if node.name not in known:
            refused.append(Drift("controlPlanes", "not there", f"{node.name} joined"))
    planned = {worker.name for pool in plan.pools for worker in pool.nodes}
    return Drifts(
        refused=tuple(refused),
        unknown=tuple(line for entry in plan.control_planes for line in _unknown(entry, facts, begun)),
        skipped=tuple(_skipped(plan, nodes, begun)),
        new=tuple(sorted(node.name for node in facts.workers if node.name not in planned)),
    )


def _cluster(plan: Plan, facts: Facts, begun: frozenset[str]) -> Iterator[Drift]:
    config, pinned = facts.kubeadm_config, plan.cluster_configuration
    yield from _pin("cluster.uid", plan.cluster.uid, facts.uid)
    yield from _pin("cluster.caHash", plan.cluster.ca_hash, facts.ca_hash)
    names = ("control_plane_endpoint", "image_repository", "etcd", "etcd_image_tag")
    for name in names:
        yield from _pin(f"clusterConfiguration.{name}", getattr(pinned, name), getattr(config, name))
    version = config.kubernetes_version
    if (
        version < plan.cluster.from_
        or version > plan.cluster.to
        or (not begun and version not in _start_versions(plan))
    ):
        yield Drift("cluster.from", str(plan.cluster.from_), str(version))


def _start_versions(plan: Plan) -> set[Version]:
    """A hop that somebody began has the target in kubeadm-config already while a node is still at `from`."""
    behind = any(entry.versions.apiserver != plan.cluster.from_ for entry in plan.control_planes)
    kubelets_only = all(entry.versions.apiserver == plan.cluster.to for entry in plan.control_planes)
    return {plan.cluster.from_, plan.cluster.to} if behind or kubelets_only else {plan.cluster.from_}


def _control_plane(plan: Plan, entry: ControlPlane, facts: Facts, begun: frozenset[str]) -> Iterator[Drift]:
    at = f"controlPlanes[{entry.name}]"
    node = next((n for n in facts.control_planes if n.name == entry.name), None)
    if node is None:
        yield Drift(at, "in the cluster", "gone")
        return
    yield from _pin(f"{at}.uid", entry.uid, node.uid)
    yield from _pin(f"{at}.address", entry.address, node.internal_ip)
    working = entry.name in begun
    if not working:
        yield from _pin(f"{at}.cordoned", entry.cordoned, node.cordoned)
    yield from _versions(plan, entry, facts, node, working=working)
    host = facts.hosts.get(entry.name)
    if isinstance(host, HostFacts):
        yield from _host(plan, entry, host, working=working)


def _versions(plan: Plan, entry: ControlPlane, facts: Facts, node: NodeObject, *, working: bool) -> Iterator[Drift]:
    at = f"controlPlanes[{entry.name}].versions"
    images = {pod.component: image_version(pod.image) for pod in facts.static_pods if pod.node == entry.name}
    pinned = dict(zip(CONTROL_PLANE_COMPONENTS, ("apiserver", "controller_manager", "scheduler"), strict=True))
    found = [(name, getattr(entry.versions, name), images.get(component)) for component, name in pinned.items()]
    found.append(("kubelet", entry.versions.kubelet, node.kubelet))
    for name, was, now in found:
        on_the_way = working and now is not None and was <= now <= plan.cluster.to
        # a static pod may be away for a moment while its node is worked on; waits and gates judge that
        if not on_the_way and not (working and now is None):
            yield from _pin(f"{at}.{name}", was, now)


def _host(plan: Plan, entry: ControlPlane, host: HostFacts, *, working: bool) -> Iterator[Drift]:
    at = f"controlPlanes[{entry.name}]"
    if isinstance(host.host, Host):
        yield from _pin(f"{at}.hostKey", entry.host_key, host.host.host_key)
    if isinstance(host.kubeadm, Kubeadm):
        yield from _pin(f"{at}.patches", entry.patches, host.kubeadm.patches)
    if isinstance(host.packages, Packages):
        yield from _packages(plan, entry, host.packages, working=working)
    if entry.etcd_member != "external" and isinstance(host.etcd, Etcd):
        yield from _pin(f"{at}.etcdMember", entry.etcd_member, host.etcd.member)
        if not working:
            yield from _pin(f"{at}.versions.etcd", entry.versions.etcd, host.etcd.version)
    if not working and isinstance(host.manifests, ManifestFiles):
        for name in ("etcd", *CONTROL_PLANE_COMPONENTS):
            field = name.replace("-", "_")
            yield from _pin(f"{at}.manifests.{field}", getattr(entry.manifests, field), host.manifests.hashes.get(name))


def _packages(plan: Plan, entry: ControlPlane, packages: Packages, *, working: bool) -> Iterator[Drift]:
    at = f"controlPlanes[{entry.name}]"
    on_the_way = working and packages.repository in {hop.to.line for hop in plan.hops}
    if not on_the_way:
        yield from _pin(f"{at}.repository", entry.repository, packages.repository)
    if not working:
        yield from _pin(f"{at}.held", sorted(entry.held), sorted(packages.held))


def _unknown(entry: ControlPlane, facts: Facts, begun: frozenset[str]) -> Iterator[str]:
    """On a node that is worked on, manifests may be away for a moment."""
    host = facts.hosts.get(entry.name, Unknown("was not asked"))
    if not any(node.name == entry.name for node in facts.control_planes):
        return
    if isinstance(host, Unknown):
        yield f"{entry.name}: {host.reason}"
        return
    parts: dict[str, object] = {"host": host.host, "packages": host.packages, "kubeadm": host.kubeadm}
    if entry.name not in begun:
        parts["manifests"] = host.manifests
    for name, part in parts.items():
        if isinstance(part, Unknown):
            yield f"{entry.name}: {name}: {part.reason}"


def _skipped(plan: Plan, nodes: dict[str, NodeObject], begun: frozenset[str]) -> Iterator[Skipped]:
    for pool in plan.pools:
        for worker in pool.nodes:
            node = nodes.get(worker.name)
            if node is None:
                yield Skipped(worker.name, "has left the cluster")
            elif node.uid != worker.uid:
                yield Skipped(worker.name, "was replaced since the plan was made")
            elif node.internal_ip != worker.address:
                yield Skipped(worker.name, f"has moved from {worker.address} to {node.internal_ip or 'no address'}")
            elif node.kubelet > plan.cluster.to:
                yield Skipped(worker.name, f"is at {node.kubelet} by now, above the target")
            elif node.kubelet != pool.kubelet and worker.name not in begun:
                yield Skipped(worker.name, f"is at {node.kubelet} by now, the plan knows it at {pool.kubelet}")


def _pin(field: str, was: object, now: object) -> Iterator[Drift]:
    if was != now:
        head, *words = field.rpartition(".")[2].split("_")
        camel = head + "".join(word.capitalize() for word in words)
        yield Drift(f"{field.rpartition('.')[0]}.{camel}", _text(was), _text(now))


def _text(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value is None else str(value)
