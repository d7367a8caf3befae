"""Wait until every etcd member is started, voting, healthy and caught up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from kubectl_upgrade.facts.gather import probe_hosts
from kubectl_upgrade.model.quorum import ailing
from kubectl_upgrade.model.types import Range, Seconds
from kubectl_upgrade.steps.base import Step, machine

if TYPE_CHECKING:
    from kubectl_upgrade.steps.base import StepContext


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEtcd(Step):
    """Each member is asked on its own node with its own binary; one that does not answer counts as unhealthy."""

    NAME: ClassVar[str] = "wait-etcd"
    TITLE: ClassVar[str] = "wait until etcd has settled"
    WAITS: ClassVar[bool] = True

    members: Annotated[int, Range(1, 99)]
    timeout_seconds: Seconds = 300

    async def run(self, context: StepContext) -> None:
        machines = [machine(node) for node in context.plan.control_planes]

        async def missing() -> str | None:
            hosts = await probe_hosts(context.nodes, machines, ("etcd",))
            return ailing(hosts, self.members)

        await context.until(f"{self.members} healthy etcd members", self.timeout_seconds, missing)
