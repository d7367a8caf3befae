"""Let pods be scheduled on the node again, if this run kept them off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.names import CORDON_ANNOTATION
from kubectl_upgrade.steps import node_object
from kubectl_upgrade.steps.base import Step

if TYPE_CHECKING:
    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class UncordonNode(Step):
    """Undo this run's cordon; a node that somebody else cordoned stays cordoned."""

    NAME: ClassVar[str] = "uncordon-node"
    TITLE: ClassVar[str] = "uncordon, if we cordoned"
    CHANGES: ClassVar[frozenset[str]] = frozenset({"cordoned"})

    async def done(self, context: StepContext) -> bool:
        node = await node_object.read(context)
        return bool(node["metadata"].get("annotations", {}).get(CORDON_ANNOTATION) != context.run8)

    async def run(self, context: StepContext) -> None:
        await lift_cordon(context)


async def lift_cordon(context: StepContext) -> bool:
    """Uncordon when the cordon is this run's; was it?"""

    def lift(node: Json) -> Json | None:
        if node["metadata"].get("annotations", {}).get(CORDON_ANNOTATION) != context.run8:
            return None
        return {"metadata": {"annotations": {CORDON_ANNOTATION: None}}, "spec": {"unschedulable": None}}

    return await node_object.change(context, lift)
