"""From a coroutine to an exit code: signals, errors, connections closed."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from kubectl_upgrade.model.errors import StoppedError, UpgradeError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from kubectl_upgrade.engine.run import Stop
    from kubectl_upgrade.world import World

T = TypeVar("T")

INTERRUPTED = 130


def run(world: World, work: Coroutine[Any, Any, T], stop: Stop | None = None) -> T:
    """Run to the end. With `stop`, Ctrl-C asks for a stop after the running step and a second one detaches, as SIGTERM
    and SIGHUP do: whatever runs on nodes goes on. Without it, Ctrl-C ends at once with 130.
    """
    return asyncio.run(_run(world, work, stop))


async def _run(world: World, work: Coroutine[Any, Any, T], stop: Stop | None) -> T:
    task = asyncio.ensure_future(work)
    detached = asyncio.Event()
    loop = asyncio.get_running_loop()

    def detach() -> None:
        detached.set()
        task.cancel()

    def interrupt() -> None:
        if stop is None or not stop.begun or stop.reason:
            detach()
            return
        stop.ask("stopped on request")
        tell("stopping after the running step; Ctrl-C again detaches at once (nothing on the nodes is killed)")

    loop.add_signal_handler(signal.SIGINT, interrupt)
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, detach)
    try:
        return await task
    except asyncio.CancelledError:
        if not detached.is_set():
            raise
        if stop is None or not stop.begun:
            tell("interrupted; nothing was changed")
            sys.exit(INTERRUPTED)
        raise StoppedError(
            "detached; a step that was running on a node goes on there", fix="run apply again to attach to it"
        ) from None
    finally:
        with suppress(UpgradeError):
            await world.nodes.close()
        with suppress(UpgradeError):
            await world.cluster.close()
        with suppress(UpgradeError):
            if world.probe is not None:
                await world.probe.close()


def tell(line: str = "") -> None:
    """One line for people; that nobody listens any more must never end a run."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


async def ask(question: str) -> str:
    """One line from the terminal; a signal can end the wait."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()
    with suppress(OSError):
        sys.stderr.write(question)
        sys.stderr.flush()

    def read() -> None:
        if not answer.done():
            answer.set_result(sys.stdin.readline())

    loop.add_reader(sys.stdin, read)
    try:
        return (await answer).strip()
    finally:
        loop.remove_reader(sys.stdin)
