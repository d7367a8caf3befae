"""Nodes as the API has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_upgrade.model.errors import NotFoundError, PreflightError
from kubectl_upgrade.model.facts import NodeObject
from kubectl_upgrade.model.version import Version

if TYPE_CHECKING:
    from kubectl_upgrade.world import Cluster, Json

# kubeadm's constants.LabelNodeRoleControlPlane
CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"
_PATH = "/api/v1/nodes"


async def read_nodes(cluster: Cluster) -> tuple[NodeObject, ...]:
    """All Nodes, by name; PreflightError for one that no kubelet of Kubernetes has reported for."""
    return tuple(sorted(await cluster.reduced(_PATH, _reported), key=lambda node: node.name))


async def read_node(cluster: Cluster, name: str) -> NodeObject | None:
    """One by its name, None when there is none; PreflightError as for all."""
    try:
        return _reported(await cluster.get(f"{_PATH}/{name}"))
    except NotFoundError:
        return None


def _reported(raw: Json) -> NodeObject:
    try:
        return node_object(raw)
    except (KeyError, ValueError) as error:
        raise PreflightError(
            f"reading the Nodes: one has no kubelet's version: {error}", "delete the Node that no kubelet reports for"
        ) from error


def node_object(raw: Json) -> NodeObject:
    """What matters of one Node; ValueError or KeyError when its kubelet's version is none."""
    metadata, status = raw["metadata"], raw.get("status", {})
    labels = metadata.get("labels") or {}
    info = status.get("nodeInfo", {})
    return NodeObject(
        name=metadata["name"],
        uid=metadata["uid"],
        internal_ip=_address(status, "InternalIP"),
        external_ip=_address(status, "ExternalIP"),
        labels=labels,
        annotations=metadata.get("annotations") or {},
        control_plane=CONTROL_PLANE_LABEL in labels,
        ready=any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or []),
        cordoned=bool(raw.get("spec", {}).get("unschedulable")),
        kubelet=Version.parse(info["kubeletVersion"]),
        boot_id=info.get("bootID", ""),
        runtime=info.get("containerRuntimeVersion", ""),
        kernel=info.get("kernelVersion", ""),
        provider_id=raw.get("spec", {}).get("providerID", ""),
    )


def _address(status: Json, kind: str) -> str:
    return next((a["address"] for a in status.get("addresses") or [] if a["type"] == kind), "")
