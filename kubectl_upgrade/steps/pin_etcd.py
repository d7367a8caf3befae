"""Tell kubeadm which etcd to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.model.types import EtcdTag
from kubectl_upgrade.steps.base import Step
from kubectl_upgrade.steps.etcd_pin import read_pin, set_pin

if TYPE_CHECKING:
    from kubectl_upgrade.steps.base import StepContext


@dataclass(frozen=True, slots=True, kw_only=True)
class PinEtcd(Step):
    """Set `etcd.local.imageTag` in kubeadm's ClusterConfiguration, and remember beside it, in the same patch, what it
    was. No member moves by that: the next kubeadm on a control plane reads it there.
    """

    NAME: ClassVar[str] = "pin-etcd"
    ON: ClassVar[str] = "cluster"
    TITLE: ClassVar[str] = "set etcd.local.imageTag"
    UNDO: ClassVar[str | None] = "unpin-etcd puts back what was there, and so does abort"
    CHANGES: ClassVar[frozenset[str]] = frozenset({"etcdImageTag"})

    tag: EtcdTag

    async def done(self, context: StepContext) -> bool:
        pin = await read_pin(context)
        return pin.is_of(context) and pin.tag == self.tag

    async def run(self, context: StepContext) -> None:
        await set_pin(context, self.tag)
