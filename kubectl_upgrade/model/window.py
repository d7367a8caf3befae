"""A maintenance window: the hours in which nodes may be begun, by the clocks of one place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

from kubectl_upgrade.model.types import TimeOfDay, TimeZone

if TYPE_CHECKING:
    from collections.abc import Iterator

Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
# packages, kubeadm, kubelet and the waits behind them take one or two minutes; a slow mirror or disk takes longer
SECONDS_BESIDE_DRAIN = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """No node is begun outside, nor one that cannot be expected to be done before it closes."""

    days: tuple[Day, ...] = ()
    """on which it opens; every day when left out"""
    from_: TimeOfDay
    to: TimeOfDay
    """of the day after, when it is not later than `from`"""
    zone: TimeZone
    """of the time zone database; or UTC"""

    def __str__(self) -> str:
        days = f"{','.join(self.days)} " if self.days else ""
        return f"{days}{self.from_}-{self.to} {self.zone}"

    @property
    def seconds(self) -> float:
        """From its opening to its close, where no clock is set meanwhile."""
        opens, closes = (time.fromisoformat(text) for text in (self.from_, self.to))
        minutes = 60 * (closes.hour - opens.hour) + closes.minute - opens.minute
        return 60.0 * (minutes % (24 * 60))

    def closes(self, now: datetime) -> datetime | None:
        """When the one that is open now closes; None when none is open."""
        return next((end for start, end in self._near(now) if start <= now < end), None)

    def opens(self, now: datetime) -> datetime:
        """When the next one opens, in the time of its place."""
        start = next(start for start, _ in self._near(now) if start > now)
        return start.astimezone(zone_of(self.zone))

    def _near(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Every opening from yesterday's on, a week and more, in UTC: times of one zone compare by what clocks show."""
        zone = zone_of(self.zone)
        today = now.astimezone(zone).date()
        for offset in range(-1, 9):
            day = today + timedelta(days=offset)
            if self.days and DAYS[day.weekday()] not in self.days:
                continue
            last = day + timedelta(days=int(self.to <= self.from_))
            start = datetime.combine(day, time.fromisoformat(self.from_), zone)
            end = datetime.combine(last, time.fromisoformat(self.to), zone)
            yield start.astimezone(UTC), end.astimezone(UTC)


def zone_of(name: str) -> tzinfo:
    """ValueError when this machine's time zone database does not know it."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"this machine's time zone database has no {name}") from error
