"""The API server over the official client's transport: raw objects by path. Importing it takes 0.4 s."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

import urllib3
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException

from kubectl_upgrade import __version__
from kubectl_upgrade.model.errors import ApiError, ConflictError, NotFoundError
from kubectl_upgrade.world import Cluster, Json
from kubectl_upgrade.world.kubeconfig import Access, KubernetesOptions, load
from kubectl_upgrade.world.list_stream import ListStream, NoListError

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable

    from urllib3 import BaseHTTPResponse

T = TypeVar("T")
_Take: TypeAlias = "Callable[[BaseHTTPResponse], Any]"

# Each page is a round trip, and a read of its own for the API server: 5,000 Nodes in pages of 500 take three times as
# long as at once. Every informer asks for whole lists at its start; this bounds what the server holds all the same.
_PAGE = "5000"
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
    """empty when it was taken as it came"""
    taken: Any = None
    starting: bool = False
    retry_after: int = 0


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
        items: builtins.list[Json] = []
        try:
            await self._pages(path, selectors, lambda raw: raw, items)
        except ApiError as error:
            if error.status != HTTPStatus.GONE or not items:
                raise
            # the list grew too old between two pages: all of it at once, as client-go's pager does
            items.clear()
            await self._page(path, selectors, lambda raw: raw, items)
        return items

    async def reduced(
        self, path: str, keep: Callable[[Json], T | None], *, labels: str = "", fields: str = ""
    ) -> tuple[T, ...]:
        selectors = _selectors(labels, fields)
        kept: builtins.list[T] = []
        try:
            await self._pages(path, selectors, keep, kept)
        except ApiError as error:
            if error.status != HTTPStatus.GONE:
                raise
            # it grew too old between two pages: a state of one moment is wanted, so all of it anew
            kept.clear()
            await self._pages(path, selectors, keep, kept)
        return tuple(kept)

    async def _pages(
        self, path: str, selectors: dict[str, str], keep: Callable[[Json], T | None], kept: builtins.list[T]
    ) -> None:
        query = {**selectors, "limit": _PAGE}
        while token := await self._page(path, query, keep, kept):
            query["continue"] = token

    async def _page(
        self, path: str, query: dict[str, str], keep: Callable[[Json], T | None], kept: builtins.list[T]
    ) -> str:
        """The token of the next page. Each item is made less in the thread that reads it, as soon as it is there."""

        def take(response: BaseHTTPResponse) -> str:
            stream = ListStream(response.read)
            kept.extend(made for made in map(keep, stream) if made is not None)
            return stream.token

        return str((await self._answer("GET", path, query, take=take)).taken)

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
        reply = await self._answer(method, path, query, body=body, content_type=content_type)
        try:
            answer: Json = json.loads(reply.body)
        except ValueError as error:
            raise _no_json(method, path, reply.body[:200].decode(errors="replace"), reply.status) from error
        return answer

    async def _answer(  # noqa: PLR0913 - what a request has
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        *,
        body: Json | None = None,
        content_type: str = "application/json",
        take: _Take | None = None,
    ) -> _Reply:
        url = quote(path, safe="/:~?=&") + (f"?{urlencode(query)}" if query else "")
        loop = asyncio.get_running_loop()
        try:
            reply = await loop.run_in_executor(self._pool, self._ask, method, url, body, content_type, take)
        except NoListError as error:
            raise _no_json(method, path, str(error), HTTPStatus.OK) from error
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            raise _refusal(method, path, reply)
        return reply

    def _ask(self, method: str, url: str, body: Json | None, content_type: str, take: _Take | None) -> _Reply:
        reply = self._send(method, url, body, content_type, take)
        if reply.status != HTTPStatus.FORBIDDEN:
            return reply
        try:
            if self._send("GET", "/readyz", None, content_type).status != HTTPStatus.OK:
                return reply._replace(starting=True)
        except ApiError:
            return reply._replace(starting=True)
        # another API server may have said so, or this one has got ready in between; what was refused did nothing
        return self._send(method, url, body, content_type, take)

    def _send(self, method: str, url: str, body: Json | None, content_type: str, take: _Take | None = None) -> _Reply:
        """`take`: what is made of a good answer while it comes; without, it is read as a whole."""
        client, access = self._connect()
        headers = urllib3.HTTPHeaderDict(
            {"Accept": "application/json", "User-Agent": f"kubectl-upgrade_cp/{__version__}"}
        )
        if body is not None:
            headers["Content-Type"] = content_type
        if take is not None:
            headers["Accept-Encoding"] = "gzip"  # as kubectl does: a fifth of the bytes
        for name, value in access.headers:
            headers.add(name, value)
        timeout = self._options.request_timeout_seconds
        try:
            client.update_params_for_auth(headers, [], ["BearerToken"], url, method, body)
            host = access.configuration.host
            response = client.call_api(method, f"{host}{url}", headers, body, _request_timeout=timeout)
            if take is None or response.status != HTTPStatus.OK:
                retry_after = _seconds(response.headers.get("Retry-After"))
                return _Reply(response.status, response.read(), retry_after=retry_after)
            with closing(response.response) as coming:  # one that was not read to its end is of no use any more
                return _Reply(response.status, b"", take(coming))
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


def _no_json(method: str, path: str, said: str, status: int) -> ApiError:
    return ApiError(f"{method} {path}: no JSON came back: {said}", _BROKEN, status=status)


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
    fix = _FIXES.get(reply.status, _BROKEN)
    return kind(text, fix, status=reply.status, reason=reason, retry_after=reply.retry_after)


def _seconds(header: str | None) -> int:
    """Of Retry-After, which may be a date as well: that counts as nothing."""
    return int(header) if header and header.isdecimal() else 0
