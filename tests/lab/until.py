"""The only polling loop of the lab: a condition, a limit and the last failure seen."""

import time
from collections.abc import Callable

from tests.lab.errors import LabError, TimedOutError


def until(what: str, limit: float, missing: Callable[[], str], *, every: float = 0.2) -> None:
    """Return when `missing` answers the empty text; its text, or its error, says what is still missing."""
    end = time.monotonic() + limit
    while last := _look(missing):
        if time.monotonic() > end:
            raise TimedOutError(f"{what}: not within {limit:.0f} s; last seen: {last}")
        time.sleep(every)  # noqa: TID251 - the pause between two looks of the one polling loop


def _look(missing: Callable[[], str]) -> str:
    try:
        return missing()
    except (OSError, LabError) as error:
        return f"{type(error).__name__}: {error}"
