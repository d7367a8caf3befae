"""In which order workers are taken: zone by zone, so that one failure domain is disturbed at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from kubectl_upgrade.model.words import natural

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import NodeObject

# https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone
ZONE_LABEL = "topology.kubernetes.io/zone"

Key: TypeAlias = "tuple[tuple[tuple[int, int, str], ...], tuple[tuple[int, int, str], ...]]"


def by_zone(node: NodeObject) -> Key:
    """A sort key: nodes without a zone first, then each zone's, by their names."""
    return natural(node.labels.get(ZONE_LABEL, "")), natural(node.name)
