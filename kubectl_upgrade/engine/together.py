"""The same for many nodes at once, within a bound."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

T = TypeVar("T")

AT_ONCE = 32


async def together(do: Callable[[T], Awaitable[None]], items: Iterable[T], at_once: int = AT_ONCE) -> None:
    """Do it for all of them, begun in their order, whichever fail; then raise the first failure."""
    room = asyncio.Semaphore(at_once)

    async def one(item: T) -> None:
        try:
            await do(item)
        finally:
            room.release()

    tasks: list[asyncio.Task[None]] = []
    try:
        for item in items:
            await room.acquire()
            tasks.append(asyncio.create_task(one(item)))
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    for result in ended:
        if isinstance(result, BaseException):
            raise result
