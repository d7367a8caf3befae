"""Cluster API's own controllers roll out what our step asks for: `python -m tests.machines.cluster_api FOLDER …`, in a
network namespace, for the controllers listen on all addresses.
"""

import asyncio
import subprocess
import sys
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

from kubectl_upgrade.model.errors import ConflictError, NotFoundError
from kubectl_upgrade.world import Cluster
from kubectl_upgrade.world.kubeconfig import KubernetesOptions
from kubectl_upgrade.world.kubernetes import KubernetesCluster
from tests.machines.control_plane import ControlPlane
from tests.machines.provider import Provider
from tests.machines.story import Story

HERE = Path(__file__).parent
_LONG_AGO = "2026-01-01T00:00:00Z"
_CLUSTERS = "/apis/cluster.x-k8s.io/v1beta2/namespaces/prod/clusters/prod"
# how Cluster API reaches the cluster whose nodes it makes: here, the one in which it runs
_ACCESS = """\
apiVersion: v1
kind: Secret
type: cluster.x-k8s.io/secret
metadata: {{name: prod-kubeconfig, namespace: prod, labels: {{cluster.x-k8s.io/cluster-name: prod}}}}
data: {{value: {kubeconfig}}}
"""
_GUARDED = """\
apiVersion: v1
kind: Pod
metadata: {{name: db-0, namespace: shop, labels: {{app: db}}}}
spec: {{nodeName: {node}, containers: [{{name: db, image: example.org/db:1}}]}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: db, namespace: shop}}
spec: {{maxUnavailable: 0, selector: {{matchLabels: {{app: db}}}}}}
"""


def prepare(plane: ControlPlane, crds: Path, core: Path) -> None:
    """Definitions, the controllers, a Cluster and its MachineDeployment."""
    plane.kubectl("apply", "--server-side", "-f", str(crds))
    plane.kubectl("label", "crd", "--all", "cluster.x-k8s.io/v1beta1=v1beta1", "cluster.x-k8s.io/v1beta2=v1beta2")
    for namespace in ("prod", "shop"):
        plane.kubectl("create", "namespace", namespace)
    provider = (HERE / "provider.yaml").read_text()
    definitions, template = provider.rsplit("---", 1)
    plane.kubectl("apply", "-f", "-", given=definitions)
    plane.kubectl("wait", "--for=condition=Established", "crd", "--all")
    plane.kubectl("apply", "-f", "-", given=template)
    plane.certificate("tls")
    plane.start("core", [str(core), *_flags(plane)])
    kubeconfig = b64encode(plane.kubeconfig.read_bytes()).decode()
    plane.kubectl("apply", "-f", "-", given=_ACCESS.format(kubeconfig=kubeconfig))
    plane.kubectl("-n", "prod", "create", "secret", "generic", "bootstrap", "--from-literal=value=none")
    plane.kubectl("apply", "-f", str(HERE / "cluster.yaml"))


def _flags(plane: ControlPlane) -> list[str]:
    return [
        f"--kubeconfig={plane.kubeconfig}",
        f"--webhook-cert-dir={plane.folder}",
        "--webhook-port=9443",
        "--health-addr=127.0.0.1:9440",
        "--diagnostics-address=127.0.0.1:8443",
        "--insecure-diagnostics",
        "--skip-crd-migration-phases=StorageVersionMigration,CleanupManagedFields",
    ]


async def say_it_is_initialised(cluster: Cluster) -> None:
    """No control plane of this Cluster is Cluster API's, and nobody else would say that there is one: Machines wait for
    it. Until it is cancelled.
    """
    kind = "ControlPlaneInitialized"
    said = {"type": kind, "status": "True", "reason": "Initialized", "message": "", "lastTransitionTime": _LONG_AGO}
    while True:
        with suppress(NotFoundError, ConflictError):
            status = (await cluster.get(_CLUSTERS)).get("status") or {}
            conditions = status.get("conditions") or []
            if not any(one["type"] == kind and one["status"] == "True" for one in conditions):
                others = [one for one in conditions if one["type"] != kind]
                initialised = {"initialization": {"controlPlaneInitialized": True}, "conditions": [*others, said]}
                await cluster.patch(f"{_CLUSTERS}/status", {"status": initialised})
        await asyncio.sleep(1)


async def tell(plane: ControlPlane) -> None:
    """A rollout, one that a cloud holds, one that a budget holds."""
    cluster = KubernetesCluster(KubernetesOptions(kubeconfig=str(plane.kubeconfig)))
    story, provider = Story(cluster), Provider(cluster)
    beside = [asyncio.create_task(provider.run()), asyncio.create_task(say_it_is_initialised(cluster))]
    story.tell("# a MachineDeployment of 3 comes up at v1.34.4")
    await story.settled("md-0")
    story.tell("# a rollout")
    await story.upgrade("md-0", "v1.35.4")
    story.tell("# one that the cloud holds")
    provider.refuses = "server quota of project prod exceeded: 3 of 3 used"
    await story.upgrade("md-0", "v1.36.3", stall_seconds=30)
    story.tell("# the quota is raised, and apply runs again")
    provider.refuses = ""
    await story.upgrade("md-0", "v1.36.3")
    story.tell("# one that a budget holds")
    node = min((await story.look()).owners)
    plane.kubectl("apply", "-f", "-", given=_GUARDED.format(node=node))
    await story.upgrade("md-0", "v1.36.4", stall_seconds=45)
    story.tell("# the budget is gone, and apply runs again")
    plane.kubectl("-n", "shop", "delete", "pdb", "db")
    beside.append(asyncio.create_task(_kubelet_ends_pods(plane)))
    await story.upgrade("md-0", "v1.36.4")
    for task in beside:
        task.cancel()
    await cluster.close()


async def _kubelet_ends_pods(plane: ControlPlane) -> None:
    """What a kubelet would do with a pod that was evicted."""
    while True:
        found = await asyncio.to_thread(
            plane.kubectl, "-n", "shop", "get", "pod", "-o", "jsonpath={.items[*].metadata.deletionTimestamp}"
        )
        if found:
            await asyncio.to_thread(
                plane.kubectl,
                "-n",
                "shop",
                "delete",
                "pod",
                "db-0",
                "--force",
                "--grace-period=0",
                "--ignore-not-found",
            )
        await asyncio.sleep(1)


def main(folder: str, etcd: str, kubernetes: str, crds: str, core: str) -> None:
    """All of it."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with ControlPlane(Path(folder), Path(etcd), Path(kubernetes)) as plane:
        prepare(plane, Path(crds), Path(core))
        asyncio.run(tell(plane))


if __name__ == "__main__":
    main(*sys.argv[1:])
