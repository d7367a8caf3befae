"""Figures from what was measured, ratios first; pure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.upgrade.figures import RATIO, REPORTED, Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Each list has one value for each round."""

    nodes: int
    plan: Sequence[float]
    """seconds, as are all but the next two"""
    plan_cpu: Sequence[float]
    plan_mib: Sequence[float]
    kubectl: Sequence[float]
    kubeadm: Sequence[float]
    connections: int
    sessions: int
    requests: int
    kubectl_requests: int


def figures(measured: Measured) -> Iterator[Figure]:
    """Medians; what was counted is not timed, and what was timed not counted."""
    plan, kubectl, kubeadm = (statistics.median(each) for each in (measured.plan, measured.kubectl, measured.kubeadm))
    yield Figure("plan-wall-ratio-to-kubeadm-upgrade-plan", plan / kubeadm, RATIO, "<= 1")
    yield Figure("plan-wall-ratio-to-kubectl", plan / kubectl, RATIO, REPORTED)
    yield Figure("plan-wall", plan, "s", "<= 10")
    yield Figure("kubeadm-upgrade-plan-wall", kubeadm, "s", REPORTED)
    yield Figure("kubectl-get-wall", kubectl, "s", REPORTED)
    yield Figure("plan-client-cpu", statistics.median(measured.plan_cpu), "s", REPORTED)
    yield Figure("plan-client-max-rss", statistics.median(measured.plan_mib), "MiB", "<= 150")
    yield Figure("plan-ssh-connections", measured.connections, "count", f"<= {measured.nodes}")
    yield Figure("plan-ssh-sessions", measured.sessions, "count", REPORTED)
    yield Figure("plan-api-requests", measured.requests, "count", REPORTED)
    yield Figure("kubectl-get-api-requests", measured.kubectl_requests, "count", REPORTED)
