"""World.cluster over the modelled API."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from kubectl_upgrade.model.errors import ApiError
from kubectl_upgrade.simulation.faults import Point, UnplannedError
from kubectl_upgrade.simulation.paths import CONFIG_MAPS, NODES, PODS, Location, locate
from kubectl_upgrade.simulation.status import present
from kubectl_upgrade.simulation.store import received

if TYPE_CHECKING:
    import builtins
    from collections.abc import AsyncIterator, Callable

    from kubectl_upgrade.simulation.client import Client
    from kubectl_upgrade.simulation.node import Node
    from kubectl_upgrade.world import Json

T = TypeVar("T")

# seconds of a request through the load balancer (lab: p50)
_REQUEST = 0.02


class SimulatedApi:
    """The API server behind the control-plane endpoint, as one client sees it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._cluster = client.cluster

    async def get(self, path: str) -> Json:
        async with self._request("get", path) as server:
            if path == "/version":
                version = server.static_pods["kube-apiserver"].image.rpartition(":")[2]
                return {"gitVersion": version, "platform": "linux/amd64"}
            if path == "/apis":
                return self._cluster.machines.api_groups()
            at = _object(path)
            return self._show(at, self._cluster.store.get(at))

    async def list(self, path: str, *, labels: str = "", fields: str = "") -> builtins.list[Json]:
        async with self._request("list", path):
            at = _collection(path)
            found = self._cluster.store.select(at, labels, fields)
            return [self._show(at, obj) for obj in found]

    async def reduced(
        self, path: str, keep: Callable[[Json], T | None], *, labels: str = "", fields: str = ""
    ) -> tuple[T, ...]:
        async with self._request("list", path):
            at = _collection(path)
            found = self._cluster.store.select(at, labels, fields)
            made = (keep(self._show(at, obj)) for obj in found)
            return tuple(one for one in made if one is not None)

    async def rehearse_create(self, path: str, body: Json) -> Json:
        async with self._request("rehearse", path):
            at = _collection(path)
            self._cluster.admission.review(at, dry_run=True)
            return self._cluster.store.rehearse_create(at, body)

    async def rehearse_patch(self, path: str, body: Json) -> Json:
        async with self._request("rehearse", path):
            at = _object(path)
            self._cluster.admission.review(at, dry_run=True)
            return self._show(at, self._cluster.store.rehearse_patch(at, body))

    async def create(self, path: str, body: Json) -> Json:
        async with self._request("create", path):
            at = locate(path)
            if at.subresource == "eviction":
                evicted = self._cluster.workloads.evict(at, received(body))
                self._client.landed(f"create {path}")
                return evicted
            if at.name:
                raise UnplannedError(f"create in {path}, which is an object, not a collection")
            self._cluster.admission.review(at, dry_run=False)
            created = self._cluster.store.create(at, body)
            self._client.landed(f"create {path}")
            return self._show(at, created)

    async def patch(self, path: str, body: Json) -> Json:
        async with self._request("patch", path):
            at = _object(path)
            self._cluster.admission.review(at, dry_run=False)
            obj = self._cluster.store.patch(at, body)
            self._client.landed(f"patch {path}")
            if at.collection == NODES and "unschedulable" in body.get("spec", {}):
                self._cluster.workloads.cordon_changed(at.name)
            if at.collection == CONFIG_MAPS:
                self._cluster.read_configuration()
            self._cluster.machines.patched(at.collection, obj)
            return self._show(at, obj)

    async def delete(self, path: str, *, uid: str, version: str = "") -> None:
        async with self._request("delete", path):
            at = _object(path)
            owned = self._cluster.store.own(at, uid, version)
            self._client.landed(f"delete {path}")
            if at.collection == PODS:
                self._cluster.workloads.end(owned)
            else:
                self._cluster.store.delete(at, uid)

    async def close(self) -> None:
        self._client.check()

    def _show(self, at: Location, obj: Json) -> Json:
        return present(self._cluster, at.collection, obj)

    @asynccontextmanager
    async def _request(self, call: str, path: str) -> AsyncIterator[Node]:
        async with self._client.call(Point(call=f"cluster.{call}", path=path), _REQUEST):
            server = self._cluster.api_server()
            if server is None or self._cluster.now < self._cluster.api_cut_until:
                endpoint = self._cluster.configuration.endpoint
                raise ApiError(
                    f"{call} {path}: no answer from {endpoint}: connection refused",
                    fix="see whether the API server runs, then run apply again",
                    status=0,
                )
            yield server


def _object(path: str) -> Location:
    at = locate(path)
    if not at.name or at.subresource:
        raise UnplannedError(f"{path} is no object")
    return at


def _collection(path: str) -> Location:
    at = locate(path)
    if at.name:
        raise UnplannedError(f"{path} is no collection")
    return at
