"""Let kubeadm choose etcd again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubectl_upgrade.steps.base import Step
from kubectl_upgrade.steps.etcd_pin import clear_pin, read_pin

if TYPE_CHECKING:
    from kubectl_upgrade.steps.base import StepContext


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpinEtcd(Step):
    """Put `etcd.local.imageTag` back as it was before pin-etcd: a tag that stays holds etcd there in every upgrade
    that follows. kubeadm never brings a member back to an older etcd, so that those that have moved stay.
    """

    NAME: ClassVar[str] = "unpin-etcd"
    ON: ClassVar[str] = "cluster"
    TITLE: ClassVar[str] = "put etcd.local.imageTag back"
    CHANGES: ClassVar[frozenset[str]] = frozenset({"etcdImageTag"})

    async def done(self, context: StepContext) -> bool:
        pin = await read_pin(context)
        return not pin.is_of(context) and pin.tag == context.plan.cluster_configuration.etcd_image_tag

    async def run(self, context: StepContext) -> None:
        await clear_pin(context)
