"""The flights of the example, replayed through the watch: real rows, the real model and its scores, late outcomes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seatrial.app.watched.budget import rates_of
from seatrial.app.watched.composed import composed
from seatrial.app.watched.reference import Reference
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.observation import Measure, Observation
from seatrial.core.vocabulary import Sense
from seatrial.examples.arrival_delay.example import EXAMPLE
from seatrial.examples.arrival_delay.prepare import HERE
from seatrial.examples.arrival_delay.train import CURRENT
from seatrial.examples.arrival_delay.trees import Served
from seatrial.examples.preparing import prepare
from seatrial.spec.loading import load_inputs, load_system
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats import proportions
from seatrial.watch.events import Kind, WatchEvent
from seatrial.watch.store import Store
from seatrial.watch.watching import Watching

Row = dict[str, Any]
Change = Callable[[Row], Row]
ADDRESSES = ("PAGER", "MODEL", "WEATHER", "WEATHER_LINE", "PLANNER", "PLANNER_LINE", "LOGS", "CONTROL")
WEATHER = ("temp", "dewp", "humid", "wind_speed", "pressure", "visib")
A_DAY = 30
REFERENCE_ROWS = 4_000
IDENTITY = "the model of the example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An alarm of a replay: in which month of 2013 it came, whose it is, and what it says."""

    month: int
    monitor: str
    detector: str
    level: str
    says: str
    now: float
    mark: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """The ready variant of the example: what it declares, and the model that it serves."""

    system: System
    inputs: Mapping[str, InputField]
    model: Served
    folder: Path


