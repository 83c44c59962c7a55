"""Label, prediction and score of each row of a batch, aligned, for the measures of performance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.measure.accumulator import MeasureError
from seatrial.measure.columns import Columns, plain_text

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of the rows that have both a score and a label, whether each is positive, and how many rows have not."""

    score: npt.NDArray[np.float64]
    positive: Mask
    unlabelled: int
    unanswered: int
    outside: int


def required(options: Mapping[str, Any], measure: str, *names: str) -> None:
    """Raises MeasureError naming every option that is missing."""
    absent = [name for name in names if options.get(name) is None]
    if absent:
        raise MeasureError(f"{measure}: option {', '.join(absent)} is missing")


def is_positive(columns: Columns, name: str, positive: object) -> tuple[Mask, Mask]:
    """For each row whether it holds `positive`, and whether it holds anything."""
    texts, codes = columns[name].names
    wanted = plain_text(positive)
    code = texts.index(wanted) if wanted in texts else -2
    given = codes >= 0
    numeric = columns[name].kind == "number"
    if numeric and columns[name].split[1]:
        given &= ~np.isnan(columns[name].rows_as_numbers)
    return codes == code, given


def scored(columns: Columns, options: Mapping[str, Any]) -> Scored:
    """The rows that have a score within [0, 1] and a label, by the options `score`, `label` and `positive`."""
    score = columns[options["score"]].rows_as_numbers.astype(np.float64)
    positive, labelled = is_positive(columns, options["label"], options["positive"])
    answered = ~np.isnan(score)
    with np.errstate(invalid="ignore"):
        inside = (score >= 0.0) & (score <= 1.0)
    used = labelled & inside
    return Scored(
        score[used],
        positive[used],
        int((~labelled).sum()),
        int((labelled & ~answered).sum()),
        int((labelled & answered & ~inside).sum()),
    )
