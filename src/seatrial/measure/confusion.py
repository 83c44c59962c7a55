"""The confusion matrix, exact: of predictions, or of a score at a threshold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from seatrial.measure.accumulator import Accumulator, MeasureError, Plain
from seatrial.measure.columns import Columns, plain_text
from seatrial.measure.outcomes import is_positive, required

MOST_CLASSES = 1000
REST = "rest"


class Confusion(Accumulator):
    """`confusion`. With `score` and `threshold` the classes are the positive one and `rest`.

    `tp`, `fp`, `fn`, `tn` are None unless `positive` is given. Raises MeasureError beyond 1,000 classes.
    """

    name: ClassVar[str] = "confusion"

    def __init__(self, options: Mapping[str, Any], partitions: Iterable[str] = ()) -> None:
        super().__init__(options, partitions)
        required(options, self.name, "label")
        self._by_score = options.get("prediction") is None
        if self._by_score:
            required(options, self.name, "score", "threshold", "positive")
        self._counts: dict[tuple[str, str], int] = {}
        self._unlabelled = 0
        self._unanswered = 0

    def columns(self) -> tuple[str, ...] | None:
        """The label and what is held against it."""
        return (self.options["label"], self.options["score" if self._by_score else "prediction"])

    def _update(self, columns: Columns) -> None:
        truth, truths, predicted, predictions = self._coded(columns)
        labelled, answered = truth >= 0, predicted >= 0
        self._unlabelled += int((~labelled).sum())
        self._unanswered += int((labelled & ~answered).sum())
        both = labelled & answered
        cells = np.bincount(truth[both] * len(predictions) + predicted[both], minlength=len(truths) * len(predictions))
        for cell in np.flatnonzero(cells):
            key = (truths[cell // len(predictions)], predictions[cell % len(predictions)])
            self._counts[key] = self._counts.get(key, 0) + int(cells[cell])
        self._bounded()

    def _coded(self, columns: Columns) -> tuple[Any, list[str], Any, list[str]]:
        if not self._by_score:
            truths, truth = columns[self.options["label"]].names
            predictions, predicted = columns[self.options["prediction"]].names
            return truth, truths, predicted, predictions
        classes = [plain_text(self.options["positive"]), REST]
        positive, labelled = is_positive(columns, self.options["label"], self.options["positive"])
        score = columns[self.options["score"]].rows_as_numbers
        answered = ~np.isnan(score)
        with np.errstate(invalid="ignore"):
            acted = score >= float(self.options["threshold"])
        truth = np.where(labelled, np.where(positive, 0, 1), -1)
        return truth, classes, np.where(answered, np.where(acted, 0, 1), -1), classes

    def _bounded(self) -> None:
        if len({name for cell in self._counts for name in cell}) > MOST_CLASSES:
            raise MeasureError(
                f"confusion: {self.options['label']} has more than {MOST_CLASSES} classes",
                remedy="Use a regression metric, or name the right label column.",
            )

    def _merge(self, other: Self) -> None:
        for cell, n in other._counts.items():
            self._counts[cell] = self._counts.get(cell, 0) + n
        self._unlabelled += other._unlabelled
        self._unanswered += other._unanswered
        self._bounded()

    def _finish(self) -> Plain:
        classes = sorted({name for cell in self._counts for name in cell})
        counts = [[self._counts.get((truth, predicted), 0) for predicted in classes] for truth in classes]
        result: Plain = {
            "classes": classes,
            "counts": counts,
            "tp": None,
            "fp": None,
            "fn": None,
            "tn": None,
            "unlabelled": self._unlabelled,
            "unanswered": self._unanswered,
        }
        if self.options.get("positive") is not None:
            result |= self._two_sided(plain_text(self.options["positive"]))
        return result

    def _two_sided(self, positive: str) -> Plain:
        sums = {"tp": 0, "fp": 0, "fn": 0, "tn": 0}
        for (truth, predicted), n in self._counts.items():
            right = "t" if (truth == positive) == (predicted == positive) else "f"
            sums[right + ("p" if predicted == positive else "n")] += n
        return sums

    def _state(self) -> Plain:
        return {
            "counts": [[truth, predicted, n] for (truth, predicted), n in sorted(self._counts.items())],
            "unlabelled": self._unlabelled,
            "unanswered": self._unanswered,
        }

    def _load(self, body: Plain) -> None:
        self._counts = {(str(truth), str(predicted)): int(n) for truth, predicted, n in body["counts"]}
        self._unlabelled, self._unanswered = int(body["unlabelled"]), int(body["unanswered"])
