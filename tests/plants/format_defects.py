"""Silent changes of format to plant into real live rows, and harmless look-alikes that must be left alone."""

from __future__ import annotations

import html
import quopri
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plants.format_worlds import FLIGHTS, MAILS

Values = list[Any]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One kind: what it does to the affected values of a field, and the codes that name it rightly.

    `partly` makes of a value what an unaffected row holds beside affected ones (its text, where the others are text).
    """

    name: str
    fields: tuple[str, ...]
    codes: tuple[str, ...]
    change: Callable[[Values, Rng], Values]
    partly: Callable[[Any], Any] = lambda value: value
    data: str = FLIGHTS
    pairs: bool = False
    """Whether the field is two fields, `a/b`, that change places."""


def planted(rows: pa.Table, defect: Defect, field: str, *, share: float, rng: Rng) -> pa.Table:
    """The rows with that share of them changed, at least one."""
    n = rows.num_rows
    hit = np.zeros(n, dtype=bool)
    hit[rng.choice(n, max(1, round(share * n)), replace=False)] = True
    if defect.pairs:
        a, b = field.split("/")
        one, two = rows[a].to_pylist(), rows[b].to_pylist()
        mixed = [
            [y if h else x for h, x, y in zip(hit, one, two, strict=True)] for one, two in ((one, two), (two, one))
        ]
        return replaced(replaced(rows, a, mixed[0]), b, mixed[1])
    values = rows[field].to_pylist()
    affected = iter(defect.change([v for v, h in zip(values, hit, strict=True) if h], rng))
    mixed_values = [
        next(affected) if h else (v if v is None else defect.partly(v)) for v, h in zip(values, hit, strict=True)
    ]
    return replaced(rows, field, mixed_values, like=rows[field].type)


def replaced(rows: pa.Table, name: str, values: Any, *, like: pa.DataType | None = None) -> pa.Table:
    """The rows with another column under that name, of the same type where its values allow it."""
    try:
        column = pa.array(values, type=like)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        column = pa.array(values)
    if like is not None and column.to_pylist() != list(values):
        column = pa.array(values)
    return rows.set_column(rows.column_names.index(name), name, column)


def each(function: Callable[[Any], Any]) -> Callable[[Values, Rng], Values]:
    """A change of every single value."""
    return lambda values, _: [None if v is None else function(v) for v in values]


def _number(name: str, fields: str, function: Callable[[float], float], *, code: str = "unit-changed") -> Defect:
    return Defect(name=name, fields=tuple(fields.split()), codes=(code,), change=each(function))


def _stale(values: Values, _: Rng) -> Values:
    return values[:1] * len(values)


def _mean(values: Values, _: Rng) -> Values:
    return [round(float(np.mean(values)), 3)] * len(values)


def _shifted(values: Values, _: Rng) -> Values:
    codes = sorted(set(values))
    return [codes[(codes.index(v) + 1) % len(codes)] for v in values]


def _day_and_month(at: Any) -> Any:
    return at.replace(day=at.month, month=at.day) if at.day <= 12 else at


def _text(value: Any) -> str:
    return str(value)


def _comma(value: Any) -> str:
    return str(value).replace(".", ",")


def _damaged(text: str) -> str:
    return text.encode().decode("latin-1")


def _minutes(clock: int) -> int:
    return clock // 100 * 60 + clock % 100


def _hours(hours: int) -> Callable[[Any], Any]:
    def shifted(at: Any) -> Any:
        return at.replace(hour=(at.hour + hours) % 24)

    return shifted


def _on_text(name: str, fields: str, code: str, function: Callable[[Any], Any], data: str = FLIGHTS) -> Defect:
    return Defect(name=name, fields=tuple(fields.split()), codes=tuple(code.split()), change=each(function), data=data)


DEFECTS: Sequence[Defect] = (
    _number("°C where training had °F", "temp dewp", lambda v: round((v - 32) / 1.8, 1)),
    _number("°F where training had °C", "temp_c", lambda v: round(v * 1.8 + 32, 1)),
    _number("K where training had °C", "temp_c", lambda v: round(v + 273.15, 2)),
    _number("Pa where training had hPa", "pressure", lambda v: v * 100),
    _number("inHg where training had hPa", "pressure", lambda v: round(v / 33.86389, 2)),
    _number("mmHg where training had hPa", "pressure", lambda v: round(v / 1.333224, 1)),
    _number("km where training had miles", "distance visib", lambda v: round(v * 1.609344, 1)),
    _number("m where training had miles", "distance visib", lambda v: round(v * 1609.344)),
    _number("km/h where training had mph", "wind_speed", lambda v: round(v * 1.609344, 1)),
    _number("knots where training had m/s", "wind_ms", lambda v: round(v / 0.514444, 1)),
    _number("cents where training had units", "distance humid pressure", lambda v: v * 100),
    _number("thousands where training had units", "distance monthly_flights", lambda v: v / 1000),
    _number("annual where training had monthly", "monthly_flights", lambda v: v * 12),
    _number("radians where training had degrees", "hour_angle", lambda v: round(float(np.radians(v)), 4)),
    _number("degrees where training had radians", "sun_rad", lambda v: round(float(np.degrees(v)), 2)),
    _number("a share where training had per cent", "humid", lambda v: v / 100),
    _number("seconds where training had minutes", "dep_delay", lambda v: v * 60),
    _number("milliseconds where training had seconds", "epoch_s", lambda v: v * 1000),
    _number("the opposite sign", "dep_delay monthly_flights", lambda v: -v),
    Defect(
        name="minutes of the day where training had HHMM",
        fields=("sched_dep",),
        codes=("clock-format-changed",),
        change=each(_minutes),
    ),
    Defect(
        name="UTC where training had local clock times",
        fields=("sched_dep",),
        codes=("time-zone-shifted",),
        change=each(lambda v: (v + 500) % 2400),
    ),
    Defect(
        name="times shifted by a zone",
        fields=("scheduled_at",),
        codes=("time-zone-shifted",),
        change=each(_hours(-5)),
    ),
    Defect(
        name="day and month swapped in times",
        fields=("scheduled_at",),
        codes=("date-order-swapped",),
        change=each(_day_and_month),
    ),
    _on_text(
        "month first where training had the day first",
        "day",
        "date-order-swapped",
        lambda v: f"{v[3:5]}.{v[:2]}.{v[6:]}",
    ),
    _on_text(
        "another date notation",
        "day stamp",
        "mask-changed categories-replaced type-changed",
        lambda v: f"{v[6:8]}/{v[:2]}/{v[3:5]}",
    ),
    Defect(
        name="a decimal comma",
        fields=("pressure", "temp", "wind_ms"),
        codes=("decimal-comma",),
        change=each(_comma),
        partly=_text,
    ),
    _on_text("a decimal comma in a field of text", "pressure_text", "decimal-comma", _comma),
    Defect(
        name="numbers as text",
        fields=("pressure", "distance"),
        codes=("numbers-as-text",),
        change=each(_text),
        partly=_text,
    ),
    Defect(
        name="thousands separators",
        fields=("distance", "pressure"),
        codes=("numbers-as-text", "decimal-comma"),
        change=each(lambda v: f"{v:,}"),
        partly=_text,
    ),
    _number("decimals cut off", "pressure humid hour_angle", lambda v: float(int(v)), code="precision-lost"),
    Defect(
        name="-999 for missing",
        fields=("temp", "wind_speed", "pressure", "distance"),
        codes=("sentinel-value", "constant-field"),
        change=each(lambda _: -999.0),
    ),
    Defect(
        name="0 for missing",
        fields=("temp", "pressure", "distance", "monthly_flights"),
        codes=("default-value-spike", "constant-field"),
        change=each(lambda _: 0.0),
    ),
    Defect(
        name="a typical value for missing",
        fields=("pressure", "humid", "temp"),
        codes=("default-value-spike", "constant-field"),
        change=_mean,
    ),
    Defect(
        name="stuck at the last value",
        fields=("pressure", "humid", "temp", "dest"),
        codes=("constant-field", "default-value-spike"),
        change=_stale,
    ),
    Defect(
        name="nulls",
        fields=("temp", "dest", "pressure", "scheduled_at"),
        codes=("nulls-increased", "field-empty"),
        change=lambda values, _: [None] * len(values),
    ),
    Defect(
        name="two fields of numbers swapped",
        fields=("temp/humid", "humid/pressure", "distance/sched_dep"),
        codes=("columns-swapped",),
        change=each(_text),
        pairs=True,
    ),
    Defect(
        name="two fields of text swapped",
        fields=("origin/carrier", "carrier/dest", "origin/dest"),
        codes=("columns-swapped",),
        change=each(_text),
        pairs=True,
    ),
    _on_text("lower case", "carrier dest origin", "categories-respelled", str.lower),
    _on_text("padded with blanks", "carrier dest origin", "categories-respelled", lambda v: f"{v}  "),
    Defect(name="code list shifted by one", fields=("carrier", "dest"), codes=("codes-shifted",), change=_shifted),
    _on_text(
        "codes replaced by numbers",
        "carrier dest",
        "categories-replaced type-changed",
        lambda v: str(sum(map(ord, v)) % 97),
    ),
    _on_text("codes cut short", "dest origin", "categories-replaced", lambda v: v[:2]),
    _on_text("'unknown' for missing", "carrier dest", "default-value-spike constant-field", lambda _: "unknown"),
    _on_text("empty text for missing", "carrier dest", "nulls-increased field-empty", lambda _: ""),
    _on_text("leading zeros lost", "flight_number", "leading-zeros-lost mask-changed", lambda v: str(int(v))),
    Defect(
        name="yes and no swapped", fields=("reply",), codes=("codes-shifted",), change=each(lambda v: not v), data=MAILS
    ),
    Defect(
        name="yes and no as words",
        fields=("reply",),
        codes=("type-changed",),
        change=each(lambda v: "Y" if v else "N"),
        partly=lambda v: str(v).lower(),
        data=MAILS,
    ),
    _on_text("lower case throughout", "subject body", "text-rewritten", str.lower, MAILS),
    _on_text("capitals throughout", "subject body", "text-rewritten", str.upper, MAILS),
    _on_text("damaged encoding", "body", "encoding-damaged", _damaged, MAILS),
    _on_text(
        "encoding replaced by ?", "body", "encoding-damaged", lambda v: v.encode("ascii", "replace").decode(), MAILS
    ),
    _on_text(
        "quoted-printable left in", "body", "text-rewritten", lambda v: quopri.encodestring(v.encode()).decode(), MAILS
    ),
    _on_text("HTML entities left in", "body", "text-rewritten", html.escape, MAILS),
    _on_text(
        "HTML tags left in",
        "body",
        "text-rewritten",
        lambda v: "<html><body><p>" + v.replace("\n", "<br>") + "</p></body></html>",
        MAILS,
    ),
    _on_text("line breaks lost", "body", "text-rewritten", lambda v: " ".join(v.split()), MAILS),
    _on_text("cut off at 80 characters", "body", "text-cut", lambda v: v[:80], MAILS),
    _on_text(
        "spelled with another separator",
        "footer charset",
        "categories-respelled",
        lambda v: v.replace("-", "_").replace(" ", "_"),
        MAILS,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAlike:
    """A change that is none: it may put no gap on any field."""

    name: str
    change: Callable[[pa.Table, Rng], pa.Table]
    data: str = FLIGHTS


def _cast(name: str, kind: pa.DataType) -> Callable[[pa.Table, Rng], pa.Table]:
    return lambda rows, _: rows.set_column(rows.column_names.index(name), name, rows[name].cast(kind))


def _encoded(rows: pa.Table, _: Rng) -> pa.Table:
    for name in rows.column_names:
        if pa.types.is_string(rows[name].type):
            rows = rows.set_column(rows.column_names.index(name), name, rows[name].combine_chunks().dictionary_encode())
    return rows


def _some_nulls(rows: pa.Table, rng: Rng) -> pa.Table:
    mask = pa.array(rng.random(rows.num_rows) < 0.03)
    column = pc.if_else(mask, pa.scalar(None, pa.float64()), rows["wind_speed"])
    return rows.set_column(rows.column_names.index("wind_speed"), "wind_speed", column)


def _a_new_code(rows: pa.Table, rng: Rng) -> pa.Table:
    mask = pa.array(rng.random(rows.num_rows) < 0.03)
    column = pc.if_else(mask, pa.scalar("XQ"), rows["carrier"])
    return rows.set_column(rows.column_names.index("carrier"), "carrier", column)


def _noisy(rows: pa.Table, rng: Rng) -> pa.Table:
    values = np.round(np.asarray(rows["pressure"]) + rng.normal(0, 0.3, rows.num_rows), 1)
    return replaced(rows, "pressure", values)


def _weekdays(rows: pa.Table, _: Rng) -> pa.Table:
    return rows.filter(pc.less(pc.day_of_week(rows["scheduled_at"]), 5))


def _colder(rows: pa.Table, rng: Rng) -> pa.Table:
    """The same instruments, which read tenths of °C, in colder air: whole degrees keep the values on their grid."""
    shift = int(rng.integers(2, 6))
    for name in ("temp", "dewp"):
        read = np.round((np.asarray(rows[name]) - 32) / 1.8, 1) - shift
        rows = replaced(rows, name, np.round(read * 1.8 + 32, 2))
    return rows


def _iso(rows: pa.Table, _: Rng) -> pa.Table:
    return replaced(rows, "scheduled_at", [v.isoformat() for v in rows["scheduled_at"].to_pylist()])


LOOK_ALIKES: Sequence[LookAlike] = (
    LookAlike(name="another season, as it is", change=lambda rows, _: rows),
    LookAlike(name="other mails, as they are", change=lambda rows, _: rows, data=MAILS),
    LookAlike(name="2 to 5 °C colder still", change=_colder),
    LookAlike(
        name="rows in another order", change=lambda rows, rng: rows.take(pa.array(rng.permutation(rows.num_rows)))
    ),
    LookAlike(name="integers as floats", change=_cast("sched_dep", pa.float64())),
    LookAlike(name="whole floats as integers", change=_cast("distance", pa.int64())),
    LookAlike(name="half the precision of floats", change=_cast("pressure", pa.float32())),
    LookAlike(
        name="a nullable column more",
        change=lambda rows, _: rows.append_column("gate", pa.array(([None, "G1"] * rows.num_rows)[: rows.num_rows])),
    ),
    LookAlike(name="columns in another order", change=lambda rows, _: rows.select(rows.column_names[::-1])),
    LookAlike(name="text as dictionary codes", change=_encoded),
    LookAlike(name="text as dictionary codes in mails", change=_encoded, data=MAILS),
    LookAlike(name="times as ISO 8601 text", change=_iso),
    LookAlike(name="times in microseconds", change=_cast("scheduled_at", pa.timestamp("us", tz="UTC"))),
    LookAlike(name="yes and no as 1 and 0", change=_cast("warm", pa.int8())),
    LookAlike(name="3 % nulls more", change=_some_nulls),
    LookAlike(name="a new code in 3 % of the rows", change=_a_new_code),
    LookAlike(name="a noisier sensor", change=_noisy),
    LookAlike(name="weekdays only", change=_weekdays),
)
