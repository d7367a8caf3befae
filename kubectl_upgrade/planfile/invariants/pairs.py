"""What a step needs around it in its stage: its wait, its counterpart, its drained node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.planfile.choices import DRAIN
from kubectl_upgrade.planfile.invariants.layout import KUBEADM, KUBELET
from kubectl_upgrade.planfile.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.planfile.invariants.layout import LaidStage, Layout

_PAIRS = {"mark-node": "unmark-node", "drain-node": "uncordon-node"}


def steps_have_their_waits(layout: Layout) -> Iterator[Problem]:
    """Whatever takes a node's control plane or kubelet away waits for it to come back before the node is given free."""
    stacked = layout.plan.cluster_configuration.etcd == "stacked"
    settled = ("wait-control-plane", "wait-etcd") if stacked else ("wait-control-plane",)
    for stage in layout.stages:
        further = settled if stage.control_planes else ()
        needed = dict.fromkeys({*KUBEADM, "move-etcd"}, further)
        needed |= {"install-kubelet": ("restart-kubelet",), "restart-kubelet": ("wait-node", *further)}
        for index, step in stage.steps(*needed):
            for follower in needed[step.do]:
                if not _followed(stage, index, follower):
                    message = f"{step.do} is not followed by {follower} before the node is given free"
                    yield Problem(stage.at(index), message, f"put {follower} after it")


def wait_etcd_counts_all(layout: Layout) -> Iterator[Problem]:
    """wait-etcd waits for every member: with stacked etcd, one on each control plane."""
    count = len(layout.plan.control_planes)
    for stage in layout.stages:
        for index, step in stage.steps("wait-etcd"):
            if step.with_.get("members") != count:
                yield Problem(
                    stage.at(index, "with", "members"), f"etcd has {count} members, one on each control plane"
                )


def pairs_are_closed(layout: Layout) -> Iterator[Problem]:
    """Every mark-node and drain-node is taken back later in its stage, and nothing else is."""
    for stage in layout.stages:
        for opener, closer in _PAIRS.items():
            open_at: int | None = None
            for index, step in stage.steps(opener, closer):
                if (step.do == opener) == (open_at is not None):
                    wanted = closer if step.do == opener else opener
                    yield Problem(stage.at(index), f"{step.do} without {wanted} before it")
                open_at = index if step.do == opener else None
            if open_at is not None:
                yield Problem(stage.at(open_at), f"{opener} without {closer} later in this stage", f"add {closer}")


def nodes_are_marked(layout: Layout) -> Iterator[Problem]:
    """A node is labelled for as long as it is being taken apart, so that others see it."""
    for stage in layout.stages:
        for index, step in stage.steps(*KUBEADM, *KUBELET, "move-etcd", "drain-node"):
            if not _within(stage, index, "mark-node"):
                yield Problem(stage.at(index), f"{step.do} on a node that is not marked", "put mark-node before it")


def kubelets_change_on_drained_nodes(layout: Layout) -> Iterator[Problem]:
    """Draining is a must before a kubelet moves to another minor (kubernetes.io, kubeadm-upgrade)."""
    if any(waiver.check == DRAIN for waiver in layout.plan.waivers):
        return
    for hop in layout.hops:
        for stage in hop.stages:
            lines = {hop.kubelets[target.name].line for target in stage.targets if target.name in hop.kubelets}
            if lines <= {hop.hop.to.line}:
                continue
            for index, step in stage.steps(*KUBELET):
                if not _within(stage, index, "drain-node"):
                    message = f"{step.do} moves a kubelet from {min(lines)} to {hop.hop.to.line} on a node not drained"
                    yield Problem(stage.at(index), message, f"put drain-node before it, or waive `{DRAIN}`")


def _followed(stage: LaidStage, index: int, follower: str) -> bool:
    for step in stage.stage.steps[index + 1 :]:
        if step.do == follower:
            return True
        if step.do in _PAIRS.values():
            return False
    return False


def _within(stage: LaidStage, index: int, opener: str) -> bool:
    before = [step.do for step in stage.stage.steps[:index]]
    return before.count(opener) > before.count(_PAIRS[opener])
