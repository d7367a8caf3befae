"""A node counts only when it has been heard of since its last boot."""

from typing import Any

import pytest

from tests.lab import readiness


def node(name: str, boot_id: str, ready: str) -> dict[str, Any]:
    conditions = [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}]
    return {"metadata": {"name": name}, "status": {"nodeInfo": {"bootID": boot_id}, "conditions": conditions}}


@pytest.mark.parametrize(
    ("items", "missing"),
    [
        ([], "w1: no such node yet"),
        ([node("w1", "before", "True")], "w1: not heard of since its boot"),
        ([node("w1", "now", "Unknown")], "w1: not Ready"),
        ([node("w1", "now", "True")], ""),
    ],
)
def test_what_a_node_lacks_is_named(items: list[dict[str, Any]], missing: str) -> None:
    assert readiness.nodes({"items": items}, {"w1": "now"}) == missing


def test_an_api_server_is_ready_or_says_why_not() -> None:
    assert readiness.api_server((200, "ok")) == ""
    assert "500: [-]etcd failed" in readiness.api_server((500, "[-]etcd failed"))


def test_a_pod_without_conditions_is_not_ready() -> None:
    assert readiness.pods({"items": [{"metadata": {"name": "dns"}, "status": {}}]}) == "dns: not Ready"
