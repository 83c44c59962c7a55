"""What a source looks like, from its own records: fields, ranges, codes, keys, times, and what could go wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from seatrial.app.proposing.data import ColumnProfile, TableProfile, profile
from seatrial.app.proposing.inputs import declared
from seatrial.app.proposing.source_records import Records
from seatrial.core.check import MeasureRequest
from seatrial.core.observation import Json
from seatrial.domains.data.fault_kinds import Place, faults_of
from seatrial.domains.legality import profile_of
from seatrial.measure.kinds import has_leading_zeros, reads_as_numbers
from seatrial.spec.faults import FaultField
from seatrial.spec.model import InputField

if TYPE_CHECKING:
    import pyarrow as pa

FEWEST = 30
"""Records below which nothing is said of keys, ranges or codes but that there are too few."""
_MOST_PAIRED = 8
_SENTINELS = (-9.0, -99.0, -999.0, -9999.0, -99_999.0, 999.0, 9999.0, 99_999.0, 999_999.0)
_MASKS = 3
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_ALL = 0.95
_ALWAYS = frozenset({"missing", "null", "wrong-type", "empty-text", "stale"})
"""Faults that every field can have, and that are not worth a line for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How often a time field brings another time, and the newest one. Seconds; `zoned` when every time has its zone.

    `days`: every value is a day, without a time of day and so without a zone.
    """

    zoned: bool
    days: bool
    zone: str
    gap_s: float | None
    newest: datetime | None

    def age_s(self, now: datetime) -> float | None:
        """How old the newest time is; None where its zone is not known."""
        return None if self.newest is None or not self.zoned else (now - self.newest).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProfile:
    """One field. `proposed` is its declaration as an input or contract would hold it; `confirm` what only people know.

    `faults` are the kinds of fault that it can have beside those that every field can have.
    """

    name: str
    source_type: str
    column: ColumnProfile
    proposed: Mapping[str, Json]
    decimals: int | None
    masks: tuple[str, ...]
    sentinels: tuple[float, ...]
    cadence: Cadence | None
    faults: tuple[str, ...]
    confirm: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceProfile:
    """A source. `kind` is that of the integration, or `data`; `keys` are fields, or pairs, that tell records apart.

    `at` is when its records were in hand: the age of a record that is new every second is its age then.
    """

    name: str
    kind: str
    rows: int
    at: datetime
    fields: tuple[FieldProfile, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    confirm: tuple[str, ...] = ()
    problem: str = ""
    remedy: str = ""
    undeclared: Mapping[str, str] = field(default_factory=dict)
    """Fields that the source's own schema names and no record has."""


def profiled(name: str, kind: str, records: Records, schema: Mapping[str, str], *, at: datetime) -> SourceProfile:
    """Look at the records once, which were read until `at`. Raises Malformed where there is nothing to look at."""
    from seatrial.measure.one_pass import collect, key_of

    table = profile(records)
    request = MeasureRequest(table="data", measure="fingerprint", options={"columns": list(table.columns)})
    prints = collect(records.batches(list(table.columns)), (request,))[key_of(request)]["columns"]
    fields = tuple(
        _field(column, prints[column.name], schema.get(column.name, ""), records.rows, table)
        for column in table.columns.values()
    )
    enough = table.rows >= FEWEST
    return SourceProfile(
        name=name,
        kind=kind,
        rows=table.rows,
        at=at,
        fields=fields,
        keys=tuple(_keys([f for f in fields if not _measures(f, prints)], records.rows)) if enough else (),
        confirm=tuple(_of_source(table, records, schema)),
        undeclared={other: type_ for other, type_ in schema.items() if other not in records.columns()},
    )


def _of_source(table: TableProfile, records: Records, schema: Mapping[str, str]) -> Iterator[str]:
    if table.rows < FEWEST:
        yield f"only {table.rows} records: look again when there are {FEWEST} or more"
    if records.nested:
        yield f"{', '.join(records.nested)} hold records or lists: describe them in the contract by hand"
    absent = [name for name in schema if name not in records.columns() and name not in records.nested]
    if absent:
        yield f"{', '.join(absent)} are in the source's schema, and no record has them"


def _field(
    column: ColumnProfile, seen: Mapping[str, Any], source_type: str, rows: pa.Table, table: TableProfile
) -> FieldProfile:
    sentinels = tuple(value for value in _SENTINELS if _stands_for_missing(column, seen, value))
    proposed, notes = declared(_without(column, sentinels))
    cadence = _cadence(rows[column.name]) if column.type == "time" else None
    place = Place(
        name=column.name,
        declared=InputField.model_validate(dict(proposed)),
        profile=profile_of(table.sample, column.name),
        known=FaultField(),
        others=table.sample[:20],
    )
    kinds = dict.fromkeys(fault.kind for fault in faults_of(place) if fault.kind not in _ALWAYS)
    return FieldProfile(
        name=column.name,
        source_type=source_type,
        column=column,
        proposed=proposed,
        decimals=_decimals(seen) if column.type == "number" else None,
        masks=tuple(list(seen["shapes"] or seen["masks"] or {})[:_MASKS]),
        sentinels=sentinels,
        cadence=cadence,
        faults=tuple(kinds),
        confirm=tuple(dict.fromkeys([*_open(column, seen, proposed, cadence, sentinels), *notes])),
    )


