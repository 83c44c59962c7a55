"""Worlds for the format search out of the shipped real data: a stretch of training rows, and live rows of another.

Beside the columns as they are shipped stand some that are computed from them (the same reading in °C, the hour angle of
the departure, flights to a destination in that month): every kind of change meets a field that it can happen to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import seatrial.examples
from seatrial.measure.catalogue import start
from seatrial.measure.format_changes import Declared

_EXAMPLES = Path(seatrial.examples.__file__).parent
_PARTS = ("training", "evaluation", "live")
FLIGHTS, MAILS = "flights", "mails"
_UNITS = {
    "distance": "mi",
    "sched_dep": "HHMM",
    "temp": "degF",
    "dewp": "degF",
    "humid": "%",
    "wind_speed": "mph",
    "pressure": "hPa",
    "visib": "mi",
    "temp_c": "degC",
    "wind_ms": "m/s",
    "dep_delay": "min",
    "hour_angle": "deg",
    "sun_rad": "rad",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What training looked like (finished fingerprints), the live rows, and what is declared of the fields."""

    data: str
    training: Mapping[str, Any]
    live: pa.Table
    declared: Mapping[str, Declared]

    def prints(self, live: pa.Table) -> Mapping[str, Any]:
        """Finished fingerprints of live rows."""
        return fingerprints(live)


def fingerprints(rows: pa.Table) -> Mapping[str, Any]:
    """Finished fingerprints of all columns."""
    measure = start("fingerprint", {})
    for batch in rows.combine_chunks().to_batches(max_chunksize=65_536):
        measure.update(batch)
    found: Mapping[str, Any] = measure.finish()["columns"]
    return found


@cache
def _shipped(example: str) -> pa.Table:
    folder = _EXAMPLES / example / "data"
    return pa.concat_tables([pq.read_table(folder / f"{part}.parquet") for part in _PARTS])


@cache
def flights() -> pa.Table:
    """All 108,000 flights of the example in the order of time, September of 2013 after January."""
    rows = _shipped("arrival_delay").sort_by("scheduled_at")
    at = rows["scheduled_at"]
    month = np.asarray(pc.month(at))
    keys = pa.array([f"{dest} {m}" for dest, m in zip(rows["dest"].to_pylist(), month, strict=True)])
    encoded = keys.dictionary_encode()
    per_month = np.bincount(np.asarray(encoded.indices))[np.asarray(encoded.indices)]
    minute = np.asarray(rows["sched_dep"]) // 100 * 60 + np.asarray(rows["sched_dep"]) % 100
    temp_c = np.round((np.asarray(rows["temp"]) - 32) / 1.8, 1)
    number = [f"{int(key.split('-')[1]):04d}" for key in rows["delivery_id"].to_pylist()]
    more = {
        "temp_c": temp_c,
        "wind_ms": np.round(np.asarray(rows["wind_speed"]) * 0.44704, 1),
        "hour_angle": np.round((minute - 720) * 0.25, 2),
        "sun_rad": np.round(np.radians(90 - np.abs(minute - 720) * 0.25), 4),
        "monthly_flights": per_month,
        "epoch_s": np.asarray(at.cast(pa.int64())) // 1000,
        "flight_number": number,
        "day": pc.strftime(at, format="%d.%m.%Y"),
        "stamp": pc.strftime(at.cast(pa.timestamp("s", tz="UTC")), format="%Y-%m-%dT%H:%M:%SZ"),
        "pressure_text": [repr(value) for value in rows["pressure"].to_pylist()],
        "warm": temp_c >= 15,
    }
    for name, values in more.items():
        rows = rows.append_column(name, values if isinstance(values, pa.ChunkedArray) else pa.array(values))
    return rows.drop_columns(["delivery_id", "late"])


@cache
def mails() -> pa.Table:
    """All 2,723 mails of the example in the order of time."""
    rows = _shipped("mail_triage").sort_by("received_at")
    return rows.drop_columns(["mail_id", "thread"])


def world(seed: int, *, data: str = FLIGHTS, rows: int | None = None) -> World:
    """The world of a seed: every second one declares units and ranges, as a careful team does; the others nothing."""
    rng = np.random.default_rng([seed, len(data)])
    table = flights() if data == FLIGHTS else mails()
    n = table.num_rows
    if data == FLIGHTS:
        # Four to eight months of training, then up to four weeks of another season, so that live rows differ by nature.
        length = int(n * rng.uniform(0.35, 0.7))
        begin = int(rng.integers(0, n - length))
        training = table.slice(begin, length).take(pa.array(np.sort(rng.choice(length, 20_000, replace=False))))
        rest = [(0, begin), (begin + length, n)]
        low, high = max(rest, key=lambda ends: ends[1] - ends[0])
        window = int(min(high - low, rng.uniform(0.03, 0.08) * n))
        place = int(rng.integers(low, high - window + 1))
        size = rows or int(rng.choice([400, 1000, 3000]))
        live = table.slice(place, window).take(pa.array(np.sort(rng.choice(window, size, replace=False))))
    else:
        order = rng.permutation(n)
        cut = int(n * rng.uniform(0.55, 0.75))
        training = table.take(pa.array(np.sort(order[:cut])))
        live = table.take(pa.array(np.sort(order[cut : cut + (rows or int(rng.choice([400, 600])))])))
    prints = fingerprints(training)
    return World(data=data, training=prints, live=live, declared=_declared(prints, careful=seed % 2 == 0))


def _declared(prints: Mapping[str, Any], *, careful: bool) -> dict[str, Declared]:
    if not careful:
        return {name: Declared() for name in prints}
    return {name: Declared(unit=_UNITS.get(name)) for name in prints}
