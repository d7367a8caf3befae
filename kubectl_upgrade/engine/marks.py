"""What a run writes on a Node to say that it works there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.names import CORDON_ANNOTATION, RUN_LABEL

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import NodeObject


def worked_on(node: NodeObject, run8: str) -> bool:
    """Does the Node bear this run's label or cordon?"""
    return run8 in {node.labels.get(RUN_LABEL), node.annotations.get(CORDON_ANNOTATION)}
