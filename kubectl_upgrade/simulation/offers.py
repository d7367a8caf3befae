"""What a node's repositories offer, as the fact `offers` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.simulation.releases import DEB_REVISION, NEWEST_PATCH, RELEASES

if TYPE_CHECKING:
    from kubectl_upgrade.simulation.cluster import ModelCluster
    from kubectl_upgrade.simulation.node import Node


def observe(cluster: ModelCluster, node: Node) -> list[str]:
    """Its own minor and the three that follow, as far as they exist."""
    lines: list[str] = []
    own = min(node.packages[package].minor for package in ("kubeadm", "kubelet"))
    for minor in range(own, own + 4):
        if f"v1.{minor}" not in RELEASES:
            return [*lines, f"refused v1.{minor} The repository does not have a Release file."]
        if "all" in cluster.withdrawn and f"v1.{minor}" != node.repository:
            return [*lines, f"refused v1.{minor} Could not connect to the repository"]
        bare = {f"1.{minor}.{patch}" for patch in range(NEWEST_PATCH + 1)} - cluster.withdrawn - node.lacks
        lines += [f"offered {version}-{DEB_REVISION}" for version in sorted(bare)]
    return lines
