"""A look at all Nodes is shared, and never older than the question."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from kubectl_upgrade.engine.nodes_look import NodesLook
from kubectl_upgrade.model.errors import ApiError
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.faults import Fault, Point
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world

if TYPE_CHECKING:
    from kubectl_upgrade.model.facts import NodeObject
    from kubectl_upgrade.simulation.cluster import ModelCluster


def _looks(model: ModelCluster) -> int:
    """How many lists of Nodes were asked for."""
    list_of_nodes = Point(call="cluster.list", path="/api/v1/nodes", moment="before")
    return (model.faults.crossed or []).count(list_of_nodes)


def _model() -> ModelCluster:
    model = sample(1, 3)
    model.faults.crossed = []
    return model


def _cordoned(found: tuple[NodeObject, ...]) -> list[str]:
    return [node.name for node in found if node.cordoned]


def test_those_who_ask_together_share_one() -> None:
    model = _model()

    async def story() -> None:
        look = NodesLook(simulated_world(model))
        found = await asyncio.gather(*(look.fresh() for _ in range(50)))
        assert _looks(model) == 1
        assert all(one is found[0] for one in found)

    loop.run(story())


def test_who_asks_while_one_is_under_way_gets_the_next() -> None:
    """What changes after a list was begun may be missing in it: whoever asks after the change sees the change."""
    model = _model()

    async def story() -> None:
        world = simulated_world(model)
        look = NodesLook(world)
        first = asyncio.create_task(look.fresh())
        await asyncio.sleep(0.015)  # the server has answered, the answer is on its way
        await simulated_world(model).cluster.patch("/api/v1/nodes/w1", {"spec": {"unschedulable": True}})
        later = await asyncio.gather(look.fresh(), look.fresh())
        assert [_cordoned(found) for found in later] == [["w1"], ["w1"]]
        assert _cordoned(await first) == []
        assert _looks(model) == 2

    loop.run(story())


def test_it_is_asked_at_most_once_a_second() -> None:
    model = _model()

    async def story() -> None:
        look = NodesLook(simulated_world(model))
        for _ in range(10):
            await look.fresh()
        assert _looks(model) == 10
        assert 9 <= asyncio.get_running_loop().time() < 10

    loop.run(story())


def test_a_failure_is_everybodys_and_the_next_look_is_fresh() -> None:
    model = _model()
    model.faults.add(Fault(kind="api-unreachable", call="cluster.list", seconds=5))

    async def story() -> None:
        look = NodesLook(simulated_world(model))
        failed = await asyncio.gather(*(look.fresh() for _ in range(3)), return_exceptions=True)
        assert [type(error) for error in failed] == [ApiError] * 3
        assert _looks(model) == 1
        await asyncio.sleep(6)
        assert len(await look.fresh()) == 4

    loop.run(story())


@pytest.mark.parametrize("seconds", [0, 0.005])
def test_others_are_served_when_the_one_who_looks_is_cancelled(seconds: float) -> None:
    model = _model()

    async def story() -> None:
        look = NodesLook(simulated_world(model))
        first = asyncio.create_task(look.fresh())
        await asyncio.sleep(0)
        others = [asyncio.create_task(look.fresh()) for _ in range(2)]
        await asyncio.sleep(seconds)
        first.cancel()
        assert [len(found) for found in await asyncio.gather(*others)] == [4, 4]
        with pytest.raises(asyncio.CancelledError):
            await first

    loop.run(story())
