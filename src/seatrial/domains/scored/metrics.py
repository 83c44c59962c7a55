"""The governed metrics: what each one counts, on which rows, and with which bound.

A metric is a share or a mean of values in [0, 1] over some of the labelled rows, so that one set of exact bounds
serves all. Rows that the model did not answer count against it in every metric.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seatrial.core.vocabulary import Sense
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Floats, Mask
from seatrial.spec.system import System

Scale = Literal["share", "f1", "mean", "auc"]
_NAME = re.compile(
    r"(?P<base>[a-z][a-z0-9-]*)(?::(?P<class>[^@]+))?(?:@(?P<at>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?))?"
)
_ALIASES = {
    "error": "error",
    "error-rate": "error",
    "tpr": "recall",
    "sensitivity": "recall",
    "tnr": "specificity",
    "false-alarm": "fpr",
    "false-alarm-rate": "fpr",
    "miss": "fnr",
    "miss-rate": "fnr",
    "auroc": "auc",
    "roc-auc": "auc",
}
_BINARY = frozenset({"precision", "recall", "specificity", "fpr", "fnr", "f1", "flagged"})
_SHARES = (_BINARY - {"f1"}) | {"accuracy", "error", "confused", "within", "beyond"}
KNOWN = (
    "accuracy, error, precision, recall, specificity, fpr (false-alarm), fnr (miss), f1, flagged, each at a score such "
    "as recall@0.5 or for a class such as recall:urgent; auc; confused:A->B; for numbers mae@CAP, within@X, beyond@X"
)


class MetricProblem(ValueError):
    """The metric cannot be computed on these rows: `code` and the sentence say why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Governed:
    """A metric that the plan governs, and its limit, None where none is declared."""

    name: str
    sense: Sense
    limit: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRows:
    """The rows a metric looks at, with one value in [0, 1] for each; `cap` scales a mean back to its unit.

    `scale` `auc` has no values: `values` are the scores and `positive` tells the classes.
    """

    used: Mask
    values: Floats
    scale: Scale
    cap: float = 1.0
    positive: Mask | None = None

    def shown(self, raw: float) -> float:
        """A share or mean of `values` on the metric's own scale."""
        if self.scale == "f1":
            return 2.0 * raw / (1.0 + raw)
        return raw * self.cap

    def raw(self, limit: float) -> float:
        """A limit on the metric's own scale as a share or mean of `values`."""
        if self.scale == "f1":
            return limit / (2.0 - limit)
        return limit / self.cap


def governed(system: System) -> tuple[Governed, ...]:
    """Every metric that the governance section names, in its order; of two limits for one the stricter."""
    section = system.governance
    stated: list[tuple[str, Sense, float | None]] = []
    if section.metric is not None:
        stated.append((section.metric, Sense.AT_LEAST, section.minimum))
    for each in section.metrics:
        if each.maximum is not None:
            stated.append((each.metric, Sense.AT_MOST, each.maximum))
        if each.minimum is not None or each.maximum is None:
            stated.append((each.metric, Sense.AT_LEAST, each.minimum))
    found: dict[tuple[str, Sense], float | None] = {}
    limited = {name for name, _, limit in stated if limit is not None}
    for name, sense, limit in stated:
        if limit is None and name in limited:
            continue
        known = found.get((name, sense))
        strictest = max if sense is Sense.AT_LEAST else min
        found[name, sense] = limit if known is None or limit is None else strictest(known, limit)
    return tuple(Governed(name=name, sense=sense, limit=limit) for (name, sense), limit in found.items())


def unit_of(name: str) -> str:
    """`share` where the metric is one, so that it reads as a percentage; empty for areas, F1 and means."""
    match = _NAME.fullmatch(name.strip().lower() if ":" not in name else name.strip())
    base = "" if match is None else _ALIASES.get(match["base"], match["base"])
    return "share" if base in _SHARES else ""


def rows_of(name: str, outcomes: Outcomes) -> MetricRows:
    """The rows and values of a metric. Raises MetricProblem (`unknown-metric`, `no-score`, `no-such-rows`)."""
    match = _NAME.fullmatch(name.strip().lower() if ":" not in name else name.strip())
    if match is None:
        raise MetricProblem("unknown-metric", f"{name} is no metric that is known here")
    base = _ALIASES.get(match["base"], match["base"])
    at = None if match["at"] is None else float(match["at"])
    if outcomes.task == "regression":
        found = _of_numbers(name, base, at, outcomes)
    elif base == "auc":
        found = _auc(name, outcomes)
    elif base == "confused":
        found = _confused(name, match["class"] or "", outcomes)
    else:
        found = _of_classes(name, base, match["class"], at, outcomes)
    if not found.used.any():
        raise MetricProblem("no-such-rows", f"no row bears on {name}")
    return found


