"""Whether rows or days are judged follows from how many rows a day of production has, not from those of the sample."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from plants.watched_errors import NOW
from seatrial.app.watched.budget import budget_of, rates_of
from seatrial.app.watched.reference import Reference
from seatrial.app.watched.traffic import traffic
from seatrial.core.check import PREDICTION
from seatrial.spec.loading import load_system
from seatrial.spec.system import System
from seatrial.watch.detectors import Level
from seatrial.watch.events import Kind, WatchEvent
from seatrial.watch.store import Store
from seatrial.watch.stream import Stream
from seatrial.watch.watching import NAME, Watching

DAYS = 90
A_DAY = 60
SWAYS = (0.1, 0.3)
"""The share of outputs that are acted on, on a good day and on a bad one."""


def system(watch: str = f"watch: {{predictions: {A_DAY}/d}}\n") -> System:
    text = 'system: a\nversion: "1"\nmodel: {endpoint: "http://127.0.0.1:1/", task: binary}\n'
    return load_system((text + watch).encode(), name="f", environment={}).system


def acted_on(days: int, a_day: int, shares: tuple[float, ...], *, seed: int) -> np.ndarray:
    """A row per day: zeros and ones with that day's own share."""
    rng = np.random.default_rng(seed)
    return (rng.random((days, a_day)) < rng.choice(shares, size=(days, 1))).astype(np.int64)


def held(declared: System | None, shares: tuple[float, ...] = SWAYS, *, a_day: int = 4, seed: int = 1) -> Stream:
    """The stream of what is acted on, against a sample with few rows of each of 250 days."""
    told = acted_on(250, a_day, shares, seed=seed)
    times = [NOW - timedelta(days=400 - day) for day in range(len(told)) for _ in range(a_day)]
    predictions, labels = (None, None) if declared is None else rates_of(declared)
    reference = Reference(
        labelled=None,
        live=pa.RecordBatch.from_pydict({"at": times, PREDICTION: told.ravel()}),
        inputs={},
        times={"live": "at"},
        predictions=predictions,
        labels=labels,
    )
    known = system()
    streams = traffic(known, reference, "", budget_of(known, pages=1, trips=1))
    return next(each for each in streams if each.name == "decision.acted-on")


def sent(days: int, shares: tuple[float, ...], *, seed: int, first: int = 0) -> list[WatchEvent]:
    return [
        WatchEvent(
            kind=Kind.PREDICTION,
            id=f"{first + day}-{row}",
            at=NOW + timedelta(days=first + day, minutes=row),
            content={"prediction": int(value)},
        )
        for day, values in enumerate(acted_on(days, A_DAY, shares, seed=seed))
        for row, value in enumerate(values.tolist())
    ]


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store.open("sqlite://")
    yield opened
    opened.close()


def pages(store: Store, stream: Stream, events: list[WatchEvent]) -> list[str]:
    store.append(events, now=NOW)
    return [
        each["detector"] for each in Watching(store, (stream,), begun=NOW).catch_up() if each["level"] == Level.PAGE
    ]


def test_days_that_sway_page_nobody_where_the_declared_rate_shows_that_they_matter(store: Store) -> None:
    stream = held(system())
    assert stream.by_day
    assert pages(store, stream, sent(DAYS, SWAYS, seed=5)) == []


def test_the_same_days_page_where_only_the_rows_of_the_sample_are_counted(store: Store) -> None:
    stream = held(None)
    assert not stream.by_day
    assert pages(store, stream, sent(DAYS, SWAYS, seed=5)), "what the declared rate is needed for"


@pytest.mark.parametrize(("shares", "days", "says"), [((0.6, 0.8), 14, "rises"), ((0.0, 0.02), 50, "falls")])
def test_a_real_change_is_noticed_by_the_day(store: Store, shares: tuple[float, ...], days: int, says: str) -> None:
    stream = held(system())
    assert pages(store, stream, sent(30, SWAYS, seed=5)) == []
    assert pages(store, stream, sent(days, shares, seed=6, first=30)) == [says]


def test_rows_that_depend_on_nothing_are_judged_row_by_row_at_any_rate() -> None:
    busy = system("watch: {predictions: 40/s}\n")
    by_day = sum(held(busy, (0.2,), seed=seed).by_day for seed in range(40))
    assert by_day <= 6, "one in twenty by chance"


def test_peak_of_the_load_counts_and_all_are_labelled_where_nothing_else_is_declared() -> None:
    assert rates_of(system("load: {peak: 90/d, latency: {p95: 1s}}\n")) == (90.0, 90.0)
    assert rates_of(system("load: {peak: 90/d, latency: {p95: 1s}}\nwatch: {predictions: 60/d, labels: 30/d}\n")) == (
        60.0,
        30.0,
    )
    assert rates_of(system("")) == (None, None)


def test_evidence_of_rows_kept_by_an_earlier_version_does_not_count_for_days(store: Store) -> None:
    before, now = held(None), held(system())
    assert pages(store, before, sent(DAYS, SWAYS, seed=5))
    cursor, state = store.state(NAME)
    kept = dict(state["streams"][now.name])
    # That version did not say how it judged.
    del kept["by_day"]
    assert store.advance(NAME, before=cursor, cursor=cursor, state={**state, "streams": {now.name: kept}}, alarms=[])
    watching = Watching(store, (now,), begun=NOW)
    assert [each.name for each in watching.anew()] == [now.name]
    assert pages(store, now, sent(DAYS, SWAYS, seed=7, first=DAYS)) == []
    assert list(watching.anew()) == []
    assert store.state(NAME)[1]["streams"][now.name]["rows"] == 2 * DAYS * A_DAY, "what is no evidence goes on"
