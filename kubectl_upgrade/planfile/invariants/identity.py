"""The nodes of a plan are distinct, reachable by what it says of them, and agree about etcd."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from kubectl_upgrade.planfile.problem import Problem
from kubectl_upgrade.planfile.shape import camel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.model.plan import ControlPlane, Plan, PoolNode
    from kubectl_upgrade.planfile.invariants.layout import Layout
    from kubectl_upgrade.planfile.problem import Where


def names_are_unique(layout: Layout) -> Iterator[Problem]:
    """One entry to a node, a pool, an etcd member."""
    nodes = list(_nodes(layout.plan))
    for field in ("name", "uid"):
        yield from _unique([((*where, field), getattr(node, field)) for where, node in nodes])
    pools = enumerate(layout.plan.pools)
    yield from _unique([(("pools", index, "name"), pool.name) for index, pool in pools])
    if layout.plan.cluster_configuration.etcd == "stacked":
        control_planes = enumerate(layout.plan.control_planes)
        yield from _unique(
            [(("controlPlanes", index, "etcdMember"), node.etcd_member) for index, node in control_planes]
        )


def managed_names_are_unique(layout: Layout) -> Iterator[Problem]:
    """One entry to a MachineDeployment, and to a Cluster."""
    for field in ("machine_deployments", "cluster_topologies"):
        entries = list(enumerate(getattr(layout.plan, field)))
        for key in ("name", "uid"):
            values = [(f"{entry.namespace}/{entry.name}" if key == "name" else entry.uid) for _, entry in entries]
            places: list[Where] = [(camel(field), index, key) for index, _ in entries]
            yield from _unique(list(zip(places, values, strict=True)))


def addresses_are_real(layout: Layout) -> Iterator[Problem]:
    """Each is an address of one other machine: never the operator's own, never many machines', never two nodes'."""
    seen: set[IPv4Address | IPv6Address] = set()
    for node_where, node in _nodes(layout.plan):
        where = (*node_where, "address")
        try:
            address = _address(node.address)
        except ValueError:
            yield Problem(where, f"{node.address} is no IP address")
            continue
        if address.is_loopback or address.is_multicast or address.is_unspecified or address.is_link_local:
            yield Problem(where, f"{node.address} is no address of another machine")
        if address in seen:
            yield Problem(where, f"{node.address} is the address of two nodes", "each node has its own")
        seen.add(address)


def etcd_is_of_one_kind(layout: Layout) -> Iterator[Problem]:
    """Stacked: every control plane has a member, a version and a manifest of it. External: none has."""
    stacked = layout.plan.cluster_configuration.etcd == "stacked"
    for index, node in enumerate(layout.plan.control_planes):
        where: Where = ("controlPlanes", index)
        told = {
            ("etcdMember",): node.etcd_member != "external",
            ("versions", "etcd"): node.versions.etcd != "external",
            ("manifests", "etcd"): node.manifests.etcd is not None,
        }
        for key, has_member in told.items():
            if has_member != stacked:
                kind = (
                    "stacked, so that each node has a member" if stacked else "external, so that no node has a member"
                )
                yield Problem((*where, *key), f"clusterConfiguration.etcd is {kind}; {node.name} differs")


def _address(text: str) -> IPv4Address | IPv6Address:
    """One address has one form here, also when an IPv4 address is written as an IPv6 one."""
    address = ip_address(text)
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _nodes(plan: Plan) -> Iterator[tuple[Where, ControlPlane | PoolNode]]:
    for index, control_plane in enumerate(plan.control_planes):
        yield ("controlPlanes", index), control_plane
    for index, pool in enumerate(plan.pools):
        for place, node in enumerate(pool.nodes):
            yield ("pools", index, "nodes", place), node


def _unique(values: list[tuple[Where, str]]) -> Iterator[Problem]:
    seen: set[str] = set()
    for where, value in values:
        if value in seen:
            yield Problem(
                where,
                f"{value} stands in the plan twice",
                "each node, pool, member and MachineDeployment has one entry",
            )
        seen.add(value)
