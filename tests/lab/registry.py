"""Push images to the lab's registry, with the registry's own HTTP API."""

import http.client
import json
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from tests.lab.errors import LabError
from tests.lab.images import MANIFEST_TYPE, Image, digest_of
from tests.lab.spec import GATEWAY

PORT = 5000
ADDRESS = f"{GATEWAY}:{PORT}"
LIMIT = 60


def push(image: Image) -> bool:
    """Push an image unless its tag already names it; say whether it was pushed."""
    manifest = (image.folder / "manifest").read_bytes()
    where = f"/v2/{image.name}/manifests/{image.tag}"
    present = _ask("HEAD", where, headers={"Accept": MANIFEST_TYPE})
    if present.status == http.client.OK and present.headers.get("Docker-Content-Digest") == digest_of(manifest):
        return False
    parts = json.loads(manifest)
    _push_blob(image, parts["layers"][0]["digest"], image.folder / "layer")
    _push_blob(image, parts["config"]["digest"], image.folder / "config")
    _expect(_ask("PUT", where, manifest, {"Content-Type": MANIFEST_TYPE}), http.client.CREATED, where)
    return True


def _push_blob(image: Image, digest: str, file: Path) -> None:
    if _ask("HEAD", f"/v2/{image.name}/blobs/{digest}").status == http.client.OK:
        return
    start = _ask("POST", f"/v2/{image.name}/blobs/uploads/")
    _expect(start, http.client.ACCEPTED, f"upload of {image.name}")
    target = urlsplit(start.headers["Location"])
    where = f"{target.path}?{target.query}&digest={digest}"
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(file.stat().st_size)}
    with file.open("rb") as data:
        _expect(_ask("PUT", where, data, headers), http.client.CREATED, f"blob of {image.name}")


def _ask(
    method: str, where: str, body: bytes | IO[bytes] | None = None, headers: dict[str, str] | None = None
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(GATEWAY, PORT, timeout=LIMIT)
    connection.request(method, where, body=body, headers=headers or {})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def _expect(response: http.client.HTTPResponse, code: int, what: str) -> None:
    if response.status != code:
        raise LabError(f"registry: {what}: {response.status} {response.reason}, wanted {code}")