def _of_numbers(name: str, base: str, at: float | None, outcomes: Outcomes) -> MetricRows:
    if base not in {"mae", "within", "beyond"}:
        raise MetricProblem("unknown-metric", f"{name} is no metric for numbers that is known here")
    if at is None or not at > 0.0 or not math.isfinite(at):
        raise MetricProblem("no-cap", f"{name} needs its limit on a single error, such as {base}@60")
    error = np.abs(outcomes.predicted - outcomes.truth)
    error = np.where(outcomes.answered, error, np.inf)
    everything = np.ones(outcomes.n, dtype=bool)
    if base == "mae":
        return MetricRows(used=everything, values=np.minimum(error, at) / at, scale="mean", cap=at)
    inside = (error <= at).astype(np.float64)
    return MetricRows(used=everything, values=inside if base == "within" else 1.0 - inside, scale="share")


def _of_classes(name: str, base: str, cls: str | None, at: float | None, outcomes: Outcomes) -> MetricRows:
    if base in {"accuracy", "error"} and cls is None and at is None:
        wrong = outcomes.wrong.astype(np.float64)
        values = wrong if base == "error" else 1.0 - wrong
        return MetricRows(used=np.ones(outcomes.n, dtype=bool), values=values, scale="share")
    if base not in _BINARY | {"accuracy", "error"}:
        raise MetricProblem("unknown-metric", f"{name} is no metric that is known here")
    true = outcomes.truth == _class(name, cls, outcomes)
    flagged, answered = _flagged(name, cls, at, outcomes)
    return _two_sided(base, true, flagged, answered)


def _two_sided(base: str, true: Mask, flagged: Mask, answered: Mask) -> MetricRows:
    everything = np.ones(true.size, dtype=bool)
    right = answered & (flagged == true)
    used, good = {
        "accuracy": (everything, right),
        "error": (everything, ~right),
        "flagged": (everything, flagged | ~answered),
        "recall": (true, right),
        "fnr": (true, ~right),
        "specificity": (~true, right),
        "fpr": (~true, ~right),
        "precision": ((answered & flagged) | ~answered, right),
        "f1": (true | (answered & flagged) | ~answered, right & true),
    }[base]
    return MetricRows(used=used, values=good[used].astype(np.float64), scale="f1" if base == "f1" else "share")


def _class(name: str, cls: str | None, outcomes: Outcomes) -> int:
    if cls is None:
        if outcomes.positive < 0:
            raise MetricProblem("unknown-metric", f"{name} needs its class, such as {name}:{outcomes.classes[0]}")
        if outcomes.task == "multiclass":
            raise MetricProblem("unknown-metric", f"{name} needs its class, such as {name}:{outcomes.classes[0]}")
        return outcomes.positive
    if cls not in outcomes.classes:
        raise MetricProblem("no-such-rows", f"no row has the label {cls}")
    return outcomes.classes.index(cls)


def _flagged(name: str, cls: str | None, at: float | None, outcomes: Outcomes) -> tuple[Mask, Mask]:
    if at is None:
        return outcomes.predicted == _class(name, cls, outcomes), outcomes.answered
    if outcomes.task != "binary" or not 0.0 <= at <= 1.0:
        raise MetricProblem("unknown-metric", f"{name}: a score threshold is a number from 0 to 1 of a binary task")
    if np.isnan(outcomes.score).all():
        raise MetricProblem("no-score", f"{name} needs a score, and the model gives none")
    given = ~np.isnan(outcomes.score)
    with np.errstate(invalid="ignore"):
        return outcomes.score >= at, given


def _auc(name: str, outcomes: Outcomes) -> MetricRows:
    if outcomes.task != "binary":
        raise MetricProblem("unknown-metric", f"{name} is for binary tasks")
    if np.isnan(outcomes.score).all():
        raise MetricProblem("no-score", f"{name} needs a score, and the model gives none")
    positive = outcomes.truth == outcomes.positive
    worst = np.where(positive, -1.0, 2.0)
    values = np.where(np.isnan(outcomes.score), worst, outcomes.score)
    return MetricRows(used=np.ones(outcomes.n, dtype=bool), values=values, scale="auc", positive=positive)


def _confused(name: str, pair: str, outcomes: Outcomes) -> MetricRows:
    truth, arrow, said = pair.partition("->")
    if not arrow or said not in outcomes.classes or truth not in outcomes.classes:
        raise MetricProblem("unknown-metric", f"{name}: write confused:A->B with two labels of the task")
    used = outcomes.truth == outcomes.classes.index(truth)
    wrong = (outcomes.predicted == outcomes.classes.index(said)) | ~outcomes.answered
    return MetricRows(used=used, values=wrong[used].astype(np.float64), scale="share")