def _open(
    column: ColumnProfile,
    seen: Mapping[str, Any],
    proposed: Mapping[str, Json],
    cadence: Cadence | None,
    sentinels: Sequence[float],
) -> Iterator[str]:
    name = column.name
    if column.type == "number" or "minimum" in proposed:
        yield f"{name}: its unit, which no data tell, and its range"
    if "values" in proposed:
        yield f"{name}: whether other codes than these {column.distinct} may come"
    if column.type == "string" and reads_as_numbers(seen):
        comma = "with a decimal comma" if seen["forms"].get("comma", 0) else "with a decimal point"
        yield f"{name}: numbers that are written as text, {comma}: is that agreed?"
    if column.type == "string" and has_leading_zeros(seen):
        yield f"{name}: its leading zeros, which are lost where it is read as a number"
    if sentinels:
        shown = ", ".join(f"{value:g}" for value in sentinels)
        yield f"{name}: {shown} seems to stand for a missing value"
    if cadence is not None and not cadence.zoned and not cadence.days:
        yield f"{name}: its time zone, which is not written"


def _without(column: ColumnProfile, sentinels: Sequence[float]) -> ColumnProfile:
    """The column as if stand-ins for missing values were no numbers: they belong to no plausible range."""
    if not sentinels or not column.values:
        return column
    rest = [number for text in column.values if (number := float(text)) not in sentinels]
    low, high = min(rest), max(rest)
    return replace(column, smallest=low, largest=high, low=low, high=high)


def _stands_for_missing(column: ColumnProfile, seen: Mapping[str, Any], value: float) -> bool:
    values = seen["values"]
    if column.type not in {"number", "integer"} or not values or column.smallest is None or column.largest is None:
        return False
    count = values.get(str(int(value)), 0)
    low, high = column.smallest, column.largest
    if count < 2 or value not in {low, high}:
        return False
    rest = [float(text) for text in values if float(text) != value]
    width = max(rest) - min(rest) if rest else 0.0
    return bool(rest) and min(abs(value - min(rest)), abs(value - max(rest))) > width


def _decimals(seen: Mapping[str, Any]) -> int | None:
    total = sum(seen["decimals"])
    enough = [places for places, n in enumerate(np.cumsum(seen["decimals"])) if n >= _ALL * total]
    return enough[0] if total and enough and enough[0] < len(seen["decimals"]) - 1 else None


def _cadence(column: pa.ChunkedArray) -> Cadence:
    values = column.to_pylist()
    times = [when for value in values if (when := _read(value)) is not None]
    zoned = bool(times) and all(when.tzinfo is not None for when in times)
    zones = sorted({"none" if when.tzinfo is None else (when.tzname() or "UTC") for when in times[:1000]})
    utc = sorted({(when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC) for when in times})
    gaps = np.diff([when.timestamp() for when in utc])
    return Cadence(
        zoned=zoned,
        days=bool(times) and all(_DAY.fullmatch(str(value).strip()) for value in values if value is not None),
        zone=" and ".join(zones) or "none",
        gap_s=float(np.quantile(gaps, 0.95)) if gaps.size >= 2 else None,
        newest=utc[-1] if utc else None,
    )


def _read(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time.min)
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    return None


def _measures(field: FieldProfile, prints: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether it holds measured numbers, written out as text or not: those tell nothing apart."""
    seen = prints[field.name]
    return field.column.type == "number" or (field.column.type == "string" and reads_as_numbers(seen))


def _keys(fields: Sequence[FieldProfile], rows: pa.Table) -> Iterator[tuple[str, ...]]:
    """Single fields that are never missing and never the same twice; where there are none, pairs of them."""
    able = [f.name for f in fields if f.column.type in {"string", "integer", "time"} and not f.column.missing]
    columns = {name: rows[name].to_pylist() for name in able}
    single = [name for name in able if len(set(columns[name])) == rows.num_rows]
    # Times that happen to differ tell records apart only where nothing else does.
    times = {f.name for f in fields if f.column.type == "time"}
    yield from ((name,) for name in ([name for name in single if name not in times] or single))
    if single:
        return
    for pair in combinations(able[:_MOST_PAIRED], 2):
        if len(set(zip(*(columns[name] for name in pair), strict=True))) == rows.num_rows:
            yield pair
