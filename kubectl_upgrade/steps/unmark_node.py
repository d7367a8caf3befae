"""Take this run's label off the node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.names import RUN_LABEL
from kubectl_upgrade.steps import node_object
from kubectl_upgrade.steps.base import Step

if TYPE_CHECKING:
    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmarkNode(Step):
    """Remove the label that mark-node set, and no other run's."""

    NAME: ClassVar[str] = "unmark-node"
    TITLE: ClassVar[str] = "take the in-process label off"

    async def done(self, context: StepContext) -> bool:
        node = await node_object.read(context)
        return bool(node["metadata"].get("labels", {}).get(RUN_LABEL) != context.run8)

    async def run(self, context: StepContext) -> None:
        def remove(node: Json) -> Json | None:
            ours = node["metadata"].get("labels", {}).get(RUN_LABEL) == context.run8
            return {"metadata": {"labels": {RUN_LABEL: None}}} if ours else None

        await node_object.change(context, remove)
