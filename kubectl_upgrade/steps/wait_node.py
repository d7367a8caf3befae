"""Wait until the node is Ready at the new kubelet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.facts.nodes import node_object
from kubectl_upgrade.model.types import Seconds
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.steps.base import Step
from kubectl_upgrade.steps.node_object import read

if TYPE_CHECKING:
    from kubectl_upgrade.steps.base import StepContext


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitNode(Step):
    """The Node reports the version and is Ready. It stays Ready for about 40 s after its kubelet died, but an old
    kubelet never reports the new version, so both together are proof.
    """

    NAME: ClassVar[str] = "wait-node"
    TITLE: ClassVar[str] = "wait for Node Ready at the new kubelet"
    WAITS: ClassVar[bool] = True

    version: Version
    timeout_seconds: Seconds = 300

    async def run(self, context: StepContext) -> None:
        async def missing() -> str | None:
            node = node_object(await read(context))
            if node.kubelet != self.version:
                return f"the Node reports kubelet {node.kubelet}"
            return None if node.ready else "the Node is not Ready"

        await context.until(f"{context.node.name} Ready at kubelet {self.version}", self.timeout_seconds, missing)
