"""Wait until nodes may read the new kubelet configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.facts.gather import probe_hosts
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.types import Seconds
from kubectl_upgrade.steps.base import Step, machine

if TYPE_CHECKING:
    from kubectl_upgrade.steps.base import StepContext


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitKubeletConfigAccess(Step):
    """A worker's `kubeadm upgrade node` right after the control plane's may come before its right to read the
    ConfigMap kubelet-config has spread; kubeadm's own upgrade tests (kinder) ask the same question first.
    A control plane answers for all: the right belongs to the group system:nodes, and workers come and go.
    """

    NAME: ClassVar[str] = "wait-kubelet-config-access"
    ON: ClassVar[str] = "cluster"
    TITLE: ClassVar[str] = "wait until nodes may read kubelet-config"
    WAITS: ClassVar[bool] = True

    timeout_seconds: Seconds = 120

    async def run(self, context: StepContext) -> None:
        asked = machine(context.plan.control_planes[0])

        async def missing() -> str | None:
            host = (await probe_hosts(context.nodes, [asked], ("kubelet-config-access",)))[asked.name]
            answer = host if isinstance(host, Unknown) else host.kubelet_config_access
            if isinstance(answer, Unknown):
                return f"{asked.name} could not ask: {answer.reason}"
            return None if answer else f"{asked.name} may not read it"

        await context.until("kubelet-config readable for nodes", self.timeout_seconds, missing)
