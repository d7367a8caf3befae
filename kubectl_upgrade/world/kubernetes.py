"""The API server over the official client's transport: raw objects by path. Importing it takes 0.4 s."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import urllib3
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException

from kubectl_upgrade import __version__
from kubectl_upgrade.model.errors import ApiError, ConflictError, NotFoundError
from kubectl_upgrade.world import Cluster, Json
from kubectl_upgrade.world.kubeconfig import Access, KubernetesOptions, load

if TYPE_CHECKING:
    import builtins
    from collections.abc import AsyncIterator, Callable

T = TypeVar("T")

_PAGE = "500"  # as kubectl's --chunk-size
_MERGE_PATCH = "application/merge-patch+json"
# https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run
_DRY_RUN = {"dryRun": "All"}
_FIXES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "log in again, as for kubectl: kubectl auth whoami",
    HTTPStatus.FORBIDDEN: "grant this identity what it lacks: kubectl auth can-i --list",
    HTTPStatus.NOT_FOUND: "see that this is the right cluster: kubectl config current-context",
    HTTPStatus.CONFLICT: "somebody else changed or made it meanwhile: look at it, then run the command again",
    HTTPStatus.UNPROCESSABLE_ENTITY: "see what the API server does not accept; another uid means another object",
    HTTPStatus.TOO_MANY_REQUESTS: "the API server asks to wait, or a PodDisruptionBudget allows nothing now",
}
_NO_ANSWER = "see that the API server is up and reachable: kubectl get --raw /readyz"
_STARTING = "wait until the API server is ready, and see that this identity may read it: kubectl get --raw /readyz"
_BROKEN = "see the API server: kubectl get --raw '/readyz?verbose', and the admission webhooks that it asks"


class _Reply(NamedTuple):
    status: int
    body: bytes
    starting: bool = False


class KubernetesCluster(Cluster):
    """Connects at its first request; a GET whose connection breaks is sent once more (`retry`), all else only once."""

    def __init__(self, options: KubernetesOptions) -> None:
        self._options = options
        self._pool = ThreadPoolExecutor(options.connections, "kubernetes")
        self._lock = Lock()
        self._client: tuple[Any, Access] | None = None

    async def get(self, path: str) -> Json:
        return await self._request("GET", path)

    async def list(self, path: str, *, labels: str = "", fields: str = "") -> list[Json]:
        selectors = _selectors(labels, fields)
        items: list[Json] = []
        begun = False
        try:
            async for page in self._pages(path, selectors):
                begun = True
                items += page
        except ApiError as error:
            if error.status != HTTPStatus.GONE or not begun:
                raise
            # the list grew too old between two pages: all of it at once, as client-go's pager does
            return list((await self._request("GET", path, selectors))["items"])
        return items

    async def reduced(
        self, path: str, keep: Callable[[Json], T | None], *, labels: str = "", fields: str = ""
    ) -> tuple[T, ...]:
        selectors = _selectors(labels, fields)
        try:
            return await self._reduced(path, keep, selectors)
        except ApiError as error:
            if error.status != HTTPStatus.GONE:
                raise
            # it grew too old between two pages; all of it at once would not fit into memory
            return await self._reduced(path, keep, selectors)

    async def _reduced(self, path: str, keep: Callable[[Json], T | None], selectors: dict[str, str]) -> tuple[T, ...]:
        kept: list[T] = []
        async for page in self._pages(path, selectors):
            kept += [made for made in map(keep, page) if made is not None]
        return tuple(kept)

    async def _pages(self, path: str, selectors: dict[str, str]) -> AsyncIterator[builtins.list[Json]]:
        query = {**selectors, "limit": _PAGE}
        while True:
            page = await self._request("GET", path, query)
            yield page.get("items") or []
            token = page.get("metadata", {}).get("continue")
            if not token:
                return
            query["continue"] = token

    async def rehearse_create(self, path: str, body: Json) -> Json:
        return await self._request("POST", path, _DRY_RUN, body=body)

    async def rehearse_patch(self, path: str, body: Json) -> Json:
        return await self._request("PATCH", path, _DRY_RUN, body=body, content_type=_MERGE_PATCH)

    async def create(self, path: str, body: Json) -> Json:
        return await self._request("POST", path, body=body)

    async def patch(self, path: str, body: Json) -> Json:
        return await self._request("PATCH", path, body=body, content_type=_MERGE_PATCH)

    async def delete(self, path: str, *, uid: str, version: str = "") -> None:
        preconditions = {"uid": uid} | ({"resourceVersion": version} if version else {})
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        await self._request("DELETE", path, body=options)

    async def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client[0].close()

    async def _request(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        *,
        body: Json | None = None,
        content_type: str = "application/json",
    ) -> Json:
        url = quote(path, safe="/:~?=&") + (f"?{urlencode(query)}" if query else "")
        loop = asyncio.get_running_loop()
        reply = await loop.run_in_executor(self._pool, self._ask, method, url, body, content_type)
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            raise _refusal(method, path, reply)
        try:
            answer: Json = json.loads(reply.body)
        except ValueError as error:
            said = reply.body[:200].decode(errors="replace")
            raise ApiError(f"{method} {path}: no JSON came back: {said}", _BROKEN, status=reply.status) from error
        return answer

    def _ask(self, method: str, url: str, body: Json | None, content_type: str) -> _Reply:
        reply = self._send(method, url, body, content_type)
        if reply.status != HTTPStatus.FORBIDDEN:
            return reply
        try:
            if self._send("GET", "/readyz", None, content_type).status != HTTPStatus.OK:
                return reply._replace(starting=True)
        except ApiError:
            return reply._replace(starting=True)
        # another API server may have said so, or this one has got ready in between; what was refused did nothing
        return self._send(method, url, body, content_type)

    def _send(self, method: str, url: str, body: Json | None, content_type: str) -> _Reply:
        client, access = self._connect()
        headers = urllib3.HTTPHeaderDict(
            {"Accept": "application/json", "User-Agent": f"kubectl-upgrade_cp/{__version__}"}
        )
        if body is not None:
            headers["Content-Type"] = content_type
        for name, value in access.headers:
            headers.add(name, value)
        timeout = self._options.request_timeout_seconds
        try:
            client.update_params_for_auth(headers, [], ["BearerToken"], url, method, body)
            host = access.configuration.host
            response = client.call_api(method, f"{host}{url}", headers, body, _request_timeout=timeout)
            return _Reply(response.status, response.read())
        except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
            what = getattr(error, "reason", None) or error
            raise ApiError(f"{method} {url}: no answer from {access.configuration.host}: {what}", _NO_ANSWER) from error

    def _connect(self) -> tuple[Any, Access]:
        with self._lock:
            if self._client is None:
                access = load(self._options)
                access.configuration.connection_pool_maxsize = self._options.connections
                # a connection kept since the last request may be dead; more retries would hide a dead server
                access.configuration.retries = urllib3.Retry(
                    total=int(self._options.retry),
                    connect=0,
                    read=int(self._options.retry),
                    redirect=False,
                    status=0,
                    other=0,
                    allowed_methods={"GET"},
                    respect_retry_after_header=False,
                )
                self._client = ApiClient(access.configuration), access
            return self._client


def _selectors(labels: str, fields: str) -> dict[str, str]:
    return {key: value for key, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}


def _refusal(method: str, path: str, reply: _Reply) -> ApiError:
    kinds: dict[int, type[ApiError]] = {HTTPStatus.NOT_FOUND: NotFoundError, HTTPStatus.CONFLICT: ConflictError}
    kind = kinds.get(reply.status, ApiError)
    try:
        status = json.loads(reply.body)
        reason, message = str(status["reason"]), str(status["message"])
        if any(cause.get("field") == "metadata.uid" for cause in (status.get("details") or {}).get("causes") or ()):
            kind = ConflictError  # a patch with another uid: the server calls it 422, the uid being immutable
    except (ValueError, KeyError, TypeError, AttributeError):  # a proxy's or a load balancer's page
        reason, message = "", " ".join(reply.body[:300].decode(errors="replace").split())
    text = f"{method} {path}: {reply.status} {reason}: {message}"
    if reply.starting:  # no verdict on rights
        text = f"{text} (its /readyz is not ok)"
        return ApiError(text, _STARTING, status=reply.status, reason=reason, starting=True)
    return kind(text, _FIXES.get(reply.status, _BROKEN), status=reply.status, reason=reason)
