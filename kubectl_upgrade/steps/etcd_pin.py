"""The tag of etcd's image in the ConfigMap kubeadm-config, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.facts.etcd_tag import NONE, with_etcd_tag
from kubectl_upgrade.facts.kubeadm_config import PATH, kubeadm_config
from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.model.names import ETCD_TAG_ANNOTATION
from kubectl_upgrade.steps.api_object import change_object

if TYPE_CHECKING:
    from kubectl_upgrade.model.etcd import EtcdPin
    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json

EDIT = "kubectl -n kube-system edit cm kubeadm-config"
FORGET = f"kubectl -n kube-system annotate cm kubeadm-config {ETCD_TAG_ANNOTATION}-"
# what is patched where the tag stays
_FORGOTTEN: Json = {"metadata": {"annotations": {ETCD_TAG_ANNOTATION: None}}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """etcd.local.imageTag as it is, and what a run has written beside it."""

    tag: str
    """`none` when there is none"""
    beside: EtcdPin

    def is_of(self, context: StepContext) -> bool:
        return self.beside.run8 == context.run8


async def read_pin(context: StepContext) -> Pin:
    """The pin, and whose it is."""
    return _pin(await context.cluster.get(PATH))


async def set_pin(context: StepContext, tag: str) -> None:
    """Set the tag, and beside it what it was, in one patch. StepError when it is not as the plan says any more."""
    planned = context.plan.cluster_configuration.etcd_image_tag

    def put(config_map: Json) -> Json | None:
        pin = _pin(config_map)
        if pin.is_of(context) and pin.tag == tag:
            return None
        other = pin.beside.run8
        if other or pin.tag != planned:
            whose = f", and {ETCD_TAG_ANNOTATION} beside it is of run {other}" if other else ""
            raise StepError(
                f"setting etcd.local.imageTag to {tag}: it is {pin.tag} in kubeadm-config{whose}; the plan has "
                f"{planned}",
                fix=f"put it right ({EDIT}{f'; `{FORGET}` if that run is over' if other else ''}) and apply again, or "
                "end this run with `kubectl upgrade-cp abort` and make a new plan",
            )
        return _patch(config_map, tag, f"{context.run8} {tag} {planned}")

    await change_object(context, PATH, lambda: context.cluster.get(PATH), put)


async def clear_pin(context: StepContext) -> None:
    """Put back what this run found. StepError when somebody has changed it since; the tag is left alone then."""
    planned = context.plan.cluster_configuration.etcd_image_tag

    def put_back(config_map: Json) -> Json | None:
        pin = _pin(config_map)
        ours, beside = pin.is_of(context), pin.beside
        if ours and pin.tag == beside.before:
            return _FORGOTTEN  # somebody has put it back by hand
        if (ours and pin.tag != beside.set_to) or (not ours and pin.tag != planned):
            raise StepError(
                f"putting etcd.local.imageTag back to {planned}: it is {pin.tag} in kubeadm-config, which this run has "
                "not set",
                fix=f"kubeadm would keep etcd there: put it right, and take the annotation {ETCD_TAG_ANNOTATION} away "
                f"({EDIT}), then apply or abort again",
            )
        return _patch(config_map, beside.before, None) if ours else None

    await change_object(context, PATH, lambda: context.cluster.get(PATH), put_back)


async def let_go(context: StepContext) -> None:
    """Take back what this run wrote beside a tag that is somebody else's by now."""

    def forget(config_map: Json) -> Json | None:
        return _FORGOTTEN if _pin(config_map).is_of(context) else None

    await change_object(context, PATH, lambda: context.cluster.get(PATH), forget)


def _pin(config_map: Json) -> Pin:
    found = kubeadm_config(config_map)
    return Pin(tag=found.etcd_image_tag, beside=found.etcd_pin)


def _patch(config_map: Json, tag: str, written: str | None) -> Json:
    try:
        text = with_etcd_tag(config_map["data"]["ClusterConfiguration"], tag)
    except ValueError as error:
        raise StepError(
            f"changing etcd.local.imageTag in kubeadm-config: {error}",
            fix=f"set it to {tag} by hand ({EDIT}; {NONE} is to leave it out), then apply again",
        ) from error
    return {"metadata": {"annotations": {ETCD_TAG_ANNOTATION: written}}, "data": {"ClusterConfiguration": text}}
