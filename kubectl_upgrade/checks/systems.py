"""What checks on machines have in common: the nodes that answered, and what they said of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.facts import Host, Unknown
from kubectl_upgrade.model.node_health import System

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.model.facts import Facts, HostFacts, NodeObject


def answering(facts: Facts) -> Iterator[tuple[NodeObject, HostFacts]]:
    """Nodes that were asked and answered; nodes-reachable tells the others."""
    for node in facts.nodes:
        host = facts.hosts.get(node.name)
        if host is not None and not isinstance(host, Unknown) and isinstance(host.host, Host):
            yield node, host


def systems(facts: Facts) -> Iterator[tuple[NodeObject, HostFacts, System]]:
    """Those whose machine is known; node-answers tells the others."""
    for node, host in answering(facts):
        if isinstance(host.system, System):
            yield node, host, host.system
