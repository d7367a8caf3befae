"""When a maintenance window is open, and when it opens again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kubectl_upgrade.model.window import Day, Window, zone_of


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(from_: str, to: str, zone: str = "UTC", days: tuple[Day, ...] = ()) -> Window:
    return Window(from_=from_, to=to, zone=zone, days=days)


@pytest.mark.parametrize(
    ("of", "now", "closes"),
    [
        (window("22:00", "04:00"), "2026-01-01T21:59", None),
        (window("22:00", "04:00"), "2026-01-01T22:00", "2026-01-02T04:00"),
        (window("22:00", "04:00"), "2026-01-02T03:59", "2026-01-02T04:00"),
        (window("22:00", "04:00"), "2026-01-02T04:00", None),
        (window("08:00", "20:00"), "2026-01-02T12:00", "2026-01-02T20:00"),
        # 1 January 2026 is a Thursday: its night belongs to the day on which it begins
        (window("22:00", "04:00", days=("thu",)), "2026-01-02T03:00", "2026-01-02T04:00"),
        (window("22:00", "04:00", days=("fri",)), "2026-01-02T03:00", None),
        # an hour east of Greenwich in winter, two in summer
        (window("22:00", "23:00", "Europe/Berlin"), "2026-01-01T21:30", "2026-01-01T22:00"),
        (window("22:00", "23:00", "Europe/Berlin"), "2026-07-01T20:30", "2026-07-01T21:00"),
        # the night in which clocks go forward is an hour shorter
        (window("22:00", "04:00", "Europe/Berlin"), "2026-03-28T21:30", "2026-03-29T02:00"),
    ],
)
def test_until_when_it_is_open(of: Window, now: str, closes: str | None) -> None:
    assert of.closes(at(now)) == (at(closes) if closes else None)


@pytest.mark.parametrize(
    ("of", "now", "opens"),
    [
        (window("22:00", "04:00"), "2026-01-01T12:00", "2026-01-01T22:00"),
        (window("22:00", "04:00"), "2026-01-01T22:00", "2026-01-02T22:00"),
        (window("22:00", "04:00", days=("wed",)), "2026-01-01T12:00", "2026-01-07T22:00"),
        (window("22:00", "04:00", days=("thu",)), "2026-01-01T23:00", "2026-01-08T22:00"),
    ],
)
def test_when_it_opens_next(of: Window, now: str, opens: str) -> None:
    assert of.opens(at(now)) == at(opens)


def test_it_is_told_in_the_time_of_its_place() -> None:
    opens = window("22:00", "04:00", "Europe/Berlin", ("mon", "tue")).opens(at("2026-01-01T12:00"))
    assert f"{opens:%a %H:%M}" == "Mon 22:00"
    assert str(window("22:00", "04:00", "Europe/Berlin", ("mon", "tue"))) == "mon,tue 22:00-04:00 Europe/Berlin"


@pytest.mark.parametrize("name", ["Europe/Nowhere", "localtime/../x", "Europe"])
def test_a_zone_that_nobody_knows(name: str) -> None:
    with pytest.raises(ValueError, match="time zone database has no"):
        zone_of(name)
