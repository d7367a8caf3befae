"""What stands in the way of kubeadm or of a drain is found by plan and apply, not half-way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.model.errors import PreflightError, StepError
from kubectl_upgrade.planner.make_plan import Options
from kubectl_upgrade.simulation import loop, objects
from kubectl_upgrade.simulation.admission import Webhook
from kubectl_upgrade.simulation.paths import BUDGETS, PODS
from tests.engine.test_apply import upgraded

if TYPE_CHECKING:
    from tests.engine.conftest import Operator

WEBHOOK = Webhook(name="owners.example.org", kinds=frozenset({"Job", "Pod"}), text="every pod needs an owner")


def results(operator: Operator, check: str, options: Options | None = None) -> list[tuple[str, str]]:
    plan = loop.run(operator.plan(options=options))
    return [(entry.result, entry.message) for entry in plan.preflight if entry.check == check]


def accepting(check: str) -> Options:
    return Options(waivers={check: "a test's"}, waive_until="2027-03-31", availability_probe=False)


def test_a_webhook_that_comes_after_planning_stops_apply_before_anything_is_changed(operator: Operator) -> None:
    plan = loop.run(operator.plan())
    operator.model.admission.add(WEBHOOK)
    with pytest.raises(PreflightError, match=r"owners\.example\.org.*CreateJob.*every pod needs an owner"):
        loop.run(operator.apply(plan))
    assert operator.model.trace == []
    assert operator.model.landed == []


def test_a_waiver_lets_kubeadm_ignore_the_job(operator: Operator) -> None:
    operator.model.admission.add(WEBHOOK)
    ((result, _),) = results(operator, "webhooks")
    assert result == "blocker"

    async def story() -> None:
        plan = await operator.plan(options=accepting("webhooks"))
        assert [waiver.kubeadm_errors for waiver in plan.waivers] == [("CreateJob",)]
        await operator.apply(plan)

    loop.run(story())
    upgraded(operator.model)


def test_kubeadm_would_have_failed(operator: Operator) -> None:
    async def story() -> None:
        plan = await operator.plan()
        # it comes when apply has looked
        operator.heed = lambda _: operator.model.admission.add(WEBHOOK) if not operator.model.trace else None
        with pytest.raises(StepError, match="CreateJob"):
            await operator.apply(plan)

    loop.run(story())


def test_two_budgets_over_one_pod(operator: Operator) -> None:
    second = objects.budget("all", "payments", labels={"k8s-app": "ledger"}, max_unavailable=1)
    operator.model.store.add(BUDGETS, second)
    ((result, message),) = results(operator, "disruption-budgets")
    assert result == "blocker"
    assert "budgets all and ledger in payments" in message


def test_a_bare_pod_is_deleted_by_a_plan_that_says_so(operator: Operator) -> None:
    pod = objects.pod("bare", "shop", "example.org/bare:1", labels={}, node="w1")
    objects.set_running(pod, running=True)
    operator.model.store.add(PODS, pod)
    ((result, message),) = results(operator, "unmanaged-pods")
    assert (result, "shop/bare" in message) == ("blocker", True)

    async def story() -> None:
        with pytest.raises(PreflightError, match="shop/bare"):
            await operator.apply(await operator.plan())
        await operator.apply(await operator.plan(options=accepting("unmanaged-pods")))

    loop.run(story())
    upgraded(operator.model)
    assert operator.model.store.find(PODS, "bare", "shop") is None
