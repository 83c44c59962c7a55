"""What a field looks like: everything by which a silent change of its format can be told.

One pass, mergeable, independent of the order of rows and batches. Values and masks are counted exactly up to a cap and
given up beyond it (`None`), which depends on how many there are and not on their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seatrial.measure import text_forms
from seatrial.measure.accumulator import Cell, PerColumn, Plain, packed, plus, unpacked
from seatrial.measure.columns import Column, as_text
from seatrial.measure.counts import CountsCell
from seatrial.measure.distinct import Distinct64
from seatrial.measure.hashing import unique_hashes
from seatrial.measure.log_bins import LogBins

MOST_VALUES = 4096
MOST_MASKS = 256
MOST_SHAPES = 64
MOST_LENGTHS = 4096
MOST_DECIMALS = 6
PROBABILITIES = [0.01, *(round(0.05 * i, 2) for i in range(1, 20)), 0.99]

Ints = npt.NDArray[np.int64]


class FingerprintCell(Cell):
    """One field.

    `finish`: `types`, `n`, `nulls`, `nan`, `infinite`, `empty`; `quantiles` at 1 %, 5 %, 10 % … 99 %, `min`, `max`,
    `zeros` and `numbers` (of numbers, or texts that read as numbers) and the same quantiles `without_zeros`;
    `decimals` (numbers with 0 … 6 and more decimals); `values`, `masks`, `shapes` and `lengths` with their counts or
    None; `forms` of text; `hours` (times by hour as written), `late_days` (times after the 12th of a month),
    `early_months` and `late_months` (times up to the 12th, and after it, by month of the year), `seasons` (times by
    hour in April to September, and in December to February), `zones`; `distinct`.
    """

    def __init__(self, options: Mapping[str, Any], column: str) -> None:
        super().__init__(options, column)
        self.counts = CountsCell(options, column)
        self.bins = LogBins()
        self.distinct = Distinct64(MOST_VALUES)
        self.values: dict[str, int] | None = {}
        self.masks: dict[str, int] | None = {}
        self.shapes: dict[str, int] | None = {}
        self.lengths: dict[str, int] | None = {}
        self.forms: dict[str, int] = {}
        self.zones: dict[str, int] = {}
        self.decimals: Ints = np.zeros(MOST_DECIMALS + 2, dtype=np.int64)
        self.hours: Ints = np.zeros(24, dtype=np.int64)
        self.late_days = 0
        self.early_months: Ints = np.zeros(12, dtype=np.int64)
        self.late_months: Ints = np.zeros(12, dtype=np.int64)
        self.seasons: Ints = np.zeros((2, 24), dtype=np.int64)

    def update(self, column: Column) -> None:
        """Add the values of one batch."""
        self.counts.update(column)
        self.distinct.add(unique_hashes(column))
        self._add_values(column)
        if column.kind == "text":
            self._add_text(column)
            return
        self.bins.update(column)
        if column.kind == "number":
            self.decimals += decimals(column.split[0])
        elif column.kind == "time" and column.n:
            self._add_times(column)

    def _add_values(self, column: Column) -> None:
        if self.values is not None and column.kind in {"text", "number", "boolean"}:
            values, counts = column.uniques
            too_many = len(values) > MOST_VALUES
            texts = [] if too_many else as_text(values)
            self.values = None if too_many else _capped(self.values, texts, counts.tolist(), MOST_VALUES)

    def _add_text(self, column: Column) -> None:
        values, counts = column.uniques
        if not len(values):
            return
        texts = values.cast(pa.string())
        self.forms = plus(self.forms, text_forms.forms(texts, counts))
        if self.masks is not None:
            found = text_forms.masks(texts, counts)
            self.masks = _capped(self.masks, list(found), list(found.values()), MOST_MASKS)
        if self.shapes is not None:
            found = text_forms.shapes(texts, counts)
            self.shapes = _capped(self.shapes, list(found), list(found.values()), MOST_SHAPES)
        if self.lengths is not None:
            found = text_forms.lengths(texts, counts)
            self.lengths = _capped(self.lengths, list(found), list(found.values()), MOST_LENGTHS)
        numbers, which = text_forms.as_numbers(texts)
        if numbers.size:
            finite = np.isfinite(numbers)
            repeated = np.repeat(numbers[finite], counts[which][finite])
            self.bins.add(repeated)
            self.decimals += decimals(repeated)
        if self.forms["iso-time"]:
            self.hours += text_forms.hours_of(texts, counts)
            early, late = text_forms.months_of(texts, counts)
            self.early_months += early
            self.late_months += late
            self.seasons += text_forms.seasons_of(texts, counts)

    def _add_times(self, column: Column) -> None:
        self.zones = plus(self.zones, {column.zone or "none": column.n})
        seconds = column.split[0]
        hours = ((seconds % 86_400) // 3600).astype(np.int64)
        self.hours += np.bincount(hours, minlength=24)
        days = (seconds // 86_400).astype(np.int64).astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        late = (days - months).astype(np.int64) >= 12
        of_year = months.astype(np.int64) % 12
        self.late_days += int(late.sum())
        self.early_months += np.bincount(of_year[~late], minlength=12)
        self.late_months += np.bincount(of_year[late], minlength=12)
        self.seasons += text_forms.by_season(of_year, hours, np.ones(hours.size, dtype=np.int64))

    def merge(self, other: Self) -> None:
        """Add."""
        self.counts.merge(other.counts)
        self.bins.merge(other.bins)
        self.distinct.merge(other.distinct)
        self.values = _joined(self.values, other.values, MOST_VALUES)
        self.masks = _joined(self.masks, other.masks, MOST_MASKS)
        self.shapes = _joined(self.shapes, other.shapes, MOST_SHAPES)
        self.lengths = _joined(self.lengths, other.lengths, MOST_LENGTHS)
        self.forms = plus(self.forms, other.forms)
        self.zones = plus(self.zones, other.zones)
        self.decimals = self.decimals + other.decimals
        self.hours = self.hours + other.hours
        self.late_days += other.late_days
        self.early_months = self.early_months + other.early_months
        self.late_months = self.late_months + other.late_months
        self.seasons = self.seasons + other.seasons

    def finish(self) -> Plain:
        """See the class."""
        nonzero = LogBins()
        nonzero.merge(self.bins)
        nonzero.zeros = 0
        return {
            **self.counts.finish(),
            "numbers": self.bins.n,
            "zeros": self.bins.zeros,
            "min": self.bins.low,
            "max": self.bins.high,
            "quantiles": self.bins.quantiles(PROBABILITIES),
            "without_zeros": nonzero.quantiles(PROBABILITIES),
            "bins": self.bins.plain(),
            "decimals": self.decimals.tolist(),
            "values": _ordered(self.values),
            "masks": _ordered(self.masks),
            "shapes": _ordered(self.shapes),
            "lengths": _ordered(self.lengths),
            "forms": self.forms,
            "hours": self.hours.tolist(),
            "late_days": self.late_days,
            "early_months": self.early_months.tolist(),
            "late_months": self.late_months.tolist(),
            "seasons": self.seasons.tolist(),
            "zones": dict(sorted(self.zones.items())),
            "distinct": self.distinct.estimate,
        }

    def state(self) -> Plain:
        """Everything."""
        return {
            "counts": self.counts.state(),
            "bins": self.bins.plain(),
            "distinct": self.distinct.plain(),
            "values": _ordered(self.values),
            "masks": _ordered(self.masks),
            "shapes": _ordered(self.shapes),
            "lengths": _ordered(self.lengths),
            "forms": self.forms,
            "zones": dict(sorted(self.zones.items())),
            "decimals": packed(self.decimals),
            "hours": packed(self.hours),
            "late_days": self.late_days,
            "early_months": packed(self.early_months),
            "late_months": packed(self.late_months),
            "seasons": packed(self.seasons.ravel()),
        }

    def load(self, state: Plain) -> None:
        """From `state`."""
        self.counts.load(state["counts"])
        self.bins = LogBins.of(state["bins"])
        self.distinct.load(state["distinct"])
        self.values, self.masks = state["values"], state["masks"]
        self.forms, self.zones = dict(state["forms"]), dict(state["zones"])
        self.decimals, self.hours = unpacked(state["decimals"]), unpacked(state["hours"])
        self.late_days = int(state["late_days"])
        self.shapes, self.lengths = state["shapes"], state["lengths"]
        self.early_months, self.late_months = unpacked(state["early_months"]), unpacked(state["late_months"])
        self.seasons = unpacked(state["seasons"]).reshape(2, 24)


def decimals(values: npt.NDArray[Any]) -> Ints:
    """How many numbers need 0, 1, … 6 decimals, and how many more than that.

    A number needs k decimals when rounding to k changes it by no more than its own type's precision.
    """
    counts = np.zeros(MOST_DECIMALS + 2, dtype=np.int64)
    tolerance = 4.0 * float(np.finfo(values.dtype).eps) if values.dtype.kind == "f" else 0.0
    rest = values.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        for places in range(MOST_DECIMALS + 1):
            if not rest.size:
                return counts
            scaled = rest * 10.0**places
            fits = np.abs(scaled - np.rint(scaled)) <= np.minimum(np.abs(scaled) * tolerance, 0.01)
            counts[places] = int(fits.sum())
            rest = rest[~fits]
    counts[-1] = rest.size
    return counts


def _capped(held: dict[str, int], keys: list[str], counts: list[int], cap: int) -> dict[str, int] | None:
    total = dict(held)
    for key, n in zip(keys, counts, strict=True):
        total[key] = total.get(key, 0) + n
    return total if len(total) <= cap else None


def _joined(a: dict[str, int] | None, b: dict[str, int] | None, cap: int) -> dict[str, int] | None:
    return None if a is None or b is None else _capped(a, list(b), list(b.values()), cap)


def _ordered(counts: dict[str, int] | None) -> dict[str, int] | None:
    return None if counts is None else dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


class Fingerprint(PerColumn):
    """`fingerprint`."""

    name: ClassVar[str] = "fingerprint"
    cell: ClassVar[type[Cell]] = FingerprintCell
