"""Metrics of a binary task's scores: how well they rank, how near they come to the truth, and what the top k holds."""

from __future__ import annotations

import math

import numpy as np

from seatrial.domains.scored.labelled import Outcomes
from seatrial.domains.scored.metric_rows import MetricProblem, MetricRows

NAMES = frozenset({"auc", "brier", "log-loss"})


def rows_of(name: str, base: str, at: float | None, outcomes: Outcomes) -> MetricRows:
    """The rows and values of a metric of scores. Raises MetricProblem (`unknown-metric`, `no-score`, `no-cap`)."""
    needs_score(name, outcomes)
    positive = outcomes.truth == outcomes.positive
    given = ~np.isnan(outcomes.score)
    everything = np.ones(outcomes.n, dtype=bool)
    if base == "auc":
        values = np.where(given, outcomes.score, np.where(positive, -1.0, 2.0))
        return MetricRows(used=everything, values=values, scale="auc", positive=positive)
    chance = np.where(positive, outcomes.score, 1.0 - outcomes.score)
    if base == "brier":
        return MetricRows(used=everything, values=np.where(given, (1.0 - chance) ** 2, 1.0), scale="mean")
    if at is None or not at > 0.0 or not math.isfinite(at):
        raise MetricProblem("no-cap", f"{name} needs its limit on a single row's loss, such as {base}@5")
    with np.errstate(divide="ignore"):
        loss = np.minimum(-np.log(chance), at) / at
    return MetricRows(used=everything, values=np.where(given, loss, 1.0), scale="mean", cap=at)


def top_k(name: str, base: str, k: float, outcomes: Outcomes) -> MetricRows:
    """Precision or recall of the k rows with the highest scores; of equal scores the wrong rows come first.

    Raises MetricProblem (`unknown-metric`, `no-score`, `no-such-rows`).
    """
    needs_score(name, outcomes)
    if base not in {"precision", "recall"}:
        raise MetricProblem("unknown-metric", f"{name}: among the top k there is a precision and a recall")
    given = ~np.isnan(outcomes.score)
    count = int(k)
    if int(given.sum()) < count:
        raise MetricProblem("no-such-rows", f"{name} looks at {count} rows, and {int(given.sum())} have a score")
    positive = outcomes.truth == outcomes.positive
    order = np.lexsort((positive, np.where(given, -outcomes.score, np.inf)))
    top = np.zeros(outcomes.n, dtype=bool)
    top[order[:count]] = True
    used, good = (top, positive) if base == "precision" else (positive, top)
    return MetricRows(used=used, values=good[used].astype(np.float64), scale="share")


def needs_score(name: str, outcomes: Outcomes) -> None:
    """Raises MetricProblem unless this is a binary task whose model gives scores."""
    if outcomes.task != "binary":
        raise MetricProblem("unknown-metric", f"{name} is for binary tasks")
    if np.isnan(outcomes.score).all():
        raise MetricProblem("no-score", f"{name} needs a score, and the model gives none")
