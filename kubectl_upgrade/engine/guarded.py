"""The API with the lock re-read before every change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_upgrade.engine import lock

if TYPE_CHECKING:
    from kubectl_upgrade.world import Cluster, Fence, Json


@dataclass(frozen=True, slots=True)
class GuardedCluster:
    """A Cluster for steps: reads pass, changes demand that the lock is still this run's."""

    inner: Cluster
    fence: Fence

    async def get(self, path: str) -> Json:
        return await self.inner.get(path)

    async def list(self, path: str, *, labels: str = "", fields: str = "") -> list[Json]:
        return await self.inner.list(path, labels=labels, fields=fields)

    async def create(self, path: str, body: Json) -> Json:
        await lock.demand(self.inner, self.fence)
        return await self.inner.create(path, body)

    async def patch(self, path: str, body: Json) -> Json:
        await lock.demand(self.inner, self.fence)
        return await self.inner.patch(path, body)

    async def delete(self, path: str, *, uid: str, version: str = "") -> None:
        await lock.demand(self.inner, self.fence)
        await self.inner.delete(path, uid=uid, version=version)

    async def close(self) -> None:
        await self.inner.close()
