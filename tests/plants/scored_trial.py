"""A trial over tables in memory: a declared binary system, its data, and what its model said about them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from plants.planted_trial import NOW, PlantedTrial
from seatrial.core.bodies import ObservationBody
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.codec import to_data
from seatrial.core.errors import Unreachable
from seatrial.core.observation import Observation
from seatrial.core.record import Record
from seatrial.core.vocabulary import RecordType
from seatrial.spec.system import System

PLAN = b"---\nlimits:\n  recall@0.5: 0.70\n  accuracy: 0.80\n---\n# Plan\n"
REGISTER = b"failure_modes: []\n"


@dataclass(frozen=True, slots=True)
class ArrowTable:
    """A `pyarrow.Table` behind the port, in batches of 1,000 rows."""

    table: pa.Table

    def columns(self) -> tuple[str, ...]:
        return tuple(self.table.column_names)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        chosen = self.table if columns is None else self.table.select(list(columns))
        yield from chosen.to_batches(max_chunksize=1000)

    def digest(self) -> str:
        return hashlib.sha256(repr(self.table.to_pydict()).encode()).hexdigest()


class ScoredTrial(PlantedTrial):
    """`tables` by name, as a trial gives them."""

    def __init__(self, tables: Mapping[str, pa.Table], **rest: Any) -> None:
        super().__init__(**rest)
        self.tables = dict(tables)

    def table(self, name: str) -> ArrowTable:
        if name not in self.tables:
            raise Unreachable(f"no table {name}")
        return ArrowTable(self.tables[name])

    def observed(
        self, requirement: str, observation: Observation, depends: Mapping[str, str], *, days_ago: float
    ) -> None:
        """Put an earlier observation on record."""
        at = NOW - timedelta(days=days_ago)
        body = to_data(
            ObservationBody(
                requirement=requirement,
                check=requirement,
                check_version=1,
                product="0",
                run="r",
                seed=1,
                started_at=at,
                duration_s=1.0,
                observation=observation,
            )
        )
        if not isinstance(body, Mapping):
            raise TypeError("a body is a mapping")
        self.on_record.append(
            Record(
                type=RecordType.OBSERVATION,
                id=f"o{len(self.on_record)}",
                system="demo",
                at=at,
                by="worker:test",
                depends=depends,
                body=body,
            )
        )


@dataclass(slots=True)
class World:
    """Deliveries that come late: features, a truth that depends on them, and a model that knows most of it.

    `columns` maps a table's name to its columns; tests change them before `trial()`.
    """

    columns: dict[str, dict[str, Any]]
    declared: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)

    def system(self) -> System:
        return System.model_validate(self.declared)

    def trial(self) -> ScoredTrial:
        tables = {name: pa.table(columns) for name, columns in self.columns.items()}
        files = {"plan.md": PLAN, "failure-modes.yaml": REGISTER, **self.files}
        return ScoredTrial(tables, files=files, parts={"model": "m1", "data.evaluation": "e1", "data.live": "l1"})


def deliveries(n: int, *, seed: int, start_day: int, days: int = 90) -> dict[str, Any]:
    """Plain columns of `n` deliveries."""
    rng = np.random.default_rng(seed)
    day = np.sort(rng.uniform(start_day, start_day + days, n))
    distance = np.round(rng.gamma(4, 60, n), 1)
    temp = np.round(rng.normal(12, 8, n), 1)
    carrier = rng.choice(["blue", "green", "red", "grey"], n, p=[0.4, 0.3, 0.2, 0.1])
    load = np.round(rng.beta(2, 2, n), 3)
    logit = 1.9 * (distance - 240) / 120 + 3.0 * (load - 0.5) + np.where(carrier == "red", 0.7, 0.0)
    late = (rng.random(n) < 1 / (1 + np.exp(-2.0 * logit))).astype(int)
    moment = np.datetime64("2026-01-01T00:00:00") + (day * 86_400).astype("timedelta64[s]")
    return {
        "id": np.array([f"d{start_day}-{seed}-{i}" for i in range(n)]),
        "at": pa.array(moment, type=pa.timestamp("s", tz="UTC")),
        "distance": distance,
        "temp": temp,
        "carrier": carrier,
        "load": load,
        "late": late,
    }


def scored(columns: Mapping[str, Any], *, seed: int = 0, noise: float = 0.3) -> dict[str, Any]:
    """The same columns with what a decent model says."""
    rng = np.random.default_rng(seed + 1000)
    n = len(columns["late"])
    logit = 1.9 * (np.asarray(columns["distance"]) - 240) / 120 + 3.0 * (np.asarray(columns["load"]) - 0.5)
    logit = logit + np.where(np.asarray(columns["carrier"]) == "red", 0.7, 0.0) + rng.normal(0, noise, n)
    score = 1 / (1 + np.exp(-2.0 * logit))
    return {
        **columns,
        PREDICTION: (score >= 0.5).astype(int),
        SCORE: score,
        PROBLEM: pa.array([None] * n, type=pa.string()),
    }


def world(*, n: int = 3000, live: int = 2000, seed: int = 1) -> World:
    """A sound system over sound data."""
    training = deliveries(4000, seed=seed + 10, start_day=0)
    evaluation = deliveries(n, seed=seed + 20, start_day=100)
    met = deliveries(live, seed=seed + 30, start_day=200)
    columns = {
        "training": training,
        "evaluation": evaluation,
        "live": met,
        "scored.evaluation": scored(evaluation, seed=seed),
        "scored.live": scored(met, seed=seed + 1),
    }
    return World(columns=columns, declared=declaration())


def declaration() -> dict[str, Any]:
    """The system file of the world, as plain data."""
    source = {"label": "late", "time": "at", "entity": "id"}
    return {
        "system": "demo",
        "version": "1",
        "people": {"lena": {"name": "Lena Fischer"}, "olga": {"name": "Olga Brandt"}},
        "model": {
            "endpoint": "http://127.0.0.1:1/predict",
            "task": "binary",
            "inputs": {
                "distance": {"type": "number"},
                "temp": {"type": "number"},
                "carrier": {"type": "string"},
                "load": {"type": "number"},
            },
            "output": {"prediction": "late", "score": "risk", "positive": 1},
        },
        "governance": {
            "plan": {"document": "plan.md", "approved_by": "lena", "approved_on": "2026-10-05"},
            "metric": "recall@0.5",
            "minimum": 0.70,
            "metrics": [{"metric": "accuracy", "minimum": 0.80}],
        },
        "data": {
            "training": {"source": "training.parquet", **source},
            "evaluation": {"source": "evaluation.parquet", **source},
            "live": {"source": "live.parquet"},
        },
        "failure_modes": "failure-modes.yaml",
    }
