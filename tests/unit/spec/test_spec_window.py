"""Windows on the clock of a place around a change of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from seatrial.spec.window import Opening, Window

HALF_A_DAY = timedelta(hours=12)


def opening(zone: str, text: str) -> Opening:
    return Opening(windows=(Window.of(text),), zone=zone)


@pytest.mark.parametrize(
    ("zone", "text", "now", "opens"),
    [
        ("Europe/Berlin", "Sun 02:15-02:45", "2026-03-22T05:00", "2026-04-05T00:15"),
        ("America/New_York", "Sun 02:00-03:00", "2026-03-01T09:00", "2026-03-15T06:00"),
        ("Europe/Berlin", "Sun 02:00-04:00", "2026-03-28T12:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "Sun 02:30-02:45", "2026-10-24T12:00", "2026-10-25T00:30"),
        ("Europe/Berlin", "Sun 02:30-02:45", "2026-10-25T00:50", "2026-10-25T01:30"),
    ],
    ids=["an hour that is left out", "in New York", "half of it left out", "twice, first", "twice, again"],
)
def test_the_next_opening_is_found_past_an_hour_that_is_left_out_or_comes_twice(
    zone: str, text: str, now: str, opens: str
) -> None:
    found = opening(zone, text).next_opening(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(opens).replace(tzinfo=UTC)


def test_a_window_of_hours_is_as_long_as_the_clock_on_the_wall_makes_it() -> None:
    night = opening("Europe/Berlin", "Sun 01:00-04:00")
    for day, hours in (("2026-03-29", 2), ("2026-10-25", 4), ("2026-11-29", 3)):
        began = night.next_opening(datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=UTC) - HALF_A_DAY)
        assert night.left_s(began) == hours * 3600.0
