"""Whether one constant answer would meet every governed limit: then the plan does not tell this model from none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Sense, Weight
from seatrial.core.wording import number
from seatrial.domains.scored.metrics import Governed, MetricProblem, rows_of, unit_of
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.own_metric import is_own

CODES: Final[Mapping[str, str]] = {
    "constant-meets-limits": "One answer that is always the same would meet every governed limit.",
}


def constant_answer(metrics: Sequence[Governed], found: Outcomes) -> Iterator[Finding]:
    """A note with the first constant answer that meets every limit on the labelled rows, which needs no model.

    A class, at full and at no confidence, or the median of the numbers. Metrics of one's own are not tried, so where
    there is one nothing is said.
    """
    limited = [metric for metric in metrics if metric.limit is not None]
    if not limited or any(is_own(metric.name) for metric in limited):
        return
    for label, always in _constants(found):
        reached = [_reached(metric, always) for metric in limited]
        if any(value is None for value in reached):
            continue
        shown = ", ".join(
            f"{metric.name} {number(value, unit_of(metric.name))}"
            for metric, value in zip(limited, reached, strict=True)
            if value is not None
        )
        yield Finding(
            code="constant-meets-limits",
            weight=Weight.NOTE,
            summary=f"whoever answers {label} to every row meets every governed limit too: {shown}",
            fields=tuple(metric.name for metric in limited),
            remedy="Govern what a constant answer misses too, such as the recall of the rare class, precision beside "
            "recall, or a smaller error, and have the plan approved anew.",
            why="A limit that needs no model does not say that this one is of use.",
        )
        return


def _constants(found: Outcomes) -> Iterator[tuple[str, Outcomes]]:
    if found.task == "regression":
        middle = float(np.median(found.truth))
        yield number(middle), _always(found, middle, np.nan)
    elif found.task in {"binary", "multiclass"}:
        for k, label in enumerate(found.classes):
            scores = (1.0 if k == found.positive else 0.0,) if found.task == "binary" else (1.0, 0.0)
            for score in scores:
                yield label, _always(found, float(k), score)


def _always(found: Outcomes, answer: float, score: float) -> Outcomes:
    return replace(
        found,
        predicted=np.full(found.n, answer),
        answered=np.ones(found.n, dtype=np.bool_),
        score=np.full(found.n, score),
        ranks=None,
    )


def _reached(metric: Governed, always: Outcomes) -> float | None:
    """The metric of that answer where it meets the limit, None where it does not or cannot be told."""
    try:
        rows = rows_of(metric.name, always)
        value = float(rows.shown(rows.value))
    except (MetricProblem, ValueError):
        return None
    if metric.limit is None or not np.isfinite(value):
        return None
    meets = value >= metric.limit if metric.sense is Sense.AT_LEAST else value <= metric.limit
    return value if meets else None
