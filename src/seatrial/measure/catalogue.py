"""Every measure by its literal name. A measure is one class in one file and one line in `CATALOGUE`.

Options are plain data; `columns` left out means every column of the table. `finish()` always has `rows`; measures of
columns have `columns: {c: {…}}` with, for each column c, what is listed here.

- `counts` (columns): types, n, nulls, nan, infinite, empty. `n` counts the values that are not null.
- `range` (columns): n, min, max of finite numbers; times in seconds since 1970 UTC.
- `moments` (columns): n, mean, variance, skewness, kurtosis of finite numbers.
- `quantiles` (columns, probabilities): n, nulls, quantiles: {"0.5": v}, error, bins; relative error at most 1/256.
- `histogram` (edges: {c: [..]}): edges, counts (below the first edge, between two, from the last one on), missing.
- `categories` (columns, cap = 10000): n, nulls, counts: {value: n}, exact, error.
- `distinct` (columns, cap = 10000): n, estimate, exact, relative_error.
- `fingerprint` (columns): what a field looks like; see `measure.fingerprint`.
- `drift` (columns): nulls, range, log bins or categories; see `measure.distance.compare`.
- `confusion` (label, prediction | score + threshold, positive): classes, counts[truth][predicted], tp, fp, fn, tn,
  unlabelled, unanswered. With score and threshold the classes are the positive one and `rest`.
- `scores` (score, label, positive, bins = 4096): positive[bin], negative[bin], auc, auc_low, auc_high, unlabelled,
  unanswered, outside (scores not within [0, 1]).
- `calibration` (score, label, positive, edges | bins = 20): bins: [{low, high, n, sum_score, sum_label}], unlabelled,
  unanswered, outside.
- `decision-rate` (score + threshold | prediction + positive): answered, acted, unanswered, sum_score.
- `contract` (fields: {c: {type, minimum, maximum, values, pattern, nullable}}): violating_rows,
  fields: {c: {type, range, values, pattern, null, missing}}.
- `sample` (rows = 20, key, columns): sample: [{…}], the rows with the smallest keyed hash, the same in any order.

Labels, predictions and `positive` are compared as text, integral numbers without their point: 1.0 is `1`, true `true`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.measure.accumulator import Accumulator, MeasureError, Plain
from seatrial.measure.calibration import Calibration
from seatrial.measure.categories import Categories
from seatrial.measure.confusion import Confusion
from seatrial.measure.contract import Contract
from seatrial.measure.counts import Counts
from seatrial.measure.decision_rate import DecisionRate
from seatrial.measure.distinct import Distinct
from seatrial.measure.drift import Drift
from seatrial.measure.extremes import Range
from seatrial.measure.fingerprint import Fingerprint
from seatrial.measure.histogram import Histogram
from seatrial.measure.moments import Moments
from seatrial.measure.quantiles import Quantiles
from seatrial.measure.sample import Sample
from seatrial.measure.scores import Scores

CATALOGUE: dict[str, type[Accumulator]] = {
    "counts": Counts,
    "range": Range,
    "moments": Moments,
    "quantiles": Quantiles,
    "histogram": Histogram,
    "categories": Categories,
    "distinct": Distinct,
    "confusion": Confusion,
    "scores": Scores,
    "calibration": Calibration,
    "decision-rate": DecisionRate,
    "contract": Contract,
    "fingerprint": Fingerprint,
    "sample": Sample,
    "drift": Drift,
}


def start(name: str, options: Mapping[str, Any], *, partition: str | None = None) -> Accumulator:
    """A new measure for one partition of a table. Raises MeasureError for an unknown name or impossible options."""
    if name not in CATALOGUE:
        raise MeasureError(f"no measure is called {name!r}", remedy=f"There are {', '.join(CATALOGUE)}.")
    return CATALOGUE[name](options, () if partition is None else (partition,))


def restored(state: Plain) -> Accumulator:
    """The measure that `state()` described. Raises MeasureError when it is not one of ours."""
    measure = start(str(state.get("measure")), state.get("options", {}))
    try:
        measure.load(state)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MeasureError(f"a state of {measure.name} is damaged: {type(error).__name__} {error}") from None
    return measure
