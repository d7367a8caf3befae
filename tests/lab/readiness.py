"""When a cluster may be called up: each answer of the API is judged by what it still lacks; pure."""

import http.client
from collections.abc import Mapping
from typing import Any


def nodes(answer: Mapping[str, Any], boot_ids: Mapping[str, str]) -> str:
    """Name the nodes that are not Ready, or that the API still knows from before their last boot."""
    known = {node["metadata"]["name"]: node["status"] for node in answer["items"]}
    wrong = []
    for name, boot_id in boot_ids.items():
        status = known.get(name)
        if status is None:
            wrong.append(f"{name}: no such node yet")
        elif status.get("nodeInfo", {}).get("bootID") != boot_id:
            wrong.append(f"{name}: not heard of since its boot")
        elif not _ready(status):
            wrong.append(f"{name}: not Ready")
    return "; ".join(wrong)


def api_server(answer: tuple[int, Any]) -> str:
    """Say what one API server lacks."""
    code, text = answer
    return "" if code == http.client.OK else f"/readyz: {code}: {text}"


def pods(answer: Mapping[str, Any]) -> str:
    """Name the pods that are not Ready."""
    return "; ".join(f"{pod['metadata']['name']}: not Ready" for pod in answer["items"] if not _ready(pod["status"]))


def _ready(status: Mapping[str, Any]) -> bool:
    return any(part["type"] == "Ready" and part["status"] == "True" for part in status.get("conditions", []))
