"""Flags of `plan` that say which workers are upgraded, and how they are gone through."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from kubectl_upgrade.model.errors import UsageError
from kubectl_upgrade.model.types import TimeOfDay, TimeZone
from kubectl_upgrade.model.window import DAYS, Window, zone_of

if TYPE_CHECKING:
    from kubectl_upgrade.model.window import Day
    from kubectl_upgrade.planner.rollout import Rollout
    from kubectl_upgrade.planner.selection import Selection

_WINDOW = re.compile(r"(?:(?P<days>[A-Za-z,-]+) +)?(?P<from>[0-9:]+)-(?P<to>[0-9:]+) +(?P<zone>\S+)")
_WINDOW_FIX = "such as '22:00-04:00 Europe/Berlin' or 'Mon-Thu,Sat 22:00-04:00 UTC'"


class OnDrainTimeout(Enum):
    """What happens when a worker cannot be drained in time."""

    STOP = "stop"
    SKIP_NODE = "skip-node"


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutFlags:
    """A field's type is its flag."""

    max_unavailable: Annotated[
        str, typer.Option("--max-unavailable", metavar="N|P%", help="Workers of a pool at once.")
    ] = "10%"
    max_failures: Annotated[
        int, typer.Option("--max-failures", min=0, max=10000, metavar="N", help="Workers of a pool that may fail.")
    ] = 0
    canary: Annotated[
        int, typer.Option("--canary", min=0, max=10000, metavar="N", help="Workers of each pool that go first.")
    ] = 0
    soak: Annotated[
        int | None, typer.Option("--soak", min=1, max=86400, metavar="SECONDS", help="Wait so long after the canary.")
    ] = None
    pause_after_canary: Annotated[
        bool, typer.Option("--pause-after-canary", help="Stop after the canary until `apply` is run again.")
    ] = False
    select: Annotated[
        list[str] | None,
        typer.Option("--select", metavar="NODE|LABELS", help="Only these workers: a name, or labels; repeat for more."),
    ] = None
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="NODE|LABELS", help="Not these workers: a name, or labels; repeat for more."),
    ] = None
    drain_timeout: Annotated[
        int, typer.Option("--drain-timeout", min=1, max=86400, metavar="SECONDS", help="Per node.")
    ] = 900
    on_drain_timeout: Annotated[
        OnDrainTimeout,
        typer.Option("--on-drain-timeout", help="Stop there, or leave that worker as it was and go on."),
    ] = OnDrainTimeout.STOP
    drain_limit: Annotated[
        int | None,
        typer.Option(
            "--drain-limit", min=1, max=86400, metavar="SECONDS", help="Of all drains of a pool in one apply."
        ),
    ] = None
    window: Annotated[
        str, typer.Option("--window", metavar="WINDOW", help="Begin workers in these hours only: " + _WINDOW_FIX)
    ] = ""

    def rollout(self) -> Rollout:
        """UsageError for what no plan could hold."""
        from kubectl_upgrade.planner.rollout import Rollout

        if not self.canary and (self.soak or self.pause_after_canary):
            raise UsageError("--soak and --pause-after-canary come after a canary", fix="add --canary 1")
        return Rollout(
            canary=self.canary,
            soak_seconds=self.soak,
            pause=self.pause_after_canary,
            max_failures=self.max_failures,
            on_drain_timeout=self.on_drain_timeout.value,
            drain_limit_seconds=self.drain_limit,
            window=window_of(self.window) if self.window else None,
        )

    def selection(self) -> Selection:
        from kubectl_upgrade.planner.selection import Selection

        return Selection(select=tuple(self.select or ()), exclude=tuple(self.exclude or ()))

    def share(self) -> str:
        """UsageError when it is none."""
        if re.fullmatch(r"[1-9][0-9]{0,3}|[1-9][0-9]?%|100%", self.max_unavailable) is None:
            message = f"--max-unavailable {self.max_unavailable!r} is neither a number nor a share"
            raise UsageError(message, fix="such as 2 or 10%")
        return self.max_unavailable


def window_of(text: str) -> Window:
    """`[DAYS] FROM-TO ZONE`; UsageError when it is none."""
    match = _WINDOW.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--window {text!r} is no window", fix=_WINDOW_FIX)
    for name, kind in (("from", TimeOfDay), ("to", TimeOfDay), ("zone", TimeZone)):
        pattern = get_args(kind)[1]
        if re.fullmatch(pattern.regex, match[name]) is None:
            raise UsageError(f"--window {text!r}: {match[name]!r} is not {pattern.what}", fix=_WINDOW_FIX)
    if match["from"] == match["to"]:
        raise UsageError(f"--window {text!r} closes when it opens", fix="leave it out to work at any hour")
    try:
        zone_of(match["zone"])
    except ValueError as error:
        raise UsageError(f"--window: {error}", fix="correct it, or install tzdata; UTC needs none") from error
    return Window(days=_days(text, match["days"] or ""), from_=match["from"], to=match["to"], zone=match["zone"])


def _days(text: str, words: str) -> tuple[Day, ...]:
    """`Mon-Thu,Sat`, in the order of the week."""
    chosen: set[Day] = set()
    for word in words.lower().split(",") if words else []:
        ends = [day for part in word.split("-") for day in DAYS if day == part]
        if len(ends) != word.count("-") + 1 or len(ends) > 2:  # noqa: PLR2004 - from and to
            raise UsageError(f"--window {text!r}: {word!r} is no day", fix=f"one of {', '.join(DAYS)}, or mon-fri")
        first, last = DAYS.index(ends[0]), DAYS.index(ends[-1])
        span = (last - first) % len(DAYS)
        chosen |= {DAYS[(first + offset) % len(DAYS)] for offset in range(span + 1)}
    return tuple(day for day in DAYS if day in chosen)
