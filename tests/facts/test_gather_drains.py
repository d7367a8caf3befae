"""What drains would meet, as a look at a whole cluster gathers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.model.admission import Admission
from kubectl_upgrade.model.facts import Unknown
from kubectl_upgrade.model.version import Version
from tests.facts.test_gather import BUDGETS, PODS, FakeCluster, FakeNodes, lab, look

if TYPE_CHECKING:
    from kubectl_upgrade.world import Json


def bare_pod(name: str, labels: dict[str, str]) -> Json:
    metadata = {"namespace": "shop", "name": name, "labels": labels}
    return {"metadata": metadata, "spec": {"nodeName": "w1"}, "status": {"phase": "Running"}}


def budget(namespace: str) -> Json:
    spec = {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "web"}}}
    return {"metadata": {"namespace": namespace, "name": "b"}, "spec": spec}


def test_pods_carry_the_budgets_of_their_namespace_and_no_labels() -> None:
    pods = [bare_pod("a", {"app": "web"}), bare_pod("b", {})]
    cluster = FakeCluster(lab(), collections={PODS: pods, BUDGETS: [budget("shop"), budget("other")]})
    facts = look(cluster, FakeNodes(), target=Version(1, 35, 4))
    assert isinstance(facts.pods, tuple)
    assert [(str(pod), pod.budgets) for pod in facts.pods] == [("shop/a", ("b",)), ("shop/b", ())]
    assert isinstance(facts.budgets, tuple)
    assert [str(budget) for budget in facts.budgets] == ["shop/b", "other/b"]
    assert facts.admission == Admission()


def test_where_nothing_is_drained_no_pod_is_asked_for() -> None:
    cluster = FakeCluster(lab())
    facts = look(cluster, FakeNodes(), target=Version(1, 34, 9))
    assert facts.pods == facts.budgets == Unknown("not asked: nothing is drained")
    assert set(cluster.collections) == {PODS, BUDGETS}


@pytest.mark.parametrize(
    ("path", "field", "reason"),
    [
        (PODS, "pods", "this identity may not list pods in all namespaces"),
        (
            BUDGETS,
            "budgets",
            "this identity may not list poddisruptionbudgets.policy in all namespaces",
        ),
    ],
)
def test_what_rbac_hides_is_unknown(path: str, field: str, reason: str) -> None:
    facts = look(FakeCluster(lab(), forbidden=frozenset({path})), FakeNodes())
    assert getattr(facts, field) == Unknown(f"{reason}; docs/rbac.yaml has the right that lacks")
