"""Hours of the day on both sides of a change of clocks: right data are no gap, a feed that stays behind is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from seatrial.core.vocabulary import Weight
from seatrial.measure.columns import Column
from seatrial.measure.fingerprint import FingerprintCell
from seatrial.measure.format_numbers import hour_changes

BERLIN, NEW_YORK, SYDNEY = (ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Sydney"))
STANDARD = timezone(timedelta(hours=1))
"""Berlin's clock for a feed that does not follow the change."""


def worked(zone: ZoneInfo, first: str, days: int) -> list[datetime]:
    """Moments at which people of that place work, from seven to eleven by the clock on their wall."""
    random = np.random.default_rng(days)
    begins = datetime.fromisoformat(first)
    return [
        (begins + timedelta(days=day, hours=7, minutes=int(minute))).replace(tzinfo=zone).astimezone(UTC)
        for day in range(days)
        for minute in random.triangular(0, 60, 240, max(20, 600 // days))
    ]


def told(moments: list[datetime], how: str) -> pa.Array:
    if how == "typed":
        return pa.array(moments, pa.timestamp("us", tz="UTC"))
    if how == "UTC":
        return pa.array([f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in moments])
    if how == "without a mark, in UTC":
        return pa.array([f"{at:%Y-%m-%dT%H:%M:%S}" for at in moments])
    behind = "behind" in how
    local = [at.astimezone(STANDARD if behind else BERLIN) for at in moments]
    return pa.array([at.isoformat() if "offset" in how else f"{at:%Y-%m-%dT%H:%M:%S}" for at in local])


def printed(array: pa.Array) -> dict[str, Any]:
    cell = FingerprintCell({}, "at")
    cell.update(Column("at", array))
    return dict(cell.finish())


def seen(training: pa.Array, live: pa.Array) -> list[tuple[str, Weight]]:
    return [(each.code, each.weight) for each in hour_changes("at", printed(training), printed(live))]


SPANS = {
    "winter, then summer": (("2026-01-05", 60), ("2026-04-06", 14)),
    "summer, then winter": (("2026-06-01", 60), ("2026-11-02", 14)),
    "winter, then the week of the change": (("2026-01-05", 60), ("2026-03-24", 12)),
    "summer, then the week of the change": (("2026-07-01", 60), ("2026-10-20", 12)),
}


@pytest.mark.parametrize(("before", "now"), SPANS.values(), ids=SPANS)
@pytest.mark.parametrize("how", ["typed", "UTC", "local", "local with its offset"])
def test_right_times_on_both_sides_of_a_change_are_no_gap(
    how: str, before: tuple[str, int], now: tuple[str, int]
) -> None:
    found = seen(told(worked(BERLIN, *before), how), told(worked(BERLIN, *now), how))
    assert all(weight is Weight.NOTE for _, weight in found), found


@pytest.mark.parametrize(
    ("zone", "before", "now"),
    [(NEW_YORK, ("2026-01-05", 50), ("2026-03-10", 14)), (BERLIN, *SPANS["winter, then summer"])],
)
def test_an_hour_in_utc_is_told_as_that_of_the_change(
    zone: ZoneInfo, before: tuple[str, int], now: tuple[str, int]
) -> None:
    found = seen(told(worked(zone, *before), "typed"), told(worked(zone, *now), "typed"))
    assert found == [("hour-of-clock-change", Weight.NOTE)]


@pytest.mark.parametrize(("before", "now"), list(SPANS.values())[:2], ids=list(SPANS)[:2])
@pytest.mark.parametrize(
    ("how", "expected"),
    [("local", ("hour-of-clock-change", Weight.OPEN)), ("local with its offset", ("time-zone-shifted", Weight.GAP))],
)
def test_a_feed_that_does_not_follow_the_change_is_found(
    how: str, expected: tuple[str, Weight], before: tuple[str, int], now: tuple[str, int]
) -> None:
    training, live = worked(BERLIN, *before), worked(BERLIN, *now)
    as_trained = told(training, how)
    behind = (
        told(live, f"{how}, behind") if before[0] < "2026-05" else told([at + timedelta(hours=1) for at in live], how)
    )
    assert seen(as_trained, behind) == [expected]


def test_what_nobody_can_tell_is_open() -> None:
    before, now = SPANS["winter, then summer"]
    how = "without a mark, in UTC"
    assert seen(told(worked(BERLIN, *before), how), told(worked(BERLIN, *now), how)) == [
        ("hour-of-clock-change", Weight.OPEN)
    ]
    assert seen(told(worked(SYDNEY, *before), "UTC"), told(worked(SYDNEY, *now), "UTC")) == [
        ("hour-of-clock-change", Weight.OPEN)
    ]


def test_another_zone_is_a_gap_in_the_same_season_and_by_more_than_an_hour_in_any() -> None:
    live = worked(BERLIN, "2026-02-16", 10)
    for hours in (1, -1, 2):
        moved = told([at + timedelta(hours=hours) for at in live], "UTC")
        assert seen(told(worked(BERLIN, "2026-01-05", 30), "UTC"), moved) == [("time-zone-shifted", Weight.GAP)]
    summer = told([at - timedelta(hours=2) for at in worked(BERLIN, "2026-04-06", 14)], "UTC")
    assert seen(told(worked(BERLIN, "2026-01-05", 60), "UTC"), summer) == [("time-zone-shifted", Weight.GAP)]


def all_year(year: int, *, spread_h: float, n: int = 12_000, summer_h: float = 0.0) -> list[datetime]:
    """Moments of a year at which people of Berlin work, around one on their wall, `summer_h` later in summer time."""
    random = np.random.default_rng(year)
    days, hours = random.integers(0, 365, n), np.clip(random.normal(13.0, spread_h, n), 1.0, 22.0)
    first = datetime(year, 1, 1, tzinfo=BERLIN)
    wall = [first + timedelta(days=int(d), hours=float(h)) for d, h in zip(days, hours, strict=True)]
    return [(at + timedelta(hours=summer_h * (at.dst() != timedelta(0)))).astimezone(UTC) for at in wall]


@pytest.mark.parametrize(
    ("spread_h", "weight"), [(1.5, Weight.GAP), (2.3, Weight.GAP), (3.6, Weight.OPEN)], ids=["narrow", "wide", "broad"]
)
@pytest.mark.parametrize(("before", "now", "hours"), [("local", "local, behind", -1), ("local, behind", "local", 1)])
def test_an_hour_in_one_half_of_the_year_is_found(
    before: str, now: str, hours: int, spread_h: float, weight: Weight
) -> None:
    training, live = all_year(2025, spread_h=spread_h), all_year(2026, spread_h=spread_h)
    (found,) = hour_changes("at", printed(told(training, before)), printed(told(live, now)))
    assert (found.code, found.weight, found.evidence["hours"]) == ("time-zone-shifted", weight, hours)
    assert "from April to September" in found.summary


@pytest.mark.parametrize("how", ["typed", "UTC", "local", "local with its offset", "local, behind"])
@pytest.mark.parametrize(("spread_h", "summer_h"), [(2.3, 0.0), (3.6, 0.0), (2.3, -2.0), (3.6, 1.0)])
def test_work_that_moves_with_the_season_in_training_and_live_alike_is_no_change(
    how: str, spread_h: float, summer_h: float
) -> None:
    training, live = (all_year(year, spread_h=spread_h, summer_h=summer_h) for year in (2025, 2026))
    assert seen(told(training, how), told(live, how)) == []


def test_half_a_year_that_nobody_has_seen_before_says_nothing_of_that_half() -> None:
    training = [at for at in all_year(2025, spread_h=3.6) if at.month in (11, 12, 1, 2)]
    live = all_year(2026, spread_h=3.6)
    assert seen(told(training, "local"), told(live, "local, behind")) == []
