"""Control planes' kubelets talk to the cluster's endpoint only while kubeadm runs, and where somebody answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.endpoint import host_and_port, is_one_of
from kubectl_upgrade.planfile.invariants.layout import KUBEADM
from kubectl_upgrade.planfile.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_upgrade.planfile.invariants.layout import LaidStage, Layout
    from kubectl_upgrade.planfile.problem import Where

_AWAY, _BACK = "kubelet-via-endpoint", "kubelet-via-own-apiserver"
_RUNS_KUBEADM = (*KUBEADM, "move-etcd")


def kubelets_return_from_the_endpoint(layout: Layout) -> Iterator[Problem]:
    """The kubelet is away for the length of kubeadm, and back before anything else happens on its node."""
    for stage in layout.stages:
        names = [step.do for step in stage.stage.steps]
        for index, _ in stage.steps(_AWAY):
            if names[index + 1 : index + 3] not in [[kubeadm, _BACK] for kubeadm in _RUNS_KUBEADM]:
                message = f"{_AWAY} is not followed by a kubeadm step and {_BACK}"
                yield Problem(stage.at(index), message, "put those two after it, and nothing between")
        for index, _ in stage.steps(_BACK):
            if names[:index][-2:-1] != [_AWAY]:
                yield Problem(stage.at(index), f"{_BACK} without {_AWAY} and a kubeadm step before it")


def the_endpoint_serves_kubelets(layout: Layout) -> Iterator[Problem]:
    """Somebody else's API server answers there while this node's is away: never a node's own address."""
    for stage in layout.stages:
        for index, _ in stage.steps(_AWAY):
            yield from _unserved(layout, stage, stage.at(index))


def _unserved(layout: Layout, stage: LaidStage, where: Where) -> Iterator[Problem]:
    plan = layout.plan
    endpoint = plan.cluster_configuration.control_plane_endpoint
    parts = host_and_port(endpoint)
    if stage.workers:
        yield Problem(where, f"{_AWAY} on a worker, whose kubelet talks to the endpoint anyway", "remove it")
    if len(plan.control_planes) == 1 or plan.cluster_configuration.etcd != "stacked":
        yield Problem(where, f"{_AWAY} needs stacked etcd and another control plane", "remove it and its counterpart")
    if parts is None:
        yield Problem(where, f"controlPlaneEndpoint {endpoint} is no host and port", "plan again")
    elif is_one_of(parts[0], (word for node in plan.control_planes for word in (node.name, node.address))):
        message = f"controlPlaneEndpoint {endpoint} is a control plane itself, which cannot stand in for all"
        yield Problem(where, message, f"remove {_AWAY} and its counterpart")
