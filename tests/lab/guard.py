"""A validating webhook that allows everything and writes down what it was asked, a JSON line each.

`python guard.py ADDRESS PAIR`; PAIR is a file with a key and its certificate.
"""

import json
import ssl
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PORT = 9443


def asked(review: Mapping[str, Any]) -> dict[str, object]:
    """What is kept of a request."""
    request = review["request"]
    meta = ((request.get("object") or request.get("oldObject") or {}).get("metadata")) or {}
    return {
        "user": request["userInfo"]["username"],
        "operation": request["operation"],
        "resource": "/".join(filter(None, (request["resource"]["resource"], request.get("subResource")))),
        # one that is about to be created may have no name yet
        "name": request.get("name") or meta.get("name") or meta.get("generateName", ""),
        "dryRun": request.get("dryRun") is True,
    }


def allowed(review: Mapping[str, Any]) -> dict[str, object]:
    """The answer to a request."""
    return {
        "apiVersion": review["apiVersion"],
        "kind": "AdmissionReview",
        "response": {"uid": review["request"]["uid"], "allowed": True},
    }


class Handler(BaseHTTPRequestHandler):
    """Keeps each connection for the requests to come, as API servers want it."""

    protocol_version = "HTTP/1.1"
    timeout = 300

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps(allowed(review)).encode()
        sys.stdout.write(json.dumps(asked(review)) + "\n")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing: what was asked is in the log."""


def serve(address: str, pair: Path) -> None:
    """Serve for ever."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair)
    server = ThreadingHTTPServer((address, PORT), Handler)
    server.daemon_threads = True
    # a client that connects and says nothing holds up its own thread alone
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
