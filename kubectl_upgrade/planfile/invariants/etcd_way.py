"""Members of etcd that move before their hop: a little, under a pin that goes again, and before anything else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_upgrade.model.etcd import etcd_version
from kubectl_upgrade.planfile.invariants.layout import KUBEADM, KUBELET
from kubectl_upgrade.planfile.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.model.plan import PlannedStep
    from kubectl_upgrade.planfile.invariants.layout import LaidHop, LaidStage, Layout

_PULL, _PIN, _MOVE, _UNPIN = "pull-etcd", "pin-etcd", "move-etcd", "unpin-etcd"
WAY = (_PULL, _PIN, _MOVE, _UNPIN)
_ORDER = re.compile(f"(?:{_PULL} )+{_PIN} (?:{_MOVE} )+{_UNPIN} ")
# what a node's own stage of the way may hold beside its step
_BESIDE = {
    _MOVE: frozenset(
        {
            *("mark-node", "kubelet-via-endpoint", _MOVE, "kubelet-via-own-apiserver"),
            *("wait-control-plane", "wait-etcd", "unmark-node"),
        }
    ),
    _PULL: frozenset({_PULL}),
    _PIN: frozenset({_PIN}),
    _UNPIN: frozenset({_UNPIN}),
}


def etcd_moves_under_a_pin(layout: Layout) -> Iterator[Problem]:
    """The image is on every node, then the tag is set, then members move, then the tag goes: kubeadm of the hop would
    keep etcd at it. All of that with the kubeadm of the version that runs.
    """
    for hop in layout.hops:
        way = [(place, index, step) for place, stage in enumerate(hop.stages) for index, step in stage.steps(*WAY)]
        if not way:
            continue
        if not _ORDER.fullmatch("".join(f"{step.do} " for _, _, step in way)):
            message = "etcd moves by pull-etcd, pin-etcd, move-etcd and unpin-etcd in this order, pinned once in a hop"
            yield Problem((*hop.where, "stages"), message, "put them so, each in stages of its own")
        own = next((place for place, stage in enumerate(hop.stages) if _is_the_hops(stage)), len(hop.stages))
        for place, index, step in way:
            stage = hop.stages[place]
            if place > own:
                message = f"{step.do} after this hop has begun with the control plane"
                yield Problem(stage.at(index), message, "put it before install-kubeadm and kubeadm-apply")
            for beside, other in enumerate(stage.stage.steps):
                if other.do not in _BESIDE[step.do]:
                    yield Problem(stage.at(beside), f"{other.do} in a stage of {step.do}", "put it into another stage")


def _is_the_hops(stage: LaidStage) -> bool:
    return bool(stage.control_planes) and stage.holds("install-kubeadm", "drain-node", *KUBEADM, *KUBELET)


def etcd_moves_a_little(layout: Layout) -> Iterator[Problem]:
    """To one later patch of the minor at which every member is, and every older member once."""
    for hop in layout.hops:
        tags = [
            (stage, index, step)
            for stage in hop.stages
            for index, step in stage.steps(_PULL, _PIN, _MOVE)
            if "tag" in step.with_
        ]
        if not tags:
            continue
        if layout.plan.cluster_configuration.etcd != "stacked":
            yield Problem((*hop.where, "stages"), f"{tags[0][2].do} where etcd is not kubeadm's", "leave it out")
            continue
        first = tags[0][2].with_["tag"]
        for stage, index, step in tags:
            if step.with_["tag"] != first:
                message = f"{step.with_['tag']} is not {first}, to which etcd goes in this hop"
                yield Problem(stage.at(index, "with", "tag"), message, "one tag in a hop")
            if stage.workers:
                yield Problem(stage.at(index), f"{step.do} on {stage.workers[0].name}, which has no etcd")
        yield from _members(layout, hop, str(first))


def _members(layout: Layout, hop: LaidHop, tag: str) -> Iterator[Problem]:
    wanted = etcd_version(tag)
    pulled = [node.name for _, _, stage in _steps(hop, _PULL) for node in stage.control_planes]
    moved: list[str] = []
    for index, step, stage in _steps(hop, _MOVE):
        for node in stage.control_planes:
            version = etcd_version(node.versions.etcd)
            if wanted is None or version is None or wanted.line != version.line or not version < wanted:
                message = (
                    f"etcd on {node.name} is at {node.versions.etcd}, and may only go to a later patch of that minor"
                )
                yield Problem(stage.at(index, "with", "tag"), message, "plan again, or leave this node out")
            if node.name not in pulled:
                message = f"{step.do} on {node.name}, where no pull-etcd brings the image"
                yield Problem(stage.at(index), message, "let a stage before pin-etcd pull it there")
            if node.name in moved:
                yield Problem(stage.at(index), f"{step.do} a second time in this hop on {node.name}")
            moved.append(node.name)
    for node in layout.plan.control_planes:
        version = etcd_version(node.versions.etcd)
        if wanted is not None and version is not None and version < wanted and node.name not in moved:
            message = f"etcd on {node.name} is at {node.versions.etcd} and stays behind while others go to {tag}"
            yield Problem((*hop.where, "stages"), message, "let move-etcd bring it there too")


def _steps(hop: LaidHop, name: str) -> Iterator[tuple[int, PlannedStep, LaidStage]]:
    return ((index, step, stage) for stage in hop.stages for index, step in stage.steps(name))
