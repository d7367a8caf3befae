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
    from kubectl_upgrade.steps.base import StepContext
    from kubectl_upgrade.world import Json

EDIT = "kubectl -n kube-system edit cm kubeadm-config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """etcd.local.imageTag as it is, and what a run has written beside it."""

    tag: str
    """`none` when there is none"""
    run8: str = ""
    """of the run that has set it; empty when none has"""
    set_to: str = ""
    before: str = ""

    def is_of(self, context: StepContext) -> bool:
        return self.run8 == context.run8


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
        if pin.run8 or pin.tag != planned:
            whose = f" by run {pin.run8}" if pin.run8 else ""
            raise StepError(
                f"setting etcd.local.imageTag to {tag}: it is {pin.tag}{whose} in kubeadm-config, the plan knows it as "
                f"{planned}",
                fix=f"put it right ({EDIT}), or end this run with `kubectl upgrade-cp abort` and make a new plan",
            )
        return _patch(config_map, tag, f"{context.run8} {tag} {planned}")

    await change_object(context, PATH, lambda: context.cluster.get(PATH), put)


async def clear_pin(context: StepContext) -> None:
    """Put back what this run found. StepError when somebody has changed it since; the tag is left alone then."""
    planned = context.plan.cluster_configuration.etcd_image_tag

    def put_back(config_map: Json) -> Json | None:
        pin = _pin(config_map)
        ours = pin.is_of(context)
        if (ours and pin.tag != pin.set_to) or (not ours and pin.tag != planned):
            raise StepError(
                f"putting etcd.local.imageTag back to {planned}: it is {pin.tag} in kubeadm-config, which this run has "
                "not set",
                fix=f"kubeadm would keep etcd there: put it right, and take the annotation {ETCD_TAG_ANNOTATION} away "
                f"({EDIT}), then apply or abort again",
            )
        return _patch(config_map, pin.before, None) if ours else None

    await change_object(context, PATH, lambda: context.cluster.get(PATH), put_back)


async def let_go(context: StepContext) -> None:
    """Take back what this run wrote beside a tag that is somebody else's by now."""

    def forget(config_map: Json) -> Json | None:
        ours = _pin(config_map).is_of(context)
        return {"metadata": {"annotations": {ETCD_TAG_ANNOTATION: None}}} if ours else None

    await change_object(context, PATH, lambda: context.cluster.get(PATH), forget)


def _pin(config_map: Json) -> Pin:
    tag = kubeadm_config(config_map).etcd_image_tag
    written = (config_map["metadata"].get("annotations") or {}).get(ETCD_TAG_ANNOTATION, "")
    run8, _, tags = written.partition(" ")
    set_to, _, before = tags.partition(" ")
    return Pin(tag=tag, run8=run8, set_to=set_to, before=before or NONE)


def _patch(config_map: Json, tag: str, written: str | None) -> Json:
    try:
        text = with_etcd_tag(config_map["data"]["ClusterConfiguration"], tag)
    except ValueError as error:
        raise StepError(
            f"changing etcd.local.imageTag in kubeadm-config: {error}",
            fix=f"set it to {tag} by hand ({EDIT}; {NONE} is to leave it out), then apply again",
        ) from error
    return {"metadata": {"annotations": {ETCD_TAG_ANNOTATION: written}}, "data": {"ClusterConfiguration": text}}
