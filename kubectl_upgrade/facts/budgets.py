"""PodDisruptionBudgets, and which pods they select."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kubectl_upgrade.facts.forbidden import unless_forbidden
from kubectl_upgrade.model.drains import Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_upgrade.model.facts import Maybe
    from kubectl_upgrade.world import Cluster, Json

Selector: TypeAlias = "Callable[[Mapping[str, str]], bool]"

_PATH = "/apis/policy/v1/poddisruptionbudgets"


@dataclass(frozen=True, slots=True)
class Guard:
    """A budget and its selector, as a function of a pod's labels."""

    budget: Budget
    selects: Selector


async def read_guards(cluster: Cluster, namespace: str = "") -> Maybe[tuple[Guard, ...]]:
    """All budgets of the namespace, or of the cluster."""
    if namespace:
        path = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
        return await unless_forbidden(cluster.reduced(path, guard), f"list poddisruptionbudgets.policy in {namespace}")
    return await unless_forbidden(cluster.reduced(_PATH, guard), "list poddisruptionbudgets.policy in all namespaces")


def guard(raw: Json) -> Guard:
    """Never raises: what cannot be read selects nothing and says so in `trouble`."""
    metadata = raw["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    try:
        return Guard(_budget(namespace, name, raw), selector(raw["spec"].get("selector")))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        trouble = f"it cannot be read: {error!r}"
        return Guard(Budget(namespace=namespace, name=name, rule="", trouble=trouble), lambda _: False)


def selector(raw: Json | None) -> Selector:
    """A LabelSelector. In policy/v1 a missing one selects nothing, and an empty one every pod of the namespace
    (https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/pod-disruption-budget-v1/).
    """
    if raw is None:
        return lambda _: False
    equal: dict[str, str] = raw.get("matchLabels") or {}
    tests = [_test(expression) for expression in raw.get("matchExpressions") or []]
    return lambda labels: (
        all(labels.get(key) == value for key, value in equal.items()) and all(test(labels) for test in tests)
    )


def _test(expression: Json) -> Selector:
    key, values = expression["key"], frozenset(expression.get("values") or ())
    tests: dict[str, Selector] = {
        "In": lambda labels: labels.get(key) in values,
        "NotIn": lambda labels: labels.get(key) not in values,
        "Exists": lambda labels: key in labels,
        "DoesNotExist": lambda labels: key not in labels,
    }
    return tests[expression["operator"]]


def _budget(namespace: str, name: str, raw: Json) -> Budget:
    spec, status = raw["spec"], raw.get("status") or {}
    return Budget(
        namespace=namespace,
        name=name,
        rule=next((f"{field}: {spec[field]}" for field in ("maxUnavailable", "minAvailable") if field in spec), ""),
        allowed=int(status.get("disruptionsAllowed", 0)),
        current=int(status.get("currentHealthy", 0)),
        desired=int(status.get("desiredHealthy", 0)),
        expected=int(status.get("expectedPods", 0)),
        trouble=_trouble(status),
        observed=int(status.get("observedGeneration", 0)) >= int(raw["metadata"].get("generation", 0)),
        unready_may_go=spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow",
    )


def _trouble(status: Json) -> str:
    """What the disruption controller says when it cannot tell (disruption.go, failSafe): it allows nothing then."""
    for condition in status.get("conditions") or []:
        if condition["type"] == "DisruptionAllowed" and condition.get("reason") == "SyncFailed":
            return f"SyncFailed: {condition.get('message', '')}"
    return ""
