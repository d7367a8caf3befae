"""Which MachineDeployments and Machines are this cluster's: by proof, never by name.

A management cluster holds those of other clusters, which must not be touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.machines import MACHINE_CONTROLLER, Machines, NodeOwner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kubectl_upgrade.facts.machines import Found
    from kubectl_upgrade.model.facts import NodeObject
    from kubectl_upgrade.model.machines import MachineObject

# what Cluster API writes on a Node that it made (api/core/v1beta2/common_types.go)
_MACHINE = "cluster.x-k8s.io/machine"
_NAMESPACE = "cluster.x-k8s.io/cluster-namespace"
_OWNER_KIND = "cluster.x-k8s.io/owner-kind"
_OWNER_NAME = "cluster.x-k8s.io/owner-name"
# and machine-controller: the Machine's uid (pkg/controller/machine, NodeOwnerLabelName)
_OWNED_BY = "machine-controller/owned-by"


def belonging(found: Found, nodes: Sequence[NodeObject]) -> Machines:
    """Of all that was found, what is this cluster's."""
    by_name = {node.name: node for node in nodes}
    by_mark = {node.labels[_OWNED_BY]: node for node in nodes if _OWNED_BY in node.labels}
    owners = {node.name: owner for node in nodes if (owner := _said_by_node(node))}
    proved: set[tuple[str, str]] = set()
    refuted: dict[tuple[str, str], str] = {}
    for machine in found.machines:
        node = by_mark.get(machine.uid) or by_name.get(machine.node)
        key = machine.namespace, machine.cluster
        if node is not None and _is_of(machine, node):
            proved.add(key)
            owners[node.name] = NodeOwner(machine=str(machine), owner=machine.owner, deployment=machine.deployment)
        elif node is not None:
            refuted[key] = f"its Machine {machine.name} has another node called {node.name}"

    def why_not(api: str, namespace: str, cluster: str) -> str:
        """Machine-controller keeps its objects in the very cluster whose nodes they are."""
        if api == MACHINE_CONTROLLER:
            return ""
        key = namespace, cluster
        return refuted.get(key) or ("" if key in proved else f"no Machine of the Cluster {cluster} is a node here")

    told = {f"MachineDeployment {one}": why_not(one.api, one.namespace, one.cluster) for one in found.deployments}
    return Machines(
        deployments=tuple(d for d in found.deployments if not why_not(d.api, d.namespace, d.cluster)),
        topologies=tuple(
            c for c in found.clusters if c.topology is not None and not why_not(c.api, c.namespace, c.name)
        ),
        owners=owners,
        elsewhere={name: why for name, why in told.items() if why},
        rolled_out_by={
            **{one.uid: one.rolled_out_by for one in found.deployments if one.rolled_out_by},
            **{one.uid: one.rolled_out_by for one in found.clusters if one.rolled_out_by},
        },
        unread=found.unread,
    )


def _is_of(machine: MachineObject, node: NodeObject) -> bool:
    """A name alone proves nothing: each cluster may have a `worker-1`."""
    return any(_proofs(machine, node))


def _proofs(machine: MachineObject, node: NodeObject) -> Iterator[bool]:
    yield node.labels.get(_OWNED_BY) == machine.uid
    if machine.node == node.name:
        yield machine.node_uid == node.uid
        # a uid that differs is another Node, whatever else is alike
        if machine.node_uid in {"", node.uid}:
            yield machine.provider_id == node.provider_id != ""
            marks = node.annotations
            yield (marks.get(_NAMESPACE), marks.get(_MACHINE)) == (machine.namespace, machine.name)


def _said_by_node(node: NodeObject) -> NodeOwner | None:
    """What the Node itself says: its Machine may be an object of another cluster's API, or not readable here."""
    marks = node.annotations
    machine = marks.get(_MACHINE) or marks.get(_OWNER_NAME)
    if machine:
        owner = f"{marks.get(_OWNER_KIND, 'Machine')}/{marks.get(_OWNER_NAME, machine)}"
        return NodeOwner(machine=f"{marks.get(_NAMESPACE, '?')}/{machine}", owner=owner, here=False)
    if node.labels.get(_OWNED_BY):
        return NodeOwner(machine=f"uid {node.labels[_OWNED_BY]}", owner="Machine", here=False)
    return None
