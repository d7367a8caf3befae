"""Virtual time and the seeded order."""

from __future__ import annotations

import asyncio
import signal
from time import monotonic

import pytest

from kubectl_upgrade.simulation.loop import DeadlockError, VirtualLoop, run


def test_time_jumps_to_the_next_timer() -> None:
    async def main() -> list[tuple[str, float]]:
        seen: list[tuple[str, float]] = []

        async def at(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            seen.append((name, asyncio.get_running_loop().time()))

        await asyncio.gather(at("day", 86_400), at("minute", 60), at("week", 7 * 86_400))
        return seen

    before = monotonic()
    assert run(main()) == [("minute", 60), ("day", 86_400), ("week", 7 * 86_400)]
    assert monotonic() - before < 5


def test_time_stands_still_while_something_can_run() -> None:
    async def main() -> float:
        for _ in range(1000):
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert run(main()) == 0


def test_timeouts_are_virtual() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(900):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(900)


async def _order() -> list[int]:
    seen: list[int] = []

    async def note(number: int) -> None:
        await asyncio.sleep(1)
        seen.append(number)

    await asyncio.gather(*(note(number) for number in range(10)))
    return seen


def test_the_seed_decides_the_order() -> None:
    orders = [run(_order(), seed=seed) for seed in range(5)]
    assert orders == [run(_order(), seed=seed) for seed in range(5)]
    assert len({tuple(order) for order in orders}) == 5


def test_sets_of_tasks_have_a_reproducible_order() -> None:
    async def main() -> list[str]:
        tasks = {asyncio.create_task(asyncio.sleep(0), name=f"t{number}") for number in range(20)}
        done, _ = await asyncio.wait(tasks)
        return [task.get_name() for task in done]

    first = run(main())
    ballast = [object() for _ in range(10_000)]  # moves what comes next to other addresses
    assert run(main()) == first
    assert ballast


def test_a_deadlock_is_told_with_what_waits() -> None:
    async def forgotten_event() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.sleep(3)
        await forgotten_event()

    with pytest.raises(DeadlockError, match=r"at 3\.000 s .*test_loop\.py"):
        run(main())


def test_pace_takes_real_time() -> None:
    before = monotonic()
    run(asyncio.sleep(6), pace=60)
    assert 0.1 <= monotonic() - before < 2


def test_threads_are_refused() -> None:
    async def main() -> None:
        await asyncio.to_thread(lambda: None)

    with pytest.raises(RuntimeError, match="no threads"):
        run(main())


def test_a_signal_interrupts_a_paced_wait() -> None:
    loop = VirtualLoop(pace=1)
    try:
        loop.add_signal_handler(signal.SIGUSR1, loop.stop)
        loop.call_later(3600, lambda: None)
        loop.call_soon(signal.raise_signal, signal.SIGUSR1)
        loop.run_forever()
        assert loop.time() < 1
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)
        loop.close()
