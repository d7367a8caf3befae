"""The API server, asked with the administrator's kubeconfig; every request on a connection of its own."""

import base64
import http.client
import json
import ssl
import tempfile
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
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._tls, timeout=self._limit)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, body=data, headers={"Content-Type": kind})
            response = connection.getresponse()
            text = response.read().decode()
        except http.client.HTTPException as error:
            raise LabError(f"{method} {path}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()
        is_json = "json" in response.headers.get("Content-Type", "")
        return response.status, json.loads(text) if is_json else text

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
