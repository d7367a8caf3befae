"""A small HTTP server that answers as an API server would, and a kubeconfig that leads to it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

from kubectl_upgrade.world.kubernetes import KubernetesCluster

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from kubectl_upgrade.world.kubeconfig import KubernetesOptions


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: Any

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass(frozen=True)
class Body:
    """A body that is encoded, or whose connection breaks before its last bytes."""

    data: bytes
    encoding: str = ""
    missing: int = 0


@dataclass
class Api:
    """Answers in order: (status, body), or `drop`, `hang`, `wait` in place of an answer; the last one is repeated."""

    url: str = ""
    answers: list[Any] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: ClassVar[Api]

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        self.api.requests.append(Request(self.command, self.path, list(self.headers.items()), body))
        answers = self.api.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        if answer == "hang":
            self.rfile.read(1)
            return
        if answer == "wait":
            threading.Event().wait(0.3)
            answer = (200, {})
        status, content = answer
        if not isinstance(content, Body):
            content = Body(content if isinstance(content, bytes) else json.dumps(content).encode())
        self.close_connection = self.close_connection or content.missing > 0
        self.send_response(status)
        self.send_header("Content-Length", str(len(content.data) + content.missing))
        if content.encoding:
            self.send_header("Content-Encoding", content.encoding)
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        if status == 429:
            self.send_header("Retry-After", "60")
        self.end_headers()
        self.wfile.write(content.data)

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815  http.server's names

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def serving() -> Iterator[Api]:
    made = Api()
    handler = type("Handler", (_Handler,), {"api": made})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield made
        server.shutdown()


def kubeconfig(folder: Path, server: str, user: dict[str, Any], name: str = "config") -> str:
    path = folder / name
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    path.write_text(json.dumps(content))  # JSON is YAML
    return str(path)


@contextmanager
def asking(options: KubernetesOptions) -> Iterator[Callable[[Callable[[KubernetesCluster], Awaitable[Any]]], Any]]:
    cluster = KubernetesCluster(options)

    async def ask(question: Callable[[KubernetesCluster], Awaitable[Any]]) -> Any:
        return await question(cluster)

    yield lambda question: asyncio.run(ask(question))
    asyncio.run(cluster.close())
