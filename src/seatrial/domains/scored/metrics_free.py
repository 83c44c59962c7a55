"""Metrics of answers in free text and of extracted records."""

from __future__ import annotations

import numpy as np

from seatrial.domains.scored.labelled import EXTRA, HIT, MISSED, Outcomes, Units
from seatrial.domains.scored.metric_rows import MetricProblem, MetricRows
from seatrial.domains.scored.rows import Mask

SHARES = frozenset({"exact-match", "contains", "abstention", "answered"})
_COUNTED = {"precision": (HIT, EXTRA), "recall": (HIT, MISSED), "f1": (HIT, EXTRA, MISSED)}


def rows_of(name: str, base: str, field: str | None, outcomes: Outcomes) -> MetricRows:
    """The rows and values of a metric of free answers. Raises MetricProblem."""
    everything = np.ones(outcomes.n, dtype=bool)
    if field is None and base in {"accuracy", "error"}:
        right = ~outcomes.wrong
        return _share(everything, right if base == "accuracy" else ~right)
    if outcomes.units is not None and base in _COUNTED:
        return _fields(name, base, field, outcomes.units, outcomes)
    if field is None and base == "exact-match":
        return _share(outcomes.marks.get("answerable", everything), outcomes.marks["exact"] & outcomes.answered)
    if outcomes.task == "chat" and field is None and base in SHARES:
        return _spoken(base, outcomes)
    raise MetricProblem("unknown-metric", f"{name} is no metric of a task {outcomes.task} that is known here")


def _spoken(base: str, outcomes: Outcomes) -> MetricRows:
    can, abstained = outcomes.marks["answerable"], outcomes.marks["abstained"]
    if base == "contains":
        return _share(can, outcomes.marks["contains"] & outcomes.answered)
    if base == "answered":
        return _share(can, outcomes.answered & ~abstained)
    return _share(~can, outcomes.answered & abstained)


def _share(used: Mask, good: Mask) -> MetricRows:
    return MetricRows(used=used, values=good[used].astype(np.float64), scale="share")


def _fields(name: str, base: str, field: str | None, units: Units, outcomes: Outcomes) -> MetricRows:
    """Over single fields: of those said (precision), expected (recall), or either (F1), how many agree.

    What an unanswered row should have said counts against precision too.
    """
    chosen = np.isin(units.kinds, _COUNTED[base]) | ((units.kinds == MISSED) & ~outcomes.answered[units.rows])
    if field is not None:
        if field not in units.labels:
            raise MetricProblem("no-such-rows", f"{name}: no record has a field {field}")
        chosen &= units.names == units.labels.index(field)
    rows = units.rows[chosen]
    return MetricRows(
        used=np.bincount(rows, minlength=outcomes.n) > 0,
        values=(units.kinds[chosen] == HIT).astype(np.float64),
        scale="f1" if base == "f1" else "share",
        units=rows,
    )
