"""Something for the drains to move: two pods for each worker, and a budget that lets half of them be away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.lab.until import until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.lab.lab import Lab

NAME = "bench"
LIMIT = 180
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def deploy(lab: Lab) -> None:
    """Create it, and wait until all of it is there."""
    first = lab.nodes[0].name
    pause = lab.run(first, "grep -o 'registry.k8s.io/pause:[0-9.]*' /etc/containerd/config.toml").out.strip()
    for path, body in objects(pause, 2 * lab.spec.workers).items():
        lab.api.must("POST", path, body)
    wait(lab)


def wait(lab: Lab) -> None:
    """Until every replica is available."""
    until("the workload", LIMIT, lambda: away(lab.api.get(f"{DEPLOYMENTS}/{NAME}")))


def objects(pause: str, replicas: int) -> Mapping[str, Any]:
    """What is posted, by path."""
    label = {"app": NAME}
    container = {"name": "pause", "image": pause}
    return {
        BUDGETS: {
            "metadata": {"name": NAME},
            # evicting one after the other would measure how often each way asks again
            "spec": {"maxUnavailable": "50%", "selector": {"matchLabels": label}},
        },
        DEPLOYMENTS: {
            "metadata": {"name": NAME},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": label},
                "template": {"metadata": {"labels": label}, "spec": {"containers": [container]}},
            },
        },
    }


def away(deployment: Mapping[str, Any]) -> str:
    """Say how many replicas are not available."""
    wanted = deployment["spec"]["replicas"]
    there = deployment["status"].get("availableReplicas", 0)
    return "" if there == wanted else f"{there} of {wanted} replicas available"
