"""Silent changes to plant into a copy of the live sample, to see how many of them would be found.

Each one turns one live column into what a feed that changed would deliver. A plant that changes nothing (lower-casing
what is lower case) is not applicable and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seatrial.measure.columns import Column
from seatrial.measure.format_numbers import hours_of
from seatrial.measure.format_texts import is_category
from seatrial.measure.kinds import kind_of
from seatrial.measure.transforms import is_clock
from seatrial.measure.units import dimension_of, minutes_of_clock

SHARE = 0.1
"""The share of rows that a default value or a sentinel takes."""
_SCALES = (("× 1000", 1e3), ("/ 1000", 1e-3), ("× 100", 100.0))
_FACTORS = (
    ("in → cm", 2.54, "length"),
    ("mi → km", 1.609344, "length"),
    ("lb → kg", 0.45359237, "mass"),
    ("m/s → km/h", 3.6, "speed"),
    ("mmHg → hPa", 1.333224, "pressure"),
    ("min → s", 60.0, "time"),
)
_SENTINEL = -9999.0
_HOURS = 5
_LARGEST = 1e300


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """`column` is what the field would look like after the change `kind`."""

    kind: str
    column: pa.Array


def plants(
    name: str, column: pa.Array, training: Mapping[str, Any], *, unit: str | None, rng: np.random.Generator
) -> Iterator[Plant]:
    """Every change that can happen to this field: `training` is its fingerprint, `unit` its declared unit.

    None for a column that is of another kind than in training, or empty: that has changed already.
    """
    kind = kind_of(training)
    seen = Column(name, column)
    if seen.kind != kind or not seen.n:
        return
    if kind == "number" and training["distinct"] > 2:
        made = _of_number(name, column, training, unit, rng)
    elif kind == "time" and _tells_hours(name, training):
        made = iter([("hours shifted", _later(column))])
    elif kind == "text":
        made = _of_text(column, training, rng)
    else:
        return
    for label, changed in made:
        if not changed.equals(column):
            yield Plant(kind=label, column=changed)


def _of_number(
    name: str, column: pa.Array, training: Mapping[str, Any], unit: str | None, rng: np.random.Generator
) -> Iterator[tuple[str, pa.Array]]:
    full = Column(name, column).rows_as_numbers
    full = np.where(np.abs(full) < _LARGEST, full, np.nan)
    hours = hours_of(name, training) is not None
    yield from _of_clock(name, full, training) if hours else _of_unit(full, dimension_of(unit))
    yield "as text", _as_text(full, ".")
    if sum(training["decimals"][1:]) > 0.5 * training["n"]:
        yield "decimal comma", _as_text(full, ",")
        yield "decimals cut off", _floats(np.trunc(full))
    yield "some nulls", _floats(np.where(rng.random(full.size) < 2 * SHARE, np.nan, full))
    yield "some -9999", _floats(np.where(rng.random(full.size) < SHARE, _SENTINEL, full))
    if training["zeros"] <= 0.01 * training["n"] and not hours:
        yield "some 0", _floats(np.where(rng.random(full.size) < SHARE, 0.0, full))
    if training["distinct"] >= 10 and _top(training) < 0.5:
        yield "stuck", _floats(np.full(full.size, np.nanmedian(full)))


def _of_unit(full: npt.NDArray[np.float64], dimension: str | None) -> Iterator[tuple[str, pa.Array]]:
    for label, factor in _SCALES:
        yield label, _floats(full * factor)
    for label, factor, of in _FACTORS:
        if dimension == of or (dimension is None and factor >= 2):
            yield label, _floats(full * factor)
    if dimension == "temperature":
        yield "°F → °C", _floats((full - 32.0) / 1.8)
        yield "°C → °F", _floats(full * 1.8 + 32.0)


def _of_clock(name: str, full: npt.NDArray[np.float64], training: Mapping[str, Any]) -> Iterator[tuple[str, pa.Array]]:
    if is_clock(training):
        yield "HHMM → minutes", _floats(minutes_of_clock(full))
    if _tells_hours(name, training):
        step, day = (100, 2400) if is_clock(training) else (1, 24)
        yield "hours shifted", _floats(np.mod(full + step * _HOURS, day))


def _tells_hours(name: str, training: Mapping[str, Any]) -> bool:
    """Whether the day has a shape: where all hours are alike, no shift can show."""
    hours = hours_of(name, training)
    return hours is not None and float(np.abs(hours - np.roll(hours, _HOURS)).sum()) / 2 >= 0.25 * float(hours.sum())


def _top(side: Mapping[str, Any]) -> float:
    return max(side["values"].values(), default=0) / side["n"] if side["values"] else 0.0


def _of_text(column: pa.Array, training: Mapping[str, Any], rng: np.random.Generator) -> Iterator[tuple[str, pa.Array]]:
    text = (column.dictionary_decode() if pa.types.is_dictionary(column.type) else column).cast(pa.string())
    yield "damaged encoding", _mapped(text, lambda v: v.encode().decode("latin-1"))
    yield "some nulls", pc.if_else(pa.array(rng.random(len(text)) < 2 * SHARE), pa.scalar(None, pa.string()), text)
    if is_category(training):
        yield "lower case", pc.utf8_lower(text)
        yield "padded", pc.binary_join_element_wise(text, " ", "")
        codes = sorted(training["values"])
        shares = np.array([training["values"][code] for code in codes]) / training["n"]
        if len(codes) >= 4 and float(np.abs(shares - np.roll(shares, 1)).sum()) / 2 >= 0.25:
            following = dict(zip(codes, [*codes[1:], codes[0]], strict=True))
            yield "codes shifted", _mapped(text, lambda v: following.get(v, v))
        numbers = {code: str(place) for place, code in enumerate(codes)}
        yield "codes replaced", _mapped(text, lambda v: numbers.get(v, v))
        if "unknown" not in training["values"]:
            yield "some unknown", pc.if_else(pa.array(rng.random(len(text)) < SHARE), "unknown", text)


def _mapped(text: pa.Array, change: Callable[[str], str]) -> pa.Array:
    encoded = text.dictionary_encode()
    values = pa.array([change(value) for value in encoded.dictionary.to_pylist()], type=pa.string())
    return pa.DictionaryArray.from_arrays(encoded.indices, values).dictionary_decode()


def _later(column: pa.Array) -> pa.Array:
    shift = pa.scalar(_HOURS * 3600, pa.duration("s"))
    stamped = column if pa.types.is_timestamp(column.type) else None
    return column if stamped is None else pc.add(stamped, shift)


def _floats(values: npt.NDArray[np.float64]) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _as_text(values: npt.NDArray[np.float64], point: str) -> pa.Array:
    return pa.array([None if np.isnan(v) else f"{v:g}".replace(".", point) for v in values], type=pa.string())


def swaps(columns: Sequence[str], training: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Pairs of neighbouring number fields that training told apart, to plant as swapped."""
    for a, b in pairwise(columns):
        pair = [training[a], training[b]]
        if any(kind_of(side) != "number" or side["min"] is None or side["distinct"] < 5 for side in pair):
            continue
        if pair[0]["max"] < pair[1]["min"] or pair[1]["max"] < pair[0]["min"]:
            yield a, b
