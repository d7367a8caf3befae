"""The way from where a cluster is to its target: which versions it stops at, and which kubelets move there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import UsageError
from kubectl_upgrade.model.plan import Hop
from kubectl_upgrade.model.skew import KUBELET_MAY_LAG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kubectl_upgrade.model.machines import ClusterTopology, MachineDeployment
    from kubectl_upgrade.model.plan import ControlPlane, Pool
    from kubectl_upgrade.model.version import Version
    from kubectl_upgrade.planner.order import Order


@dataclass(frozen=True, slots=True)
class ManagedEntries:
    """What the plan has of MachineDeployments, and of Clusters with a topology."""

    deployments: tuple[MachineDeployment, ...] = ()
    topologies: tuple[ClusterTopology, ...] = ()


NOTHING_MANAGED = ManagedEntries()


def way_to(target: Version, start: Version, newest: Version, via: Sequence[Version]) -> tuple[Version, ...]:
    """Every version that the control planes are brought to, in order.

    `newest` of what they run: a hop that somebody began is completed at the version with which it was begun. `via`:
    what a person chose for the minors in between. UsageError when one of those is not on the way, or none is chosen.
    """
    for version in via:
        if not start < version < target:
            raise UsageError(f"--via {version} is not between {start} and {target}", fix=f"leave --via {version} out")
    way = _stops(target, start, newest, via)
    lines = _unchosen(start, way)
    if lines:
        raise UsageError(
            f"from {start} to {target} the control planes stop at every minor, and no release of "
            f"{' and '.join(lines)} was chosen",
            fix=f"name one of each: {' '.join(f'--via {line}.PATCH' for line in lines)}",
        )
    if way[0] < newest:
        raise UsageError(
            f"{way[0]} is below {newest}, which a control plane runs already",
            fix=f"choose --via {newest} or a later one",
        )
    return way


def unchosen_minors(target: Version, start: Version, newest: Version, via: Sequence[Version]) -> tuple[str, ...]:
    """Minors on that way of which no release is chosen yet: `("v1.35",)`."""
    return _unchosen(start, _stops(target, start, newest, via))


def _stops(target: Version, start: Version, newest: Version, via: Sequence[Version]) -> tuple[Version, ...]:
    chosen = {*via, target}
    begun = start < newest < target and newest.line not in {start.line, *(version.line for version in chosen)}
    return tuple(sorted(chosen | {newest} if begun else chosen))


def _unchosen(start: Version, way: Sequence[Version]) -> tuple[str, ...]:
    return tuple(
        f"v{before.major}.{minor}"
        for before, after in pairwise((start, *way))
        for minor in range(before.minor + 1, after.minor)
    )


def hops_of(  # noqa: PLR0913, PLR0917 - all that a way depends on
    way: Sequence[Version],
    start: Version,
    control_planes: tuple[ControlPlane, ...],
    pools: tuple[Pool, ...],
    order: Callable[[Version, Version], Order],
    managed: ManagedEntries = NOTHING_MANAGED,
) -> tuple[Hop, ...]:
    """Control planes and their kubelets stop everywhere, workers as seldom as the version skew policy lets them: each
    of their stops costs a drain. Every hop is laid out for the nodes as they enter it.
    """
    made = []
    for index, (before, to) in enumerate(pairwise((start, *way))):
        following = next(iter(way[index + 1 :]), None)
        moving = tuple(pool for pool in pools if pool.kubelet < to and not _may_stay(pool.kubelet, following))
        rolling, managed = _rolling(managed, to, following)
        stages = order(before, to).stages(control_planes, moving, rolling.deployments, rolling.topologies)
        made.append(Hop(from_=before, to=to, stages=stages))
        control_planes = tuple(_with_kubelet(node, max(to, node.versions.kubelet)) for node in control_planes)
        pools = tuple(replace(pool, kubelet=to) if pool in moving else pool for pool in pools)
    return tuple(made)


def _rolling(managed: ManagedEntries, to: Version, following: Version | None) -> tuple[ManagedEntries, ManagedEntries]:
    """What controllers roll out in this hop, and everything as it is afterwards.

    A topology moves in every hop: its webhook lets none skip a minor. A stage of MachineDeployments takes all that are
    below its version, so that one which has to move takes the others along.
    """
    own = [entry for entry in managed.deployments if not entry.topology and entry.version < to]
    if all(_may_stay(entry.version, following) for entry in own):
        own = []
    topologies = [entry for entry in managed.topologies if entry.version < to]
    after = ManagedEntries(
        tuple(replace(entry, version=to) if entry in own else entry for entry in managed.deployments),
        tuple(replace(entry, version=max(to, entry.version)) for entry in managed.topologies),
    )
    return ManagedEntries(tuple(own), tuple(topologies)), after


def _may_stay(kubelet: Version, following: Version | None) -> bool:
    """Until the next hop is over: its API servers are the newest that these kubelets meet before they move."""
    return following is not None and following.minors_above(kubelet) <= KUBELET_MAY_LAG


def _with_kubelet(node: ControlPlane, version: Version) -> ControlPlane:
    return replace(node, versions=replace(node.versions, kubelet=version))
