"""Count what a program asks of the API and of ssh: by a proxy that it talks through, by an ssh that it finds first."""

from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message
    from pathlib import Path

HOST = "127.0.0.1"
# of one connection each; the proxy has its own at either side
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "host", "accept-encoding"}
KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{{name: counted, cluster: {{server: "http://{host}:{port}"}}}}]
contexts: [{{name: counted, context: {{cluster: counted}}}}]
current-context: counted
"""
SSH = """\
#!/bin/sh
case " $* " in *" -O "*) echo control ;; *) echo session ;; esac >>'{log}'
exec '{ssh}' "$@"
"""


class Upstream(Protocol):
    """Who answers."""

    def exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, Message, bytes]:
        """Send one request as it is; return the code, the headers and the body of the answer."""
        ...


class Asked:
    """The requests so far, as `GET /path`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[str] = []

    def add(self, request: str) -> None:
        with self._lock:
            self._requests.append(request)

    def take(self) -> list[str]:
        """All since the last time."""
        with self._lock:
            taken, self._requests = self._requests, []
        return taken


@contextmanager
def counted_api(upstream: Upstream, kubeconfig: Path) -> Iterator[Asked]:
    """Write a kubeconfig that leads through the proxy; no answer is changed, and a watch would never come through."""
    asked = Asked()
    server = ThreadingHTTPServer((HOST, 0), _handler(upstream, asked))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="counting-proxy")
    thread.start()
    try:
        kubeconfig.write_text(KUBECONFIG.format(host=HOST, port=server.server_port))
        yield asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(upstream: Upstream, asked: Asked) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            asked.add(f"{self.command} {self.path}")
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else None
            code, headers, answer = upstream.exchange(self.command, self.path, body, _end_to_end(self.headers))
            self.send_response(code)
            for name, value in _end_to_end(headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = forward  # noqa: N815 - http.server calls them so

        def log_message(self, *_: object) -> None:
            """Nothing: requests are counted."""

    return Handler


def _end_to_end(headers: Message) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}


class CountedSsh:
    """An ssh to be put first on PATH; it writes a word down and becomes the real one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = folder / "log"
        self._log.touch()
        program = folder / "ssh"
        program.write_text(SSH.format(log=self._log, ssh=shutil.which("ssh")))
        program.chmod(0o755)

    @property
    def sessions(self) -> int:
        """How often it ran something on a node; orders to a master are not counted."""
        return self._log.read_text().split().count("session")
