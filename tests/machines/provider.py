"""A Cluster API infrastructure provider of paper: it boots nothing, and says what a cloud would."""

import asyncio
from typing import Any

from kubectl_upgrade.model.errors import ApiError
from kubectl_upgrade.world import Cluster
from tests.machines.nodes import boot

_GROUP = "/apis/infrastructure.cluster.x-k8s.io/v1"
_MACHINES = "/apis/cluster.x-k8s.io/v1beta2"


class Provider:
    """Its controller, as far as the contract asks: providerID, initialization.provisioned and the condition Ready
    (https://cluster-api.sigs.k8s.io/developer/providers/contracts/infra-machine).
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._booted: dict[str, None] = {}
        self.refuses = ""
        """why no further machine is made; empty when all is well"""

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                for raw in await self._cluster.list(f"{_GROUP}/papermachines"):
                    await self._look(raw)
            except ApiError as error:
                print(f"provider: {error.message}", flush=True)  # noqa: T201 - a program of its own
            await asyncio.sleep(1)

    async def _look(self, raw: Any) -> None:
        metadata = raw["metadata"]
        name, namespace = metadata["name"], metadata["namespace"]
        if name in self._booted or metadata.get("deletionTimestamp"):
            return
        owner = next((o["name"] for o in metadata.get("ownerReferences") or () if o["kind"] == "Machine"), None)
        if owner is None:
            return
        path = f"{_GROUP}/namespaces/{namespace}/papermachines/{name}"
        if self.refuses:
            await self._say(path, "False", "CreateFailed", self.refuses)
            return
        machine = await self._cluster.get(f"{_MACHINES}/namespaces/{namespace}/machines/{owner}")
        await boot(self._cluster, name, machine["spec"]["version"], len(self._booted))
        self._booted[name] = None
        await self._cluster.patch(path, {"spec": {"providerID": f"paper://{name}"}})
        await self._say(path, "True", "Provisioned", "")

    async def _say(self, path: str, status: str, reason: str, message: str) -> None:
        ready = {"type": "Ready", "status": status, "reason": reason, "message": message}
        now = {**ready, "lastTransitionTime": "2026-01-01T00:00:00Z"}
        done = {"initialization": {"provisioned": True}} if status == "True" else {}
        await self._cluster.patch(f"{path}/status", {"status": {"conditions": [now], **done}})
