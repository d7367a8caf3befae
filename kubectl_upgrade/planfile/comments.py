"""What a written plan says to its reviewer in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.machines import MachineDeployment
from kubectl_upgrade.model.plan import ControlPlane, PoolTargets
from kubectl_upgrade.model.words import some_of
from kubectl_upgrade.steps import STEPS
from kubectl_upgrade.steps.base import Managed

if TYPE_CHECKING:
    from kubectl_upgrade.model.plan import Hop, Pool, Stage
    from kubectl_upgrade.steps.base import Target

SCHEMA_URL = "https://raw.githubusercontent.com/kubectl-upgrade-cp/kubectl-upgrade-cp/main/schemas/plan.v1.schema.json"

HEADER = f"""\
# yaml-language-server: $schema={SCHEMA_URL}
#
# What `kubectl upgrade-cp apply` will do to this cluster: exactly the steps below, in this order, and nothing else.
# To review it:
#   kubectl upgrade-cp validate PLAN   is it sound and safe? prints its digest
#   kubectl upgrade-cp show PLAN       what each step runs on each node
# To run what was reviewed:
#   kubectl upgrade-cp apply PLAN --digest sha256:...
# It may be edited; an edit that makes it unsafe is refused. A cluster that has changed since is refused as well: plan
# again. It holds no dates and nothing of the machine where it was made, so that git shows what really differs.
"""

_NAMED = 5
_VIA_ENDPOINT = "kubelet-via-endpoint"
_CLEAN = "clean-kubelet-flags"
_GRACE = "apiserverGraceSeconds"
_NUDGE = "nudgeKubelet"
_HOUSEKEEPING = frozenset({"mark-node", "unmark-node", "uncordon-node", _VIA_ENDPOINT, "kubelet-via-own-apiserver"})


def hop_comment(hop: Hop, staying: tuple[Pool, ...]) -> str:
    """Of a plan with several hops: which workers stay as they are in this one; empty when none does."""
    if not staying:
        return ""
    pools = " and ".join(f"{pool.name} at {pool.kubelet}" for pool in staying)
    return (
        f"Control planes and their kubelets alone go to {hop.to}; pools that stay: {pools}. Kubelets may lag three "
        "minors, and each stop less is a drain less."
    )


def stage_comment(stage: Stage, targets: tuple[Target, ...]) -> str:
    """Which nodes, how many at once, what is done to them, and what follows."""
    lines = [f"{_who(stage, targets)}{_how_many(stage, targets)}: {'; '.join(_what(stage))}."]
    if any(step.do == _VIA_ENDPOINT for step in stage.steps):
        lines.append(
            "While kubeadm replaces a node's etcd and API server, its kubelet talks to the cluster's endpoint: else it "
            "would wait for that very API server, and kubeadm for it, twice as long."
        )
    if any(_GRACE in step.with_ for step in stage.steps):
        lines.append(
            "An API server that is replaced closes its port and gives requests time to end; watches do not, so that "
            f"the kubelet kills it after 30 s: {_GRACE} after it has closed its port it is told to end."
        )
    if any(_NUDGE in step.with_ for step in stage.steps):
        lines.append(
            "A kubelet sees that the old static pod is gone when it looks the next time, 10 to 15 s later, or when the "
            f"pod's mirror in the API changes: {_NUDGE} gives it an annotation."
        )
    if any(step.do == _CLEAN for step in stage.steps):
        lines.append(
            "They skip a minor whose kubeadm takes flags out of kubeadm-flags.env with which newer kubelets do not "
            f"start: {_CLEAN} does that in its place."
        )
    if any(step.do == "move-etcd" for step in stage.steps):
        lines.append(
            "etcd is below what this hop needs first: kubeadm of the version that runs brings each member there, by a "
            "tag that stands in its configuration just for that."
        )
    lines += _limits(stage)
    after = stage.after
    if after is not None and after.soak_seconds is not None:
        lines.append(f"Then it is watched for {after.soak_seconds} s before the next stage.")
    if after is not None and after.pause:
        lines.append("Then the run stops; `apply` again goes on.")
    return "\n".join(lines)


def _limits(stage: Stage) -> list[str]:
    """What of the stage's own limits is not plain from its field's name."""
    lines = []
    if stage.max_failures:
        lines.append(
            f"Up to {stage.max_failures} of them may fail before no new one is begun; the run ends with exit 5 all the "
            "same. One that failed and is still cordoned or not Ready counts against maxUnavailable."
        )
    if any(step.with_.get("onTimeout") == "skip-node" for step in stage.steps):
        lines.append("One that cannot be drained in time is uncordoned and left as it was; the run ends with a list.")
    if stage.drain_limit_seconds is not None:
        lines.append(
            f"When the drains of one apply have taken {stage.drain_limit_seconds} s together, no further one is begun."
        )
    if stage.window is not None:
        lines.append(f"Begun only in the hours {stage.window}, and only what can be expected to be done within.")
    return lines


def _who(stage: Stage, targets: tuple[Target, ...]) -> str:
    chosen = stage.targets
    if isinstance(chosen, PoolTargets):
        nodes = "1 node" if len(targets) == 1 else f"{len(targets)} nodes"
        return f"Pool {chosen.pool}, {nodes}"
    if chosen == "all":
        return f"All {len(targets)} nodes"
    if isinstance(chosen, str):
        return "The cluster" if chosen == "cluster" else _managed(chosen, targets)
    more = f" and {len(chosen) - _NAMED} more" if len(chosen) > _NAMED else ""
    return f"{', '.join(chosen[:_NAMED])}{more}"


def _managed(chosen: str, targets: tuple[Target, ...]) -> str:
    """With what their own strategies let be away."""
    entries = [target.entry for target in targets if isinstance(target, Managed)]
    told = [
        f"{entry.namespace}/{entry.name} ({entry.replicas} Machines, {_pace(entry)})"
        if isinstance(entry, MachineDeployment)
        else f"{entry.namespace}/{entry.name}"
        for entry in entries
    ]
    kind = "MachineDeployments" if chosen == "machineDeployments" else "Topologies of the Clusters"
    return f"{kind} {some_of(told, _NAMED)}" if told else kind


def _pace(entry: MachineDeployment) -> str:
    if entry.strategy == "OnDelete":
        return "OnDelete: replaced when somebody deletes them"
    return f"maxSurge {entry.max_surge}, maxUnavailable {entry.max_unavailable}"


def _how_many(stage: Stage, targets: tuple[Target, ...]) -> str:
    if len(targets) <= 1:
        return ""
    if stage.parallel:
        several = sum(isinstance(target, ControlPlane) for target in targets) > 1
        many = f", {stage.at_once} side by side" if stage.at_once else ", side by side"
        return f"{many}, but one control plane at a time" if several else many
    return f", at most {stage.max_unavailable} at once" if stage.max_unavailable else ", one at a time"


def _what(stage: Stage) -> list[str]:
    """What changes something, or what is waited for when nothing does."""
    steps = [STEPS[step.do] for step in stage.steps if step.do not in _HOUSEKEEPING]
    return [step.TITLE for step in steps if not step.WAITS] or [step.TITLE for step in steps]
