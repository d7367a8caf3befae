"""How a cluster differs from what the plan pins: field, was, is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.static_pods import image_version
from kubectl_upgrade.model.facts import Etcd, Host, HostFacts, Kubeadm, ManifestFiles, Packages, Unknown
from kubectl_upgrade.model.names import CONTROL_PLANE_COMPONENTS, CORDON_ANNOTATION
from kubectl_upgrade.model.run_record import RunRecord
from kubectl_upgrade.planfile.expected import COMPONENTS, Expected, Progress, etcd_tags, expected
from kubectl_upgrade.planfile.managed_drift import managed_skipped

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

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
    """A worker or a MachineDeployment, and why it is skipped."""

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


def drift_of(plan: Plan, facts: Facts, progress: Progress | None = None) -> Drifts:
    """Compare, with what the steps that are done have changed taken into account."""
    progress = progress or Progress()
    nodes = {node.name: node for node in facts.nodes}
    refused = list(_cluster(plan, facts, progress))
    for entry in plan.control_planes:
        refused += _control_plane(plan, entry, facts, progress)
    known = {entry.name for entry in plan.control_planes}
    for node in facts.control_planes:
        if node.name not in known:
            refused.append(Drift("controlPlanes", "not there", f"{node.name} joined"))
    planned = {worker.name for pool in plan.pools for worker in pool.nodes}
    return Drifts(
        refused=tuple(refused),
        unknown=tuple(line for entry in plan.control_planes for line in _unknown(entry, facts, progress.begun)),
        skipped=(
            *_skipped(plan, nodes, progress.begun, facts.machines.owners),
            *(Skipped(name, why) for name, why in managed_skipped(plan, facts, progress.begun)),
        ),
        new=tuple(
            sorted(node.name for node in facts.workers if node.name not in planned | facts.machines.owners.keys())
        ),
    )


def _cluster(plan: Plan, facts: Facts, progress: Progress) -> Iterator[Drift]:
    config, pinned = facts.kubeadm_config, plan.cluster_configuration
    yield from _pin("cluster.uid", plan.cluster.uid, facts.uid)
    yield from _pin("cluster.caHash", plan.cluster.ca_hash, facts.ca_hash)
    tags = etcd_tags(plan, progress)
    if config.etcd_image_tag not in tags:
        yield from _pin("clusterConfiguration.etcd_image_tag", tags[-1], config.etcd_image_tag)
    for field in fields(pinned):
        if field.name != "etcd_image_tag":
            was, now = getattr(pinned, field.name), getattr(config, field.name)
            yield from _pin(f"clusterConfiguration.{field.name}", was, now)
    if config.kubernetes_version not in _cluster_versions(plan, progress):
        yield Drift("cluster.from", str(plan.cluster.from_), str(config.kubernetes_version))
    first = plan.control_planes[0].versions.kube_proxy
    found = None if isinstance(facts.kube_proxy, Unknown) else facts.kube_proxy
    # kubeadm rolls it out with the last control plane
    may_move = bool(progress.begun) and first is not None and found is not None and first <= found <= plan.cluster.to
    if not may_move:
        yield from _pin("controlPlanes.versions.kube_proxy", first, found)


def _cluster_versions(plan: Plan, progress: Progress) -> set[Version]:
    """In kubeadm-config. A hop that somebody began has its end there already while a node is still at `from`."""
    if not progress.begun:
        first = plan.hops[0].to if plan.hops else plan.cluster.to
        begun_by_others = _begun_by_others(plan)
        return {plan.cluster.from_, first, *begun_by_others} if begun_by_others else {plan.cluster.from_}
    allowed = {plan.cluster.from_, *_begun_by_others(plan)}
    for hop in plan.hops:
        applied = [s for s in progress.steps_done if s.startswith(f"{hop.to}/") and s.endswith("/kubeadm-apply")]
        if not applied:
            return allowed | {hop.to}
        allowed = {hop.to}
    return allowed


def _begun_by_others(plan: Plan) -> set[Version]:
    """Where control planes are ahead of `from`: somebody has begun a hop, perhaps to an earlier patch than ours."""
    return {entry.versions.apiserver for entry in plan.control_planes} - {plan.cluster.from_}


def _control_plane(plan: Plan, entry: ControlPlane, facts: Facts, progress: Progress) -> Iterator[Drift]:
    at = f"controlPlanes[{entry.name}]"
    node = next((n for n in facts.control_planes if n.name == entry.name), None)
    if node is None:
        yield Drift(at, "in the cluster", "gone")
        return
    yield from _pin(f"{at}.uid", entry.uid, node.uid)
    yield from _pin(f"{at}.address", entry.address, node.internal_ip)
    # a cordon says itself whose it is
    if not (node.cordoned and progress.run8 and node.annotations.get(CORDON_ANNOTATION) == progress.run8):
        yield from _pin(f"{at}.cordoned", entry.cordoned, node.cordoned)
    want = expected(plan, entry, progress)
    yield from _versions(entry, facts, node, want)
    host = facts.hosts.get(entry.name)
    if isinstance(host, HostFacts):
        yield from _host(entry, host, want)


def _versions(entry: ControlPlane, facts: Facts, node: NodeObject, want: Expected) -> Iterator[Drift]:
    images = {pod.component: image_version(pod.image) for pod in facts.static_pods if pod.node == entry.name}
    found = {name: images.get(component) for component, name in zip(CONTROL_PLANE_COMPONENTS, COMPONENTS, strict=True)}
    for name, now in {**found, "kubelet": node.kubelet}.items():
        allowed = want.allowed[name]
        # a static pod may be away for a moment while its node is worked on; waits and gates judge that
        away = now is None and len(allowed) > 1
        if not away and not (now is not None and allowed[0] <= now <= allowed[-1]):
            yield Drift(f"controlPlanes[{entry.name}].versions.{name}", _text(allowed[-1]), _text(now))


def _host(entry: ControlPlane, host: HostFacts, want: Expected) -> Iterator[Drift]:
    at = f"controlPlanes[{entry.name}]"
    if isinstance(host.host, Host):
        yield from _pin(f"{at}.hostKey", entry.host_key, host.host.host_key)
    if isinstance(host.kubeadm, Kubeadm):
        yield from _pin(f"{at}.patches", entry.patches, host.kubeadm.patches)
    if isinstance(host.packages, Packages):
        if host.packages.repository not in want.allowed["repository"]:
            yield Drift(f"{at}.repository", want.allowed["repository"][-1], host.packages.repository)
        if "held" not in want.moving:
            yield from _pin(f"{at}.held", sorted(entry.held), sorted(host.packages.held))
    if entry.etcd_member != "external" and isinstance(host.etcd, Etcd):
        yield from _pin(f"{at}.etcdMember", entry.etcd_member, host.etcd.member)
        if not want.rewritten and "etcd" not in want.moving:
            yield from _pin(f"{at}.versions.etcd", entry.versions.etcd, host.etcd.version)
    if isinstance(host.manifests, ManifestFiles):
        yield from _manifests(entry, host, host.manifests, want)


def _manifests(entry: ControlPlane, host: HostFacts, files: ManifestFiles, want: Expected) -> Iterator[Drift]:
    """As the plan pins them; after kubeadm, as it left them by its own record on the node."""
    at = f"controlPlanes[{entry.name}].manifests"
    yield from _pin(f"{at}.patches", entry.manifests.patches, files.hashes.get("patches"))
    if "manifests" in want.moving:
        return
    kept = host.run.manifests if isinstance(host.run, RunRecord) else {}
    for component in ("etcd", *CONTROL_PLANE_COMPONENTS):
        name = component.replace("-", "_")
        if not want.rewritten:
            yield from _pin(f"{at}.{name}", getattr(entry.manifests, name), files.hashes.get(component))
        elif component in kept:
            yield from _pin(f"{at}.{name}", kept[component], files.hashes.get(component))


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


def _skipped(
    plan: Plan, nodes: dict[str, NodeObject], begun: frozenset[str], owned: Collection[str]
) -> Iterator[Skipped]:
    """`owned`: names of Nodes that are a Machine's, whose controller replaces them."""
    for pool in plan.pools:
        for worker in pool.nodes:
            node = nodes.get(worker.name)
            if node is None:
                yield Skipped(worker.name, "has left the cluster")
            elif worker.name in owned:
                yield Skipped(worker.name, "is a Machine's, whose controller replaces it")
            elif node.windows:
                yield Skipped(worker.name, "runs Windows")
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
