"""Times that are renewed over values that stand still, and harmless sources that look a little like it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from plants.planted_trial import PlantedSource, PlantedTrial
from seatrial.core.ports import Row
from seatrial.domains.data.source_ages import CODES, Watched
from seatrial.spec.data import Freshness

Made = Callable[[int], Row]


def _codes(
    made: Made,
    *,
    records: int = 120,
    at_once: int = 1,
    may_rest: bool = False,
    comes_by_itself: bool = True,
    per: str | None = None,
) -> list[str]:
    trial = PlantedTrial()
    now = trial.clock.now()
    rows: list[Row] = [
        {"at": (now - timedelta(seconds=10 * (records - n + n % at_once))).astimezone(UTC).isoformat(), **made(n)}
        for n in range(records)
    ]
    trial.sources["s"] = PlantedSource(rows)
    declared = Freshness.model_validate({"source": "s", "at": "at", "at_most": "5m", "may_rest": may_rest, "per": per})
    watched = Watched(declared=declared, comes_by_itself=comes_by_itself, keys=frozenset({"id", "number"}))
    watched.read(trial, {})
    assert set(watched.found) <= set(CODES)
    assert datetime.fromisoformat(str(rows[-1]["at"])) <= now
    return list(watched.found)


def _frozen(n: int) -> Row:
    return {"station": f"S{n % 2}", "temp": 21.4 + n % 2, "humid": 55}


def test_values_that_are_stamped_anew_are_a_gap() -> None:
    assert _codes(_frozen) == ["values-stand-still"]
    assert _codes(lambda n: {**_frozen(n), "received_at": f"2026-11-28T10:{n // 60:02}:{n % 60:02}Z"}) == [
        "values-stand-still"
    ]
    assert _codes(lambda n: {"station": f"S{n % 2}", "temp": 21.4, "humid": 55}, at_once=2) == ["values-stand-still"]


@pytest.mark.parametrize(
    "made",
    [
        lambda n: {**_frozen(n), "temp": 21.4 + n % 2 + (0.1 if n == 60 else 0.0)},
        lambda n: {**_frozen(n), "temp": 21.4 + n % 2 + (0.1 * n if n % 2 else 0.0)},
        lambda n: {"station": "S", "temp": 21.4},
        lambda n: {"bay": f"B{n % 2}", "lat": 48.1 + n % 2, "lon": 11.5, "taken": n % 7 < 3},
        lambda n: {"bay": "B", "lat": 48.1, "lon": 11.5, "signal": "red" if n % 7 < 3 else "green"},
        lambda n: {"sensor": "V", "rate": 100, "gain": 2, "wave": [n, n + 1]},
        lambda n: {"order": f"O{n}", "items": 1, "lead": 3},
    ],
    ids=[
        "one value changed once",
        "one of two stations rests",
        "a single value",
        "true or false beside a place",
        "a text beside a place",
        "a series of numbers",
        "each record of its own",
    ],
)
def test_what_changes_at_all_or_tells_too_little_is_none(made: Made) -> None:
    assert _codes(made) == []


def test_values_that_may_rest_or_have_not_rested_for_long_are_none() -> None:
    assert _codes(_frozen, may_rest=True) == []
    assert _codes(_frozen, records=28) == []


def test_a_source_that_starts_a_flow_and_stamps_old_values_under_new_keys_is_a_gap() -> None:
    assert _codes(_frozen, comes_by_itself=False) == ["values-stand-still"]
    assert _codes(lambda n: {"id": f"r{n}", "number": n, **_frozen(n)}, comes_by_itself=False) == ["values-stand-still"]


@pytest.mark.parametrize(
    "made",
    [
        lambda n: {"id": f"r{n}", "items": 1, "lead": 3},
        lambda n: {"id": f"r{n}", "items": 1 + n % 2, "price": 9.9},
        lambda n: {"id": f"r{n}", "order": f"O{n}", "items": 1, "price": 9.9},
    ],
    ids=["counts that are mostly the same", "another count in every second event", "texts of their own"],
)
def test_events_that_are_alike_in_what_is_no_measurement_are_none(made: Made) -> None:
    assert _codes(made, comes_by_itself=False) == []


def _machines(frozen_from: int) -> Made:
    def made(n: int) -> Row:
        still = n % 4 == 0 and n >= frozen_from
        return {"id": f"r{n}", "number": n, "machine": f"M{n % 4}", "rms": 1.8 if still else n / 7, "temp": 58.0}

    return made


@pytest.mark.parametrize("comes_by_itself", [True, False])
def test_one_declared_part_that_stands_still_among_others_is_a_gap(comes_by_itself: bool) -> None:
    assert _codes(_machines(0), comes_by_itself=comes_by_itself, per="machine") == ["values-stand-still"]
    assert _codes(_machines(20), comes_by_itself=comes_by_itself, per="machine") == ["values-stand-still"]
    assert _codes(_machines(0), per="machine", may_rest=True) == []


def test_declared_parts_that_changed_of_late_are_none() -> None:
    assert _codes(_machines(120), per="machine") == []
    assert _codes(_machines(100), per="machine") == []
