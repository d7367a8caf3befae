"""Which pods crash again and again, and what they belong to."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_upgrade.facts.crash_loops import crash_loop

BACK_OFF = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 2}
PULL = {"state": {"waiting": {"reason": "ImagePullBackOff"}}, "restartCount": 0}
BETWEEN = {"state": {"running": {}}, "restartCount": 3}
ONCE = {"state": {"running": {}}, "restartCount": 1}


def pod(kind: str = "ReplicaSet", *, ready: bool = False, node: str = "w1", **status: Any) -> dict[str, Any]:
    owners = [{"kind": kind, "name": "web", "controller": True}] if kind else []
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {
        "metadata": {"namespace": "shop", "name": "web-1", "ownerReferences": owners},
        "spec": {"nodeName": node} if node else {},
        "status": {"phase": "Running", "conditions": conditions, **status},
    }


@pytest.mark.parametrize(
    ("found", "crashes"),
    [
        (pod(containerStatuses=[BACK_OFF]), True),
        (pod(initContainerStatuses=[BACK_OFF], containerStatuses=[ONCE]), True),
        # between two crashes it runs
        (pod(containerStatuses=[BETWEEN]), True),
        (pod(containerStatuses=[BETWEEN], ready=True), False),
        (pod(containerStatuses=[ONCE]), False),
        (pod(containerStatuses=[PULL]), False),
        (pod(containerStatuses=[BACK_OFF], node=""), False),
        ({**pod(), "status": {}}, False),
    ],
)
def test_what_is_a_crash_loop(found: dict[str, Any], *, crashes: bool) -> None:
    assert (crash_loop(found) is not None) == crashes


@pytest.mark.parametrize(
    ("kind", "workload"),
    [
        ("ReplicaSet", "shop/ReplicaSet/web"),
        ("StatefulSet", "shop/StatefulSet/web"),
        # its pods stay on their nodes: one that crashes there is another matter
        ("DaemonSet", "shop/DaemonSet/web@w1"),
        ("", "shop/web-1"),
    ],
)
def test_what_it_belongs_to(kind: str, workload: str) -> None:
    loop = crash_loop(pod(kind, containerStatuses=[BACK_OFF]))
    assert loop is not None
    assert (loop.workload, str(loop)) == (workload, "shop/web-1 on w1")
