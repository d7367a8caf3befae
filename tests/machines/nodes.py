"""Nodes that no kubelet stands behind: what a machine which boots would bring."""

from contextlib import suppress
from typing import Any

from kubectl_upgrade.model.errors import ApiError, ConflictError, NotFoundError
from kubectl_upgrade.world import Cluster

NODES = "/api/v1/nodes"


async def boot(cluster: Cluster, name: str, version: str, address: int, labels: dict[str, str] | None = None) -> Any:
    """A Node, Ready, with this kubelet, which tells all of it when it registers; the one that is there already."""
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": {"providerID": f"paper://{name}"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": f"10.0.{address // 250}.{1 + address % 250}"}],
            "conditions": [{"type": kind, "status": status} for kind, status in _CONDITIONS.items()],
            "nodeInfo": {**_INFO, "kubeletVersion": version, "bootID": f"boot-{name}", "machineID": name},
        },
    }
    with suppress(ConflictError):
        await cluster.create(NODES, node)
    return await cluster.get(f"{NODES}/{name}")


async def leave(cluster: Cluster, name: str) -> None:
    """Its Node goes with the machine."""
    with suppress(NotFoundError, ApiError):
        node = await cluster.get(f"{NODES}/{name}")
        await cluster.delete(f"{NODES}/{name}", uid=node["metadata"]["uid"])


_CONDITIONS = {"Ready": "True", "MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False"}
_INFO = {
    "containerRuntimeVersion": "containerd://2.3.0",
    "kernelVersion": "6.1.0",
    "systemUUID": "paper",
    "osImage": "paper",
    "operatingSystem": "linux",
    "architecture": "amd64",
    "kubeProxyVersion": "",
}
