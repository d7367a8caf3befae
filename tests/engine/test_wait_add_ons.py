"""How long add-ons are waited for, and what that asks of the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_upgrade.engine.waiting import until
from kubectl_upgrade.model.errors import NotFoundError, StepError
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.api import SimulatedApi
from kubectl_upgrade.simulation.client import Client
from kubectl_upgrade.simulation.world import simulated_world
from kubectl_upgrade.steps.base import StepContext, WholeCluster
from kubectl_upgrade.steps.wait_add_ons import WaitAddOns

if TYPE_CHECKING:
    from kubectl_upgrade.steps.base import Action
    from kubectl_upgrade.world import Json
    from tests.engine.conftest import Operator

STEP = WaitAddOns(version=Version.parse("v1.35.4"), timeout_seconds=300)


@dataclass
class Rollout:
    """kube-proxy as the API shows it: a pod is new every so many seconds, until it stands still."""

    seconds: float
    updated: int = 0
    stops_at: int = 5
    began: float = 0
    reads: list[float] = field(default_factory=list)
    """when all Nodes were read"""

    def daemon_set(self, now: float) -> Json:
        updated = min(int((now - self.began) / self.seconds), self.stops_at)
        containers = [{"name": "kube-proxy", "image": "registry.k8s.io/kube-proxy:v1.35.4"}]
        return {
            "metadata": {"generation": 2},
            "spec": {"template": {"spec": {"containers": containers}}},
            "status": {
                "observedGeneration": 2,
                "desiredNumberScheduled": 5,
                "updatedNumberScheduled": updated,
                "numberAvailable": 5,
            },
        }


class Api(SimulatedApi):
    """The simulated one, but for kube-proxy; there is no CoreDNS."""

    def __init__(self, client: Client, rollout: Rollout) -> None:
        super().__init__(client)
        self._model = client.cluster
        self._rollout = rollout

    async def get(self, path: str) -> Json:
        if path.endswith("kube-proxy"):
            return self._rollout.daemon_set(self._model.now)
        raise NotFoundError("none", status=404)

    async def reduced(self, path: str, *args: Any, **options: Any) -> tuple[Any, ...]:
        self._rollout.reads.append(self._model.now)
        return await super().reduced(path, *args, **options)


def _wait(operator: Operator, rollout: Rollout) -> float:
    """For how many seconds the step waits."""

    async def story() -> float:
        plan = await operator.plan()
        world = simulated_world(operator.model)
        began = rollout.began = world.clock.monotonic()
        context = StepContext(
            plan=plan,
            target=WholeCluster(),
            run8="01234567",
            nodes=world.nodes,
            cluster=Api(Client(operator.model), rollout),
            clock=world.clock,
            act=_nothing_to_do,
            until=partial(until, world.clock),
            say=lambda _: None,
            tell=lambda _: None,
        )
        await STEP.run(context)
        return world.clock.monotonic() - began

    return loop.run(story())


def test_a_rollout_that_goes_on_is_waited_for_and_no_node_is_read(operator: Operator) -> None:
    rollout = Rollout(seconds=12)
    assert 60 <= _wait(operator, rollout) < 65
    assert not rollout.reads


def test_one_that_stands_still_because_a_node_is_away_is_enough(operator: Operator) -> None:
    operator.model.nodes["w2"].heartbeat_lost = float("-inf")
    rollout = Rollout(seconds=12, stops_at=3)
    assert 36 + 15 <= _wait(operator, rollout) < 36 + 15 + 5
    assert len(rollout.reads) == 3


def test_one_that_stands_still_while_every_node_is_ready_is_not(operator: Operator) -> None:
    with pytest.raises(StepError, match="kube-proxy: 3 updated, 5 available of 5"):
        _wait(operator, Rollout(seconds=12, stops_at=3))


async def _nothing_to_do(action: Action) -> str:
    raise AssertionError(action)
