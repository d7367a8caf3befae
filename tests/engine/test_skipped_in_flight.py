"""Workers that this run has begun and that turn out to be none of its plan's any more: nothing of it stays there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.events import StepBegins
from kubectl_upgrade.model.errors import StepError
from kubectl_upgrade.model.version import Version
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import Fault
from tests.engine.test_apply import traces
from tests.engine.test_drains import done, notes, options, small

if TYPE_CHECKING:
    from kubectl_upgrade.engine.events import Event
    from tests.engine.conftest import Operator

ABOVE = Version.parse("v1.35.6")


def by_hand(operator: Operator) -> None:
    """Somebody upgrades w1 past the target."""
    kubelet = operator.model.nodes["w1"].kubelet
    kubelet.version = kubelet.reported = ABOVE


def failing(operator: Operator) -> None:
    operator.model.faults.add(Fault(kind="action-fails", node="w1", action="kubeadm-node", moment=""))


async def left_as_it_was(operator: Operator) -> None:
    assert not operator.model.node_object(operator.model.nodes["w1"])["spec"].get("unschedulable")
    assert await traces(operator.model) == []
    assert "w1: uncordon, if we cordoned: done" in notes(operator)
    assert done(operator) == {"w2", "w3"}


@pytest.mark.parametrize("at_once", ["1", "2"])
def test_mended_past_the_target_between_two_applies(at_once: str) -> None:
    operator = small()
    failing(operator)

    async def story() -> None:
        plan = await operator.plan(options=options(max_unavailable=at_once))
        with pytest.raises(StepError):
            await operator.apply(plan)
        by_hand(operator)
        await operator.apply(plan)
        await left_as_it_was(operator)

    loop.run(story())


def test_mended_past_the_target_while_its_step_fails() -> None:
    operator = small()
    failing(operator)

    def heed(event: Event) -> None:
        if isinstance(event, StepBegins) and (event.id.target, event.id.step) == ("w1", "kubeadm-node"):
            by_hand(operator)

    operator.heed = heed

    async def story() -> None:
        await operator.apply(await operator.plan(options=options()))
        await left_as_it_was(operator)

    loop.run(story())
