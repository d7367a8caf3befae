"""An asyncio loop with virtual time and a seeded order: a seed reproduces a run bit for bit."""

from __future__ import annotations

import asyncio
import selectors
from random import Random
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Coroutine, Generator

T = TypeVar("T")


class DeadlockError(RuntimeError):
    """Nothing is ready to run, no timer is set: what the run waits for can never happen."""


def run(main: Coroutine[Any, Any, T], *, seed: int = 0, pace: float = 0) -> T:
    """Run a coroutine to its end on a fresh loop.

    `pace` is in seconds of virtual time per real second; 0 is as fast as the machine can.
    DeadlockError when it waits for something that can never happen.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(seed=seed, pace=pace)) as runner:
        return runner.run(main)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time stands still while anything can run, and jumps to the next timer when nothing can.

    Whatever is ready at the same time runs in an order drawn from the seed. There are no threads and no sockets here.
    """

    _ready: deque[asyncio.Handle]

    def __init__(self, *, seed: int = 0, pace: float = 0) -> None:
        self._virtual = _VirtualSelector(self, pace)
        self._order = Random(seed)  # noqa: S311 - a reproducible order, no secret
        self._tasks_made = 0
        super().__init__(self._virtual)
        self.set_task_factory(self._make_task)

    def time(self) -> float:
        return self._virtual.now

    def run_in_executor(self, *_: object, **__: object) -> NoReturn:
        """Threads would bring the real world's order into the run."""
        raise RuntimeError("no threads under virtual time")

    def _run_once(self) -> None:
        if len(self._ready) > 1:
            handles = list(self._ready)
            self._order.shuffle(handles)
            self._ready.clear()
            self._ready.extend(handles)
        # asyncio's one turn of the loop; the stubs leave it out
        super()._run_once()  # type: ignore[misc]

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, T] | Generator[Any, None, T], **options: Any
    ) -> asyncio.Task[T]:
        self._tasks_made += 1
        return _NumberedTask(self._tasks_made, coro, loop=loop, **options)


class _NumberedTask(asyncio.Task[T]):
    """A task with a stable hash: asyncio keeps tasks in sets, whose order would else depend on memory addresses."""

    def __init__(self, number: int, coro: Coroutine[Any, Any, T] | Generator[Any, None, T], **options: Any) -> None:
        self._number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number


class _VirtualSelector(selectors.DefaultSelector):
    """Where a loop would sleep, this one moves the time on; signals still come through at each jump."""

    def __init__(self, loop: VirtualLoop, pace: float) -> None:
        super().__init__()
        self.now = 0.0
        self._loop = loop
        self._pace = pace

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise DeadlockError(_stuck(self._loop))
        if timeout <= 0:
            return []
        events = super().select(timeout / self._pace if self._pace else 0)
        if not events:
            self.now += timeout
        return events


def _stuck(loop: VirtualLoop) -> str:
    waiting = sorted(_position(task) for task in asyncio.all_tasks(loop))
    return f"at {loop.time():.3f} s nothing is ready and no timer is set; waiting: {'; '.join(waiting) or 'nothing'}"


def _position(task: asyncio.Task[Any]) -> str:
    frames = task.get_stack()
    if not frames:
        return f"{task.get_name()} not started"
    code = frames[-1].f_code
    return f"{task.get_name()} in {code.co_qualname} ({code.co_filename}:{frames[-1].f_lineno})"
