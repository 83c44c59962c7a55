from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from seatrial.examples.arrival_delay.guard import FIELDS, Routes, eastern, problems
from seatrial.examples.arrival_delay.prepare import HERE

ROUTES = Routes.read(HERE / "data" / "routes.csv")
ROW: dict[str, Any] = {
    "carrier": "DL",
    "origin": "EWR",
    "dest": "ATL",
    "distance": 746.0,
    "scheduled_at": "2013-09-01T10:30:00+00:00",
    "sched_dep": 630,
    "temp": 73.94,
    "dewp": 71.06,
    "humid": 90.73,
    "wind_speed": 3.45234,
    "pressure": 1010.6,
    "visib": 10.0,
}


def told(**changes: Any) -> str:
    return "; ".join(f"{p.field} {p.message}" for p in problems([{**ROW, **changes}], ROUTES))


def test_it_takes_every_row_that_production_sent(rows: Callable[[str], list[dict[str, Any]]]) -> None:
    assert problems(rows("live"), ROUTES) == []


@pytest.mark.parametrize("field", FIELDS)
def test_it_refuses_a_missing_field_and_a_null_by_name(field: str) -> None:
    without = {name: value for name, value in ROW.items() if name != field}
    assert [p.field for p in problems([without], ROUTES)] == [field]
    assert told(**{field: None}) == f"{field} must not be null"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"temp": 23.3}, "temp"),
        ({"temp": 29.0, "dewp": 14.0, "humid": 39.8}, "temp"),
        ({"temp": 739.4}, "temp"),
        ({"temp": "73,94"}, "temp"),
        ({"temp": True}, "temp"),
        ({"temp": math.nan}, "temp"),
        ({"humid": 0.9073}, "humid"),
        ({"temp": 90.73, "humid": 73.94}, "temp"),
        ({"pressure": 101_060.0}, "pressure"),
        ({"pressure": 29.84}, "pressure"),
        ({"wind_speed": 1.5433}, "wind_speed"),
        ({"visib": 16.09}, "visib"),
        ({"visib": 9.5}, "visib"),
        ({"distance": 1200.6}, "distance"),
        ({"distance": 74.6}, "distance"),
        ({"sched_dep": 390}, "sched_dep"),
        ({"sched_dep": 1030}, "sched_dep"),
        ({"scheduled_at": "2013-09-01T10:30:00"}, "scheduled_at"),
        ({"scheduled_at": "09/01/2013 06:30"}, "scheduled_at"),
        ({"scheduled_at": "2013-09-01T06:30:00+00:00"}, "sched_dep"),
        ({"scheduled_at": 1_378_031_400}, "scheduled_at"),
        ({"carrier": "dl"}, "carrier"),
        ({"carrier": "XX"}, "carrier"),
        ({"carrier": "EWR", "origin": "DL"}, "carrier"),
        ({"origin": "JFK"}, "distance"),
    ],
)
def test_it_refuses_what_contradicts_the_other_fields(changes: dict[str, Any], field: str) -> None:
    assert field in {p.field for p in problems([{**ROW, **changes}], ROUTES)}


def test_it_names_the_row() -> None:
    assert [p.row for p in problems([ROW, {**ROW, "humid": -1}, ROW], ROUTES)] == [1]


def test_it_takes_whole_numbers_and_another_offset_of_the_same_instant() -> None:
    assert told(distance=746, visib=10, scheduled_at="2013-09-01T06:30:00-04:00") == ""


@pytest.mark.parametrize(
    ("instant", "local"),
    [
        ("2013-03-10T06:59:00+00:00", "01:59"),
        ("2013-03-10T07:00:00+00:00", "03:00"),
        ("2013-11-03T05:59:00+00:00", "01:59"),
        ("2013-11-03T06:00:00+00:00", "01:00"),
        ("2013-12-31T23:30:00+00:00", "18:30"),
    ],
)
def test_it_knows_when_new_york_changes_its_clocks(instant: str, local: str) -> None:
    assert f"{eastern(datetime.fromisoformat(instant)):%H:%M}" == local
