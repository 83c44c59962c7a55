"""How far live lies from the reference, column by column, from two `drift` results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.measure.log_bins import LogBins, aligned
from seatrial.stats import drift

BINS = 10
VALUES = 50
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """One column's distances. `reference` and `live` are counts in the same bins (the last one: missing, if any).

    Numbers: ten bins of about equal mass in the reference, with their inner `edges`; text: its 50 most frequent values,
    the others, and the unseen. `ks` and `w1` come from the fine log bins and are None for text; `w1` is in units of the
    reference's interquartile range (None where that is zero). `unseen` is the share of live texts that the reference
    never had, None where there are too many values to know.
    """

    column: str
    psi: float
    js: float
    ks: float | None
    w1: float | None
    unseen: float | None
    null_difference: float
    reference: tuple[int, ...]
    live: tuple[int, ...]
    edges: tuple[float, ...] = ()


def compare(reference: Mapping[str, Any], live: Mapping[str, Any]) -> tuple[Distance, ...]:
    """The distance of every column that both `drift` results have, in the reference's order; without rows, none."""
    if not reference["rows"] or not live["rows"]:
        return ()
    columns = reference["columns"]
    return tuple(column_distance(c, columns[c], live["columns"][c]) for c in columns if c in live["columns"])


def column_distance(name: str, reference: Mapping[str, Any], live: Mapping[str, Any]) -> Distance:
    """The distance of one column."""
    missing = np.array([_missing(reference), _missing(live)], dtype=np.int64)
    rows = np.array([reference["n"] + reference["nulls"], live["n"] + live["nulls"]], dtype=np.float64)
    one, two = LogBins.of(reference["bins"]), LogBins.of(live["bins"])
    ks = w1 = None
    edges: tuple[float, ...] = ()
    if one.n and two.n:
        ks, w1, edges, counts = _of_numbers(one, two)
    else:
        counts = np.array([[one.n], [two.n]], dtype=np.int64)
    texts, unseen = _of_text(reference, live)
    uncounted = np.maximum(rows.astype(np.int64) - counts.sum(axis=1) - texts.sum(axis=1) - missing, 0)
    counts = np.concatenate([counts, texts, uncounted[:, None], missing[:, None]], axis=1)
    counts = counts[:, counts.sum(axis=0) > 0]
    return Distance(
        column=name,
        psi=drift.psi(counts[0], counts[1]),
        js=drift.js_distance(counts[0], counts[1]),
        ks=ks,
        w1=w1,
        unseen=unseen,
        null_difference=float(missing[1] / rows[1] - missing[0] / rows[0]),
        reference=tuple(counts[0].tolist()),
        live=tuple(counts[1].tolist()),
        edges=edges,
    )


def _missing(side: Mapping[str, Any]) -> int:
    return int(side["nulls"]) + int(side["nan"])


def _of_numbers(one: LogBins, two: LogBins) -> tuple[float, float | None, tuple[float, ...], Ints]:
    (low, high, a), (_, _, b) = aligned(one, two)
    held = (a + b) > 0
    low, high, a, b = low[held], high[held], a[held], b[held]
    middle = (low + high) / 2
    quarter, three = one.quantiles([0.25, 0.75])
    spread = (three or 0.0) - (quarter or 0.0)
    # A bin ends where the reference's cumulated share first passes the next tenth; a heavy value keeps its own bin.
    tenths = np.minimum((np.cumsum(a) - a / 2) * BINS // max(int(a.sum()), 1), BINS - 1).astype(np.int64)
    tenths = np.maximum.accumulate(np.maximum(tenths, 0))
    counts = np.stack([np.bincount(tenths, weights=side, minlength=BINS) for side in (a, b)]).astype(np.int64)
    begins = np.flatnonzero(np.diff(tenths)) + 1
    return (
        drift.ks(a, b),
        drift.w1(a, b, middle) / spread if spread > 0 else None,
        tuple(low[begins].tolist()),
        counts,
    )


def _of_text(reference: Mapping[str, Any], live: Mapping[str, Any]) -> tuple[Ints, float | None]:
    """Counts of the reference's most frequent values, of its other ones and of unseen ones, and the unseen share."""
    known, new = reference["categories"], live["categories"]
    kept = list(known)[:VALUES]
    counts = [[side.get(value, 0) for value in kept] for side in (known, new)]
    totals = [int(side["n"]) if side["categories"] else 0 for side in (reference, live)]
    exact = not reference["error"] and not live["error"]
    unseen = sum(n for value, n in new.items() if value not in known) if exact else 0
    others = [totals[0] - sum(counts[0]), totals[1] - sum(counts[1]) - unseen]
    table = np.array([[*counts[0], others[0], 0], [*counts[1], others[1], unseen]], dtype=np.int64)
    return table, unseen / max(totals[1], 1) if exact else None
