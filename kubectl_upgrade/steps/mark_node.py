"""Label the node as being worked on by this run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.names import RUN_LABEL
from kubectl_upgrade.steps import node_object
from kubectl_upgrade.steps.base import Step

if TYPE_CHECKING:
    from kubectl_upgrade.steps.base import StepContext


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkNode(Step):
    """Set the label that says which run works on this node; plan and apply of others stop at it."""

    NAME: ClassVar[str] = "mark-node"
    TITLE: ClassVar[str] = "label the node as in process"
    BEFORE_ACTIONS: ClassVar[bool] = True
    UNDO: ClassVar[str | None] = "unmark-node takes the label off"

    async def done(self, context: StepContext) -> bool:
        node = await node_object.read(context)
        return bool(node["metadata"].get("labels", {}).get(RUN_LABEL) == context.run8)

    async def run(self, context: StepContext) -> None:
        await node_object.change(context, lambda _: {"metadata": {"labels": {RUN_LABEL: context.run8}}})
