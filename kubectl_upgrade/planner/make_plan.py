"""A plan from what was observed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubectl_upgrade.checks import CHECKS
from kubectl_upgrade.checks.etcd_minimum import EtcdMinimum
from kubectl_upgrade.checks.etcd_way import etcd_ways
from kubectl_upgrade.checks.judge import blockers
from kubectl_upgrade.checks.kubelets_via_endpoint import kubelets_may_go_via_endpoint
from kubectl_upgrade.checks.unmanaged_pods import UnmanagedPods
from kubectl_upgrade.model.plan import (
    Availability,
    ClusterConfiguration,
    Plan,
    PlanCluster,
    PreflightEntry,
    Waiver,
)
from kubectl_upgrade.model.types import visible
from kubectl_upgrade.planfile.read import MADE_BY
from kubectl_upgrade.planner.hops import hops_of, unchosen_minors, way_to
from kubectl_upgrade.planner.inventory import component_version, control_plane_entry, leader_first, pools_of
from kubectl_upgrade.planner.managed import managed_of
from kubectl_upgrade.planner.order import Order
from kubectl_upgrade.planner.rollout import Rollout
from kubectl_upgrade.planner.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_upgrade.checks.judge import Judgement
    from kubectl_upgrade.model.facts import Facts
    from kubectl_upgrade.model.plan import ControlPlane, Hop, Pool
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.planner.hops import ManagedEntries

# checks whose blockers mean that there is no way to the target, so that the plan shows none
_NO_WAY = frozenset({"known-minor", "upgrade-path", "versions-at-most-target"})

_PROBE = Availability(write="lease/upgrade-cp-probe", every_seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person may choose when planning."""

    waivers: Mapping[str, str]
    """check → reason"""
    waive_until: str
    """last day of the waivers, `2026-12-24`"""
    waivers_end: Mapping[str, str] = field(default_factory=dict)
    """check → last day of its waiver, where that is another"""
    max_unavailable: str = "10%"
    drain_seconds: int = 900
    rollout: Rollout = field(default_factory=Rollout)
    selection: Selection = field(default_factory=Selection)
    kubelet_via_endpoint: bool = True
    """where it helps and is possible"""
    availability_probe: bool = True
    via: tuple[Version, ...] = ()
    """releases at which to stop on the way: one of each minor in between, at least"""


def make_plan(facts: Facts, target: Version, judgements: tuple[Judgement, ...], options: Options) -> Plan:
    """The plan; it is made also when a check blocks, for the reader.

    PreflightError when too little is known of a control plane to pin it, UsageError when no release of a minor on the
    way was chosen.
    """
    start = starting_version(facts, target)
    waivers = tuple(
        Waiver(
            check=name,
            kubeadm_errors=_errors_of(name, judgements),
            reason=reason,
            until=options.waivers_end.get(name, options.waive_until),
        )
        for name, reason in sorted(options.waivers.items())
    )
    control_planes = tuple(control_plane_entry(facts, node) for node in leader_first(facts))
    pools = pools_of(facts, options.max_unavailable, options.selection.left_out(facts))
    managed = managed_of(facts)
    config = facts.kubeadm_config
    hops = (
        () if not has_a_way(judgements) else _hops(facts, target, options, judgements, control_planes, pools, managed)
    )
    return Plan(
        made_by=MADE_BY,
        cluster=PlanCluster(
            name=visible(config.cluster_name), uid=facts.uid, ca_hash=facts.ca_hash, from_=start, to=target
        ),
        cluster_configuration=ClusterConfiguration(
            control_plane_endpoint=config.control_plane_endpoint,
            image_repository=config.image_repository,
            etcd=config.etcd,
            etcd_image_tag=config.etcd_image_tag,
            etcd_image_repository=config.etcd_image_repository,
            dns_image_repository=config.dns_image_repository,
            dns_image_tag=config.dns_image_tag,
        ),
        control_planes=control_planes,
        pools=pools,
        machine_deployments=managed.deployments,
        cluster_topologies=managed.topologies,
        preflight=tuple(map(_entry, judgements)),
        waivers=waivers,
        availability=_PROBE if options.availability_probe and hops else None,
        hops=hops,
    )


def _hops(  # noqa: PLR0913, PLR0917 - all that a way depends on
    facts: Facts,
    target: Version,
    options: Options,
    judgements: Sequence[Judgement],
    control_planes: tuple[ControlPlane, ...],
    pools: tuple[Pool, ...],
    managed: ManagedEntries,
) -> tuple[Hop, ...]:
    start, found = starting_version(facts, target), _on_control_planes(facts)
    if min(found) == target:
        # nothing is left but kubelets, which may skip minors
        way: tuple[Version, ...] = (target,) if start < target else ()
    else:
        way = way_to(target, start, max(found), options.via)

    ways = {} if _waived(EtcdMinimum.NAME, judgements) else etcd_ways(facts, target)

    def order(before: Version, to: Version) -> Order:
        return Order(
            from_=before,
            to=to,
            stacked_etcd=facts.kubeadm_config.etcd == "stacked",
            members=len(control_planes),
            ignored=tuple(sorted({error for name in options.waivers for error in _errors_of(name, judgements)})),
            max_unavailable=options.max_unavailable,
            drain_seconds=options.drain_seconds,
            rollout=options.rollout,
            unmanaged_pods="delete" if _waived(UnmanagedPods.NAME, judgements) else "stop",
            kubelet_via_endpoint=options.kubelet_via_endpoint and kubelets_may_go_via_endpoint(facts),
            etcd_tag=ways.get(to.line.removeprefix("v"), "") if to.line != before.line else "",
            nodes=len(facts.linux),
        )

    return hops_of(way, start, control_planes, pools, order, managed)


def _waived(name: str, judgements: Sequence[Judgement]) -> bool:
    """Has the check found something that a person accepted? A waiver of what is not there lets nothing through."""
    return any(judgement.check == name and judgement.result == "waived" for judgement in judgements)


def _errors_of(name: str, judgements: Sequence[Judgement]) -> tuple[str, ...]:
    """Kubeadm's errors that this waiver lets steps ignore."""
    return CHECKS[name].KUBEADM_ERRORS if _waived(name, judgements) else ()


def has_a_way(judgements: Sequence[Judgement]) -> bool:
    """Does no check say that there is none?"""
    return not any(judgement.check in _NO_WAY for judgement in blockers(judgements))


def minors_to_choose(facts: Facts, target: Version, via: Sequence[Version]) -> tuple[str, ...]:
    """Minors on the way to the target of which a release has to be chosen, lowest first: `("v1.35",)`."""
    found = _on_control_planes(facts)
    return () if min(found) == target else unchosen_minors(target, starting_version(facts, target), max(found), via)


def starting_version(facts: Facts, target: Version) -> Version:
    """Where the first hop starts: the oldest of the cluster's configuration and its API servers, so that a hop which
    somebody began is completed; when those are all at the target, the oldest kubelet.
    """
    oldest = min(_on_control_planes(facts))
    return oldest if oldest != target else min([oldest, *(node.kubelet for node in facts.linux)])


def _on_control_planes(facts: Facts) -> list[Version]:
    apiservers = [component_version(facts, node, "kube-apiserver") for node in facts.control_planes]
    return [facts.kubeadm_config.kubernetes_version, *apiservers]


def _entry(judgement: Judgement) -> PreflightEntry:
    finding = judgement.finding
    if finding is None:
        return PreflightEntry(check=judgement.check, result=judgement.result)
    return PreflightEntry(
        check=judgement.check,
        result=judgement.result,
        node=finding.node,
        message=visible(finding.message),
        fix=visible(finding.fix),
    )
