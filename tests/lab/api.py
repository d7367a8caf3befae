"""The API server, asked with the administrator's kubeconfig; every request on a connection of its own."""

import base64
import http.client
import json
import ssl
import tempfile
from collections.abc import Mapping
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.lab.errors import LabError

LIMIT = 10
MERGE = "application/merge-patch+json"


class Api:
    """A client of the cluster's endpoint, or of the API server on one host."""

    def __init__(self, kubeconfig: Path, limit: float = LIMIT, host: str = "") -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        address = urlsplit(cluster["server"])
        self._host, self._port = host or str(address.hostname), int(address.port or 443)
        self._limit = limit
        self._tls = ssl.create_default_context(cadata=_plain(cluster["certificate-authority-data"]))
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:  # ssl reads a client's pair from a file only
            pair.write(_plain(user["client-certificate-data"]) + _plain(user["client-key-data"]))
            pair.flush()
            self._tls.load_cert_chain(pair.name)

    def ask(self, method: str, path: str, body: object = None, kind: str = "application/json") -> tuple[int, Any]:
        """Send one request; return the code and the answer."""
        data = None if body is None else json.dumps(body).encode()
        code, headers, answer = self.exchange(method, path, data, {"Content-Type": kind})
        text = answer.decode()
        return code, json.loads(text) if "json" in headers.get("Content-Type", "") else text

    def exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, Message, bytes]:
        """Send one request as it is; return the code, the headers and the body of the answer."""
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._tls, timeout=self._limit)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        except http.client.HTTPException as error:
            raise LabError(f"{method} {path}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """Read an object that must be there."""
        return self.must("GET", path)

    def must(self, method: str, path: str, body: object = None, kind: str = "application/json") -> Any:
        """Send a request that must succeed."""
        code, answer = self.ask(method, path, body, kind)
        if code >= http.client.MULTIPLE_CHOICES:
            raise LabError(f"{method} {path}: {code}: {answer}")
        return answer


def _plain(text: str) -> str:
    return base64.b64decode(text).decode()
