"""Which images of etcd there are, as the fact `etcd-images` prints it and as `pull-images` finds them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_upgrade.simulation.faults import UnplannedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.node import Node

# what registry.k8s.io/etcd has, but for those of kubeadm's own
PROMOTED = frozenset({"3.5.26-0", "3.5.32-0", "3.6.6-0", "3.6.11-0"})
_REPOSITORY = re.compile(r"[a-z0-9][a-z0-9._:/-]*/etcd")
_TAG = re.compile(r"3\.[0-9]{1,3}\.[0-9]{1,3}-[0-9]{1,3}")


def observe(cluster: ModelCluster, node: Node, arguments: Sequence[str]) -> list[str]:
    """One line for each tag."""
    repository, *tags = arguments
    if not tags or not _REPOSITORY.fullmatch(repository) or not all(map(_TAG.fullmatch, tags)):
        raise UnplannedError(f"etcd-images does not take {arguments}")
    return [_line(cluster, node, tag) for tag in tags]


def _line(cluster: ModelCluster, node: Node, tag: str) -> str:
    if tag in node.etcd_images:
        return f"here {tag}"
    if refusal := why_refused(cluster, node, tag):
        return f"refused {tag} https://registry.k8s.io answered {refusal}"
    return f"offered {tag}"


def why_refused(cluster: ModelCluster, node: Node, tag: str) -> str:
    """What the registry answers to a node that asks for the tag; empty when it has it."""
    if not cluster.registry_up:
        return "000"
    return "" if tag in PROMOTED and tag not in node.lacks else "404"
