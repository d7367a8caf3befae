"""A small controller by machine-controller's documentation, and our step on its API: `python -m
tests.machines.machine_controller FOLDER …`, in a network namespace.
"""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

from kubectl_upgrade.model.errors import ApiError
from kubectl_upgrade.world import Cluster
from kubectl_upgrade.world.kubeconfig import KubernetesOptions
from kubectl_upgrade.world.kubernetes import KubernetesCluster
from tests.machines.control_plane import ControlPlane
from tests.machines.nodes import boot, leave
from tests.machines.story import Story

HERE = Path(__file__).parent
API = "/apis/cluster.k8s.io/v1alpha1/namespaces/kube-system"


class Controller:
    """One new Machine, then one old one less."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._made = 0
        self.refuses = ""
        """the provider's error for every further machine"""

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                for raw in await self._cluster.list(f"{API}/machinedeployments"):
                    await self._look(raw)
            except ApiError as error:
                print(f"controller: {error.message}", flush=True)  # noqa: T201 - a program of its own
            await asyncio.sleep(0.5)

    async def _look(self, raw: Any) -> None:
        spec, name = raw["spec"], raw["metadata"]["name"]
        wanted = spec["template"]["spec"]["versions"]["kubelet"]
        owner = await self._set(raw, f"{name}-{wanted.replace('.', '-')}")
        machines = await self._cluster.list(f"{API}/machines", labels=f"workerset={name}")
        new = [one for one in machines if one["spec"]["versions"]["kubelet"] == wanted]
        old = [one for one in machines if one not in new]
        waiting = [one for one in new if not (one.get("status") or {}).get("nodeRef")]
        if waiting:
            await self._boot(waiting[0])
        elif len(new) < spec["replicas"] and len(machines) <= spec["replicas"]:
            await self._create(raw, owner)
        elif old and len(machines) > spec["replicas"]:
            await self._end(old[0])
        ready = len(machines) - len(waiting)
        counts = {"replicas": len(machines), "updatedReplicas": len(new), "readyReplicas": ready}
        status = {**counts, "availableReplicas": ready, "observedGeneration": raw["metadata"]["generation"]}
        await self._cluster.patch(f"{API}/machinedeployments/{name}/status", {"status": status})

    async def _set(self, deployment: Any, name: str) -> Any:
        found = [one for one in await self._cluster.list(f"{API}/machinesets") if one["metadata"]["name"] == name]
        if found:
            return found[0]
        return await self._cluster.create(f"{API}/machinesets", _made(deployment, "MachineSet", name, deployment))

    async def _create(self, deployment: Any, owner: Any) -> None:
        self._made += 1
        name = f"{owner['metadata']['name']}-{self._made}"
        await self._cluster.create(f"{API}/machines", _made(deployment, "Machine", name, owner))

    async def _boot(self, machine: Any) -> None:
        metadata = machine["metadata"]
        path = f"{API}/machines/{metadata['name']}/status"
        if self.refuses:
            status = {"errorReason": "InsufficientResources", "errorMessage": self.refuses}
            await self._cluster.patch(path, {"status": status})
            return
        version = f"v{machine['spec']['versions']['kubelet']}"
        labels = {"machine-controller/owned-by": metadata["uid"]}
        node = await boot(self._cluster, metadata["name"], version, self._made, labels)
        reference = {"kind": "Node", "name": metadata["name"], "uid": node["metadata"]["uid"]}
        ready = [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}]
        gone = {"errorReason": None, "errorMessage": None}
        await self._cluster.patch(path, {"status": {"nodeRef": reference, "conditions": ready, **gone}})

    async def _end(self, machine: Any) -> None:
        metadata = machine["metadata"]
        await leave(self._cluster, metadata["name"])
        await self._cluster.delete(f"{API}/machines/{metadata['name']}", uid=metadata["uid"])


def _made(deployment: Any, kind: str, name: str, owner: Any) -> Any:
    reference = {
        "apiVersion": "cluster.k8s.io/v1alpha1",
        "kind": owner.get("kind", "MachineDeployment"),
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    template = deployment["spec"]["template"]
    metadata = {"name": name, "namespace": "kube-system", "labels": template["metadata"]["labels"]}
    spec = template["spec"] if kind == "Machine" else {"template": template}
    return {
        "apiVersion": "cluster.k8s.io/v1alpha1",
        "kind": kind,
        "metadata": {**metadata, "ownerReferences": [reference]},
        "spec": spec,
    }


async def tell(plane: ControlPlane) -> None:
    """A rollout, and one that the cloud holds."""
    cluster = KubernetesCluster(KubernetesOptions(kubeconfig=str(plane.kubeconfig)))
    story, controller = Story(cluster), Controller(cluster)
    work = asyncio.create_task(controller.run())
    found = await story.settled("prod-pool1")
    story.tell(f"# {found} at {found.version}: {found.rollout}")
    await story.upgrade("prod-pool1", "v1.35.4")
    story.tell("# one that the cloud holds")
    controller.refuses = "failed to create server: quota exceeded for cores"
    await story.upgrade("prod-pool1", "v1.36.3", stall_seconds=10)
    story.tell("# mended, and apply runs again")
    controller.refuses = ""
    await story.upgrade("prod-pool1", "v1.36.3")
    raw = await cluster.get(f"{API}/machinedeployments/prod-pool1")
    story.tell(f"written: {raw['spec']['template']['spec']['versions']}, {raw['metadata'].get('annotations') or {}}")
    work.cancel()
    await cluster.close()


def main(folder: str, etcd: str, kubernetes: str) -> None:
    """All of it."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with ControlPlane(Path(folder), Path(etcd), Path(kubernetes)) as plane:
        plane.kubectl("apply", "-f", str(HERE / "machine_controller.yaml"))
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all")
        plane.kubectl("apply", "-f", str(HERE / "pool.yaml"))
        asyncio.run(tell(plane))


if __name__ == "__main__":
    main(*sys.argv[1:])
