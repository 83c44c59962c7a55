"""A trial over tables in memory, and the delivery data that the format and freshness checks are tried on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from seatrial.core.check import PREDICTION, PROBLEM, SCORE, MeasureRequest
from seatrial.core.errors import SeatrialError, Unreachable
from seatrial.core.ports import Prediction, Reply, ReplyKind, Row
from seatrial.measure.one_pass import collect, key_of
from seatrial.spec.system import System

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class MemoryTable:
    """A table in memory."""

    rows: pa.Table

    def columns(self) -> tuple[str, ...]:
        return tuple(self.rows.column_names)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        chosen = self.rows if columns is None else self.rows.select(list(columns))
        yield from chosen.to_batches(max_chunksize=5000)

    def digest(self) -> str:
        return "0" * 64


@dataclass
class FixedClock:
    """A clock that only sleeping moves."""

    at: datetime = BEGIN + timedelta(days=200)
    slept: float = 0.0

    def now(self) -> datetime:
        return self.at + timedelta(seconds=self.slept)

    def monotonic(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


@dataclass
class Feed:
    """An integration that gives what it is told to give; `reads` are given one after the other, the last one again."""

    reads: list[Sequence[Row] | SeatrialError]

    def read(self, most: int) -> Sequence[Row]:
        found = self.reads.pop(0) if len(self.reads) > 1 else self.reads[0]
        if isinstance(found, SeatrialError):
            raise found
        return found[-most:]


@dataclass
class WeatherModel:
    """The colder and windier, the later; it answers from the rows alone."""

    asked: int = 0

    def predict(self, rows: Sequence[Row]) -> Reply:
        self.asked += len(rows)
        values = [(r.get("temp"), r.get("wind")) for r in rows]
        scores = [risk(_number(t, 55.0), _number(w, 10.0)) for t, w in values]
        found = tuple(Prediction(prediction=int(s >= 0.5), score=s) for s in scores)
        return Reply(kind=ReplyKind.OK, latency_s=0.001, predictions=found)


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default


def risk(temp: float, wind: float) -> float:
    return float(1 / (1 + np.exp(-((45 - temp) / 6 + (wind - 12) / 4))))


@dataclass
class MemoryTrial:
    """The parts of a trial that these checks use."""

    tables: Mapping[str, pa.Table]
    feeds: Mapping[str, Feed] = field(default_factory=dict)
    seed: int = 1
    clock: FixedClock = field(default_factory=FixedClock)
    model: WeatherModel = field(default_factory=WeatherModel)

    def table(self, name: str) -> MemoryTable:
        if name not in self.tables:
            raise Unreachable(f"{name} is not there")
        return MemoryTable(self.tables[name])

    def measured(self, request: MeasureRequest) -> Mapping[str, Any]:
        return collect(self.table(request.table).batches(), [request])[key_of(request)]

    def integration(self, name: str) -> Feed:
        return self.feeds[name]

    def say(self, doing: str, share: float | None = None) -> None:
        """Nobody listens."""


def deliveries(seed: int, n: int, *, first_day: float = 0.0, days: float = 365.0) -> pa.Table:
    """Deliveries with the weather of their season: temperature in °F, pressure in hPa, clock times as HHMM."""
    rng = np.random.default_rng(seed)
    when = np.sort(first_day + rng.random(n) * days)
    minutes = np.clip(rng.normal(14 * 60, 220, n), 300, 1430).astype(int)
    season = 55 - 22 * np.cos(2 * np.pi * when / 365)
    temp = np.round(season + rng.normal(0, 8, n), 1)
    wind = np.round(rng.gamma(4, 3, n), 1)
    late = rng.random(n) < [risk(t, w) for t, w in zip(temp, wind, strict=True)]
    scheduled = [BEGIN + timedelta(days=int(d), minutes=int(m)) for d, m in zip(when, minutes, strict=True)]
    carriers = ["AA", "B6", "DL", "EV", "MQ", "UA", "US", "WN"]
    return pa.table(
        {
            "id": [f"{seed}-{i}" for i in range(n)],
            "scheduled_at": pa.array(scheduled, type=pa.timestamp("s", tz="UTC")),
            "departs": pa.array(minutes // 60 * 100 + minutes % 60),
            "carrier": rng.choice(carriers, n, p=[0.1, 0.17, 0.15, 0.16, 0.05, 0.25, 0.07, 0.05]),
            "city": rng.choice(["Zürich", "München", "Bern", "Genève"], n, p=[0.5, 0.2, 0.2, 0.1]),
            "distance": rng.choice(np.round(rng.gamma(3, 350, 60)) + 90, n),
            "temp": pa.array(temp, mask=rng.random(n) < 0.02),
            "wind": wind,
            "pressure": np.round(rng.normal(1014, 7, n), 1),
            "late": late.astype(int),
        }
    )


INPUTS: dict[str, Any] = {
    "scheduled_at": {"type": "time"},
    "departs": {"type": "integer", "unit": "HHMM"},
    "carrier": {"type": "string"},
    "city": {"type": "string"},
    "distance": {"type": "number", "unit": "mi"},
    "temp": {"type": "number", "unit": "degF", "nullable": True, "fed_by": "weather"},
    "wind": {"type": "number", "unit": "mph", "fed_by": "weather"},
    "pressure": {"type": "number", "unit": "hPa", "fed_by": "weather"},
}


def system(**more: Any) -> System:
    """A system with training, evaluation and live data and a weather feed."""
    source = {"source": "rows.parquet", "label": "late", "time": "scheduled_at", "entity": "id"}
    return System.model_validate(
        {
            "system": "deliveries",
            "version": "1",
            "model": {
                "endpoint": "http://127.0.0.1:1/predict",
                "task": "binary",
                "inputs": INPUTS,
                "output": {"prediction": "label", "score": "probability", "act_at": 0.5},
            },
            "data": {"training": source, "evaluation": source, "live": source},
            "integrations": {"weather": {"kind": "http", "feeds": ["temp", "wind", "pressure"]}},
        }
        | more
    )


def scored(rows: pa.Table) -> pa.Table:
    """The table with what the model says of each row."""
    columns = [rows[name].to_pylist() for name in ("temp", "wind")]
    scores = [risk(_number(t, 55.0), _number(w, 10.0)) for t, w in zip(*columns, strict=True)]
    rows = rows.append_column(PREDICTION, pa.array([int(s >= 0.5) for s in scores]))
    rows = rows.append_column(SCORE, pa.array(scores))
    return rows.append_column(PROBLEM, pa.nulls(rows.num_rows, pa.string()))


def trial(training: pa.Table, evaluation: pa.Table, live: pa.Table, **more: Any) -> MemoryTrial:
    """A trial over these tables, scored."""
    tables = {
        "training": training,
        "evaluation": evaluation,
        "live": live,
        "scored.evaluation": scored(evaluation),
        "scored.live": scored(live),
    }
    return MemoryTrial(tables=tables, **more)


def changed(rows: pa.Table, name: str, values: Any) -> pa.Table:
    """The table with another column of that name."""
    column = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
    return rows.set_column(rows.column_names.index(name), name, column)
