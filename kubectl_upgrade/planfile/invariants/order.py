"""The order within a hop: kubeadm on every control plane, then kubelets; each node once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.planfile.invariants.layout import KUBEADM, KUBELET, ROLLOUTS
from kubectl_upgrade.planfile.problem import Problem
from kubectl_upgrade.steps.clean_kubelet_flags import flags_left

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.model.plan import Argument
    from kubectl_upgrade.planfile.invariants.layout import LaidHop, Layout

_INSTALLED_BY = dict.fromkeys(KUBEADM, "install-kubeadm") | {
    "restart-kubelet": "install-kubelet",
    # it asks the new kubeadm which images there are
    "pull-images": "fetch-packages",
}


def kubeadm_apply_leads(layout: Layout) -> Iterator[Problem]:
    """kubeadm-apply moves the cluster's configuration: once in a hop, on one control plane, before any kubeadm-node."""
    for hop in layout.hops:
        applies = [
            (place, index) for place, stage in enumerate(hop.stages) for index, _ in stage.steps("kubeadm-apply")
        ]
        if not applies:
            yield Problem(hop.where, "no stage of this hop holds kubeadm-apply", "the first control plane needs it")
            continue
        first, *others = applies
        for place, index in others:
            yield Problem(hop.stages[place].at(index), "a second kubeadm-apply in this hop", "use kubeadm-node")
        for place, index in applies:
            stage = hop.stages[place]
            if len(stage.targets) != 1 or not stage.control_planes:
                yield Problem(stage.at(index), "kubeadm-apply runs on exactly one node, a control plane")
        for place, stage in enumerate(hop.stages):
            for index, _ in stage.steps("kubeadm-node"):
                if place <= first[0]:
                    message = "kubeadm-node before the cluster's configuration has moved"
                    yield Problem(stage.at(index), message, "put it into a stage after the one with kubeadm-apply")


def control_planes_all_get_kubeadm(layout: Layout) -> Iterator[Problem]:
    """A hop leaves no control plane behind."""
    for hop in layout.hops:
        reached = {node.name for stage in hop.stages if stage.holds(*KUBEADM) for node in stage.control_planes}
        for node in layout.plan.control_planes:
            if node.name not in reached:
                yield Problem((*hop.where, "stages"), f"{node.name} gets no kubeadm step in this hop")


def nodes_are_upgraded_once(layout: Layout) -> Iterator[Problem]:
    """No node gets kubeadm, or a kubelet, twice in one hop."""
    for hop in layout.hops:
        seen: set[tuple[bool, str]] = set()
        for stage in hop.stages:
            for index, step in stage.steps(*KUBEADM, "install-kubelet"):
                kinds = {(step.do in KUBEADM, target.name) for target in stage.targets}
                twice = sorted(name for _, name in kinds & seen)
                if twice:
                    message = f"{step.do} a second time in this hop on {twice[0]}"
                    yield Problem(stage.at(index), message, "each node gets it once in a hop")
                seen |= kinds


def what_runs_is_installed_first(layout: Layout) -> Iterator[Problem]:
    """The kubeadm and the kubelet that run are the hop's: kubeadm of another minor refuses, or does the wrong thing."""
    for stage in layout.stages:
        for index, step in stage.steps(*_INSTALLED_BY):
            installer = _INSTALLED_BY[step.do]
            if not any(place < index for place, _ in stage.steps(installer)):
                yield Problem(stage.at(index), f"{step.do} without {installer} before it in this stage")


def kubelets_follow_control_planes(layout: Layout) -> Iterator[Problem]:
    """A kubelet may reach any API server and must be newer than none; workers take their configuration from them."""
    for hop in layout.hops:
        for stage in hop.stages[: _last_with_control_planes(hop) + 1]:
            for index, step in stage.steps(*KUBELET, "kubeadm-node"):
                if step.do in KUBELET or stage.workers:
                    message = f"{step.do} before every control plane of this hop is done with kubeadm"
                    yield Problem(stage.at(index), message, "put it into a later stage")


def rollouts_follow_control_planes(layout: Layout) -> Iterator[Problem]:
    """New Machines bring kubelets, too; and each MachineDeployment moves once in a hop."""
    for hop in layout.hops:
        last = _last_with_control_planes(hop)
        seen: set[str] = set()
        for place, stage in enumerate(hop.stages):
            for index, step in stage.steps(*ROLLOUTS):
                if place <= last:
                    message = f"{step.do} before every control plane of this hop is done with kubeadm"
                    yield Problem(stage.at(index), message, "put it into a later stage")
                if step.do in seen:
                    yield Problem(stage.at(index), f"{step.do} a second time in this hop", "once in a hop is enough")
                seen.add(step.do)


def worker_kubelets_follow_kubeadm(layout: Layout) -> Iterator[Problem]:
    """kubeadm-node rewrites a worker's kubelet configuration and flags, without which the new kubelet may not start."""
    for hop in layout.hops:
        ready: set[str] = set()
        for stage in hop.stages:
            names = {worker.name for worker in stage.workers}
            for index, step in stage.steps("kubeadm-node", "install-kubelet"):
                if step.do == "kubeadm-node":
                    ready |= names
                elif not names <= ready:
                    message = f"install-kubelet before kubeadm-node on {min(names - ready)}"
                    yield Problem(stage.at(index), message, "put kubeadm-node before it")


def skipped_clean_ups_are_made_up(layout: Layout) -> Iterator[Problem]:
    """A kubelet does not start with a flag that it does not know. On control planes the kubeadm of every minor runs."""
    for hop in layout.hops:
        for stage in hop.stages:
            for index, _ in stage.steps("install-kubelet"):
                kubelets = {hop.kubelets[worker.name] for worker in stage.workers}
                left = {flag for kubelet in kubelets for flag in flags_left(kubelet, hop.hop.to)}
                cleaned: set[Argument] = set()
                for place, step in stage.steps("clean-kubelet-flags"):
                    flags = step.with_["flags"]
                    if place < index and isinstance(flags, tuple):
                        cleaned |= set(flags)
                for flag in sorted(left - cleaned):
                    message = f"a worker skips the minor whose kubeadm takes --{flag} out of kubeadm-flags.env"
                    yield Problem(stage.at(index), message, "put clean-kubelet-flags with it before this step")


def _last_with_control_planes(hop: LaidHop) -> int:
    """Place of the last stage in which a control plane gets kubeadm; -1 when none does."""
    return max((place for place, _ in enumerate(hop.stages) if _upgrades_control_planes(hop, place)), default=-1)


def _upgrades_control_planes(hop: LaidHop, place: int) -> bool:
    return hop.stages[place].holds(*KUBEADM) and bool(hop.stages[place].control_planes)
