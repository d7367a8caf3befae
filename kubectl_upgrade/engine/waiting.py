"""The only polling loop, and patience with an API that is away for a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kubectl_upgrade.model.errors import (
    AccessError,
    ApiError,
    ConflictError,
    NodeUnreachableError,
    NotFoundError,
    StepError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kubectl_upgrade.steps.base import Answer
    from kubectl_upgrade.world import Clock

T = TypeVar("T")

# one good answer may come from an API server that is about to stop, or from a cache
GOOD_ANSWERS = 3
# between them: half a second more or less is of no use to a wait, but there are hundreds of waits in a run
_AGAIN_SECONDS = 0.5
# a load balancer notices a stopped API server within seconds; a single control plane's API is away for minutes
API_PATIENCE_SECONDS = 300
# for a look: long enough for a load balancer to notice a stopped API server; then the nodes alone may have to say what
# is the case
LOOK_SECONDS = 30
# an API server that starts has read its RBAC rules within seconds
_STARTING_SECONDS = 60
# a connection that is lost comes back within a minute or two, a machine boots in that time
NODE_PATIENCE_SECONDS = 120
_SERVER_ERRORS = 500
# API Priority and Fairness, while a restarted API server is under load; clients are meant to come again
_TOO_MANY_REQUESTS = 429


async def until(clock: Clock, what: str, limit_seconds: float, answer: Answer, *, every_seconds: float = 1.0) -> None:
    """Ask until the condition has held GOOD_ANSWERS times in a row; StepError with the last failure after the limit."""
    end = clock.monotonic() + limit_seconds
    good = 0
    last = "no answer came"
    while good < GOOD_ANSWERS:
        try:
            missing = await answer()
        except AccessError as error:
            missing = error.message
        if missing is None:
            good += 1
        else:
            good, last = 0, missing
            if clock.monotonic() >= end:
                raise StepError(
                    f"waited {limit_seconds:g} s for {what}; the last answer was: {last}",
                    fix="mend what is named there, then run apply again: it goes on from here",
                )
        if good < GOOD_ANSWERS:
            await clock.sleep(_AGAIN_SECONDS if good else every_seconds)


async def patiently(clock: Clock, ask: Callable[[], Awaitable[T]], limit_seconds: float = API_PATIENCE_SECONDS) -> T:
    """Repeat an API call, safe to be repeated, while the API does not answer or fails by itself.

    What it refuses (4xx) is raised at once, but a minute after an API server that only starts has refused it; the last
    failure is raised after the limit.
    """
    began = clock.monotonic()
    while True:
        try:
            return await ask()
        except (NotFoundError, ConflictError):
            raise
        except ApiError as error:
            limit = _STARTING_SECONDS if error.starting else limit_seconds if unanswered(error) else 0
            if clock.monotonic() - began >= limit:
                raise
        await clock.sleep(1.0)


async def reach(
    clock: Clock,
    ask: Callable[[], Awaitable[T]],
    limit_seconds: float = NODE_PATIENCE_SECONDS,
    lost: Callable[[NodeUnreachableError], None] = lambda _: None,
) -> T:
    """Repeat a call to a node, safe to be repeated, while ssh does not get through: the node may boot, or a network
    come back. `lost` is told once; the last failure is raised after the limit.
    """
    end = clock.monotonic() + limit_seconds
    told = False
    while True:
        try:
            return await ask()
        except NodeUnreachableError as error:
            if clock.monotonic() >= end:
                raise
            if not told:
                lost(error)
            told = True
        await clock.sleep(2.0)


def unanswered(error: ApiError) -> bool:
    """The API is away, or fails by itself, or is too busy; it did not refuse."""
    return error.status in {0, _TOO_MANY_REQUESTS} or error.status >= _SERVER_ERRORS