@cache
def example() -> Example:
    """Prepared and trained once a process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "ready"
        file = prepare(EXAMPLE, folder, "ready")
        environment = {f"ARRIVAL_{each}": f"http://127.0.0.1/{each.lower()}" for each in ADDRESSES}
        system = load_system(file.read_bytes(), name="seatrial.yaml", environment=environment).system
        inputs = load_inputs((folder / "inputs.json").read_bytes(), name="inputs.json")
        return Example(system=system, inputs=inputs, model=Served.load(folder / "models", CURRENT), folder=folder)


@cache
def flights() -> tuple[Row, ...]:
    """Every delivery of the year that comes with the package, in the order of schedule."""
    rows = [
        row
        for name in ("training", "evaluation", "live")
        for row in pq.read_table(HERE / "data" / f"{name}.parquet").to_pylist()
    ]
    return tuple(sorted(rows, key=lambda row: (row["scheduled_at"], row["delivery_id"])))


@cache
def drawn(seed: int = 1) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """The deliveries that are replayed, `A_DAY` of every day, and all others."""
    rng = np.random.default_rng(seed)
    days: dict[Any, list[Row]] = {}
    for row in flights():
        days.setdefault(row["scheduled_at"].date(), []).append(row)
    sent: list[Row] = []
    left: list[Row] = []
    for rows in days.values():
        chosen = set(rng.permutation(len(rows))[:A_DAY].tolist())
        for place, row in enumerate(rows):
            (sent if place in chosen else left).append(row)
    return tuple(sent), tuple(left)


def scored(rows: Sequence[Row]) -> np.ndarray:
    """What the model says of each row: the risk of being late."""
    return example().model.probability([{**row, "scheduled_at": row["scheduled_at"].isoformat()} for row in rows])


def reference(months: Sequence[int], seed: int = 2) -> tuple[Reference, Observation]:
    """What the gate would have known of these months: reference rows that are not replayed, and what they establish."""
    rng = np.random.default_rng(seed)
    known = [row for row in drawn()[1] if row["scheduled_at"].month in months]
    parts = rng.permutation(len(known))[: 2 * REFERENCE_ROWS]
    halves = [[known[place] for place in sorted(part)] for part in (parts[:REFERENCE_ROWS], parts[REFERENCE_ROWS:])]
    labelled, live = (_batch(rows) for rows in halves)
    predictions, labels = rates_of(example().system)
    found = Reference(
        labelled=labelled,
        live=live,
        inputs=example().inputs,
        times={"labelled": "scheduled_at", "live": "scheduled_at"},
        predictions=predictions,
        labels=labels,
    )
    return found, _established(labelled)


def _batch(rows: Sequence[Row]) -> pa.RecordBatch:
    risk = scored(rows)
    table = pa.Table.from_pylist(list(rows)).drop_columns(["dep_delay"])
    table = table.append_column(PREDICTION, pa.array((risk >= 0.5).astype(np.int64)))
    table = table.append_column(SCORE, pa.array(risk))
    table = table.append_column(PROBLEM, pa.nulls(len(rows), pa.string()))
    return table.combine_chunks().to_batches()[0]


def _established(labelled: pa.RecordBatch) -> Observation:
    late = labelled.column("late").to_numpy() == 1
    acted = labelled.column(SCORE).to_numpy() >= 0.2
    caught, all_late = int((late & acted).sum()), int(late.sum())
    false, in_time = int((~late & acted).sum()), int((~late).sum())
    return Observation(
        done="Held the model against the reference rows.",
        measures=(
            Measure(
                name="recall@0.2",
                value=caught / all_late,
                lower=proportions.lower(caught, all_late),
                limit=0.46,
                sense=Sense.AT_LEAST,
                n=all_late,
            ),
            Measure(
                name="fpr@0.2",
                value=false / in_time,
                upper=proportions.upper(false, in_time),
                limit=0.24,
                sense=Sense.AT_MOST,
                n=in_time,
            ),
        ),
    )


def replay(
    rows: Sequence[Row], known: tuple[Reference, Observation], *, change: Change = lambda row: row
) -> list[Raised]:
    """Sends the rows day by day, their outcomes the morning after; every alarm is closed at the end of its month.

    `change` is what befalls a row on its way to the model; the outcome is that of the real row.
    """
    streams, _, _ = composed(example().system, known[0], known[1], IDENTITY)
    changed = [change(row) for row in rows]
    risks = scored(changed)
    begun = rows[0]["scheduled_at"]
    store = Store.open("sqlite://")
    watching = Watching(store, streams, begun=begun)
    raised: list[Raised] = []
    try:
        for day, places in _by_day(rows):
            evening = day + timedelta(days=1)
            made = [_prediction(rows[p], changed[p], float(risks[p])) for p in places]
            store.append(made, now=evening)
            raised += [_told(alarm) for alarm in watching.catch_up()]
            outcomes = [
                WatchEvent(kind=Kind.OUTCOME, id=rows[p]["delivery_id"], at=evening, content={"label": rows[p]["late"]})
                for p in places
            ]
            morning = evening + timedelta(hours=6)
            store.append(outcomes, now=morning)
            raised += [_told(alarm) for alarm in watching.catch_up()]
            if evening.month != day.month:
                for alarm in store.alarms("open"):
                    watching.close(alarm, by="olga", now=morning)
    finally:
        store.close()
    return raised


def _by_day(rows: Sequence[Row]) -> Iterator[tuple[datetime, list[int]]]:
    days: dict[datetime, list[int]] = {}
    for place, row in enumerate(rows):
        when = row["scheduled_at"]
        days.setdefault(datetime(when.year, when.month, when.day, tzinfo=UTC), []).append(place)
    yield from sorted(days.items())


def _prediction(row: Row, seen: Row, risk: float) -> WatchEvent:
    given = {name: seen[name] for name in example().inputs}
    given["scheduled_at"] = given["scheduled_at"].isoformat()
    content = {"prediction": int(risk >= 0.5), "score": risk, "inputs": given, "model": IDENTITY}
    return WatchEvent(kind=Kind.PREDICTION, id=row["delivery_id"], at=row["scheduled_at"], content=content)


def _told(alarm: Mapping[str, Any]) -> Raised:
    at = datetime.fromisoformat(alarm["opened_at"]) - timedelta(days=1)
    return Raised(
        month=at.month,
        monitor=alarm["monitor"],
        detector=alarm["detector"],
        level=alarm["level"],
        says=alarm["summary"],
        now=alarm["now"],
        mark=alarm["mark"],
    )


def exchangeable(seed: int = 3) -> list[Row]:
    """The same days and numbers of deliveries, each at random one of the whole year."""
    sent = drawn()[0]
    order = np.random.default_rng(seed).permutation(len(sent))
    return [
        {**sent[place], "scheduled_at": slot["scheduled_at"]} for slot, place in zip(sent, order.tolist(), strict=True)
    ]


def zeroed(months: Sequence[int]) -> Change:
    """In these months the feed gives 0 for whatever it does not know, which is everything."""

    def change(row: Row) -> Row:
        return {**row, **dict.fromkeys(WEATHER, 0.0)} if row["scheduled_at"].month in months else row

    return change
