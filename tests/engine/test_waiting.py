"""Patience with an API server: with one that is away or starts, and none with one that refuses."""

from __future__ import annotations

import pytest

from kubectl_upgrade.engine.waiting import patiently, until
from kubectl_upgrade.model.errors import ApiError, StepError
from kubectl_upgrade.simulation import loop
from kubectl_upgrade.simulation.sample import sample
from kubectl_upgrade.simulation.world import simulated_world


@pytest.mark.parametrize(("seconds", "passes"), [(20, True), (100, False)])
def test_an_api_server_that_starts_and_refuses_is_asked_again_for_a_minute(seconds: float, *, passes: bool) -> None:
    async def story() -> None:
        clock = simulated_world(sample(1, 0)).clock
        end = clock.monotonic() + seconds

        async def ask() -> str:
            if clock.monotonic() < end:
                raise ApiError("403 Forbidden", status=403, starting=True)
            return "well"

        if passes:
            assert await patiently(clock, ask, 0) == "well"
            return
        with pytest.raises(ApiError, match="403 Forbidden"):
            await patiently(clock, ask)
        assert clock.monotonic() < end

    loop.run(story())


def test_a_refusal_is_one_at_once() -> None:
    async def story() -> None:
        clock = simulated_world(sample(1, 0)).clock

        async def ask() -> str:
            raise ApiError("403 Forbidden", status=403)

        with pytest.raises(ApiError, match="403 Forbidden"):
            await patiently(clock, ask)
        assert clock.monotonic() == 0

    loop.run(story())


@pytest.mark.parametrize(("answers", "seconds"), [("+++", 1), ("-+++", 3), ("+-+++", 3.5), ("++-++-+++", 7)], ids=str)
def test_a_wait_ends_after_three_good_answers_in_a_row(answers: str, seconds: float) -> None:
    async def story() -> None:
        clock = simulated_world(sample(1, 0)).clock
        left = list(answers)

        async def answer() -> str | None:
            return None if left.pop(0) == "+" else "not yet"

        await until(clock, "rain", 60, answer, every_seconds=2)
        assert (left, clock.monotonic()) == ([], seconds)

    loop.run(story())


def test_a_wait_that_ends_in_vain_tells_its_last_answer() -> None:
    async def story() -> None:
        clock = simulated_world(sample(1, 0)).clock

        async def answer() -> str | None:
            return f"dry at {clock.monotonic():g}"

        with pytest.raises(StepError, match=r"waited 4 s for rain; the last answer was: dry at 4$"):
            await until(clock, "rain", 4, answer, every_seconds=2)

    loop.run(story())
