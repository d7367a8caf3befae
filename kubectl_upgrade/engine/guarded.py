"""The API with the lock re-read before every change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from kubectl_upgrade.engine import lock

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_upgrade.world import Cluster, Fence, Json

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GuardedCluster:
    """A Cluster for steps: reads and rehearsals pass, changes demand that the lock is still this run's."""

    inner: Cluster
    fence: Fence

    async def get(self, path: str) -> Json:
        return await self.inner.get(path)

    async def list(self, path: str, *, labels: str = "", fields: str = "") -> list[Json]:
        return await self.inner.list(path, labels=labels, fields=fields)

    async def reduced(
        self, path: str, keep: Callable[[Json], T | None], *, labels: str = "", fields: str = ""
    ) -> tuple[T, ...]:
        return await self.inner.reduced(path, keep, labels=labels, fields=fields)

    async def rehearse_create(self, path: str, body: Json) -> Json:
        return await self.inner.rehearse_create(path, body)

    async def rehearse_patch(self, path: str, body: Json) -> Json:
        return await self.inner.rehearse_patch(path, body)

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
