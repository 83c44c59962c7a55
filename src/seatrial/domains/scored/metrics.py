"""The governed metrics: what each one counts, on which rows, and with which bound.

A metric is a share or a mean of values in [0, 1] over some of the labelled rows, so that one set of exact bounds
serves all. Rows that the model did not answer count against it in every metric.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seatrial.core.vocabulary import Sense
from seatrial.domains.scored import metrics_free, metrics_numbers, metrics_scores
from seatrial.domains.scored.labelled import Outcomes
from seatrial.domains.scored.metric_rows import Confusion, MetricProblem, MetricRows
from seatrial.domains.scored.metrics_scores import needs_score
from seatrial.domains.scored.own_metric import is_own
from seatrial.domains.scored.rows import Mask
from seatrial.spec.system import System
from seatrial.stats.confusion import FIGURES, Named, f_beta

__all__ = ["KNOWN", "Governed", "MetricProblem", "MetricRows", "governed", "rows_of", "unit_of"]
_NAME = re.compile(
    r"(?P<base>[a-z][a-z0-9.-]*)(?::(?P<class>[^@]+))?(?:@(?P<at>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?))?"
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
ROW_BY_ROW = frozenset({"share", "f1", "mean", "root"})
"""Scales of metrics that are a mean of values in [0, 1], row by row: those that the watch can follow after launch."""
_LOW_IS_GOOD = frozenset({"error", "fpr", "fnr", "confused", "brier", "log-loss", "mae", "rmse", "wape", "beyond"})
_EITHER_WAY = frozenset({"flagged", "abstention", "answered"})
_BETA = re.compile(r"f(?P<beta>\d+(?:\.\d+)?)")
_MOST_BETA = 100.0
_BINARY = frozenset({"precision", "recall", "specificity", "fpr", "fnr", "f1", "flagged"})
_SHARES = (
    (_BINARY - {"f1"})
    | {"accuracy", "error", "confused", "hit", "exact-match"}
    | metrics_free.SHARES
    | metrics_numbers.SHARES
)
KNOWN = (
    "accuracy, error, precision, recall, specificity, fpr (false-alarm), fnr (miss), f1, f2 and any F-beta, flagged, "
    "mcc, kappa, each at a score such as recall@0.5 or for a class such as recall:urgent; macro-f1, macro-recall "
    "(balanced-accuracy), macro-precision; auc, brier, log-loss@CAP; precision@100 and recall@100 among the highest "
    "scores; hit@3; confused:A->B; for numbers mae@CAP, rmse@CAP, wape@CAP, within@X, beyond@X, p95-error; for answers "
    "in text exact-match, contains, abstention, answered; for extracted records exact-match, and over their fields "
    "precision, recall, f1, also of one field such as recall:total; your own as path/to/file.py:function"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Governed:
    """A metric that the plan governs, and its limit, None where none is declared."""

    name: str
    sense: Sense
    limit: float | None


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
    match = _parsed(name)
    base = "" if match is None else _ALIASES.get(match["base"], match["base"])
    return "share" if base in _SHARES else ""


def good_side(name: str) -> Sense | None:
    """On which side of a limit the metric is good; None where that is for the plan to say, as for one's own metrics.

    >>> good_side("recall@0.5"), good_side("false-alarm"), good_side("flagged")
    (<Sense.AT_LEAST: 'at_least'>, <Sense.AT_MOST: 'at_most'>, None)
    """
    match = None if is_own(name) else _parsed(name)
    if match is None:
        return None
    base = _ALIASES.get(match["base"], match["base"])
    if base in _EITHER_WAY:
        return None
    return Sense.AT_MOST if base in _LOW_IS_GOOD or metrics_numbers.percentile_of(base) is not None else Sense.AT_LEAST


def decides_at(name: str) -> float | Literal["answer"] | None:
    """The score from which a metric takes an output as flagged, `answer` where it looks at the answer itself.

    None where it decides nothing: areas, means over all scores, the highest scores, and metrics of one's own.

    >>> decides_at("recall@0.5"), decides_at("precision"), decides_at("auc"), decides_at("precision@100")
    (0.5, 'answer', None, None)
    """
    match = None if is_own(name) else _parsed(name)
    if match is None:
        return None
    base = _ALIASES.get(match["base"], match["base"])
    if base not in _BINARY | {"accuracy", "error", "mcc", "kappa"} and _BETA.fullmatch(base) is None:
        return None
    if match["at"] is None:
        return "answer"
    at = float(match["at"])
    return at if 0.0 <= at <= 1.0 else None


def decides_beyond(name: str) -> bool:
    """Whether the metric says how far off a number is wrong.

    >>> decides_beyond("within@10"), decides_beyond("mae@60")
    (True, False)
    """
    match = None if is_own(name) else _parsed(name)
    return match is not None and match["base"] in {"within", "beyond"} and match["at"] is not None


def planned_as(name: str) -> tuple[str, float]:
    """How the rows that a metric takes are planned: `share`, `f1`, `mean`, `root`, `percentile` or `other`.

    With it comes the cap that scales a mean, the share of a percentile, else 1.

    >>> planned_as("recall@0.5"), planned_as("mae@60"), planned_as("p95-error"), planned_as("mcc")
    (('share', 1.0), ('mean', 60.0), ('percentile', 0.95), ('other', 1.0))
    """
    if is_own(name):
        return "mean", 1.0
    match = _parsed(name)
    base = "" if match is None else _ALIASES.get(match["base"], match["base"])
    at = 1.0 if match is None or match["at"] is None else float(match["at"])
    percentile = metrics_numbers.percentile_of(base)
    if percentile is not None:
        return "percentile", percentile
    if base in _SHARES or base == "f1":
        return ("f1" if base == "f1" else "share"), 1.0
    means = {"mae": "mean", "log-loss": "mean", "brier": "mean", "rmse": "root"}
    return means.get(base, "other"), at if base in {"mae", "log-loss", "rmse"} else 1.0


def bearing_of(name: str) -> tuple[str, str | None]:
    """Which rows count for a metric: `all`, those of a class (`true`), said to be (`said`), `either`, `not`; the class.

    >>> bearing_of("recall:late"), bearing_of("accuracy")
    (('true', 'late'), ('all', None))
    """
    match = None if is_own(name) else _parsed(name)
    if match is None:
        return "all", None
    base = _ALIASES.get(match["base"], match["base"])
    sides = {"recall": "true", "fnr": "true", "precision": "said", "f1": "either", "specificity": "not", "fpr": "not"}
    return sides.get(base, "all"), match["class"]


def rows_of(name: str, outcomes: Outcomes) -> MetricRows:
    """The rows and values of a metric.

    Raises MetricProblem (`unknown-metric`, `no-cap`, `no-score`, `no-such-rows`).
    """
    match = _parsed(name)
    if match is None:
        raise MetricProblem("unknown-metric", f"{name} is no metric that is known here")
    base = _ALIASES.get(match["base"], match["base"])
    at = None if match["at"] is None else float(match["at"])
    if outcomes.task == "regression":
        found = metrics_numbers.rows_of(name, base, at, outcomes)
    elif outcomes.task in {"chat", "extraction"}:
        found = metrics_free.rows_of(name, base, match["class"], outcomes)
    elif base in metrics_scores.NAMES:
        found = metrics_scores.rows_of(name, base, at, outcomes)
    elif base == "confused":
        found = _confused(name, match["class"] or "", outcomes)
    elif base == "hit":
        found = _hit(name, at, outcomes)
    elif base in FIGURES or (_BETA.fullmatch(base) and base != "f1"):
        found = _of_table(name, base, match["class"], at, outcomes)
    elif at is not None and at > 1.0 and at.is_integer():
        found = metrics_scores.top_k(name, base, at, outcomes)
    else:
        found = _of_classes(name, base, match["class"], at, outcomes)
    if not found.used.any():
        raise MetricProblem("no-such-rows", f"no row bears on {name}")
    return found


def _parsed(name: str) -> re.Match[str] | None:
    return _NAME.fullmatch(name.strip().lower() if ":" not in name else name.strip())


def _of_classes(name: str, base: str, cls: str | None, at: float | None, outcomes: Outcomes) -> MetricRows:
    if base in {"accuracy", "error", "exact-match"} and cls is None and at is None:
        wrong = outcomes.wrong.astype(np.float64)
        values = wrong if base == "error" else 1.0 - wrong
        return MetricRows(used=np.ones(outcomes.n, dtype=bool), values=values, scale="share")
    if base not in _BINARY | {"accuracy", "error"}:
        raise MetricProblem("unknown-metric", f"{name} is no metric that is known here")
    true = outcomes.truth == _class(name, cls, outcomes)
    flagged, answered = _flagged(name, cls, at, outcomes)
    return _two_sided(base, true, flagged, answered)


def _of_table(name: str, base: str, cls: str | None, at: float | None, outcomes: Outcomes) -> MetricRows:
    """A figure of the confusion matrix: of all classes, or of one class against the others.

    Of two classes a row without an answer counts as said to be the other one, of more it stands in a column of its own.
    """
    beta = _BETA.fullmatch(base)
    if beta is not None and not 0.0 < float(beta["beta"]) <= _MOST_BETA:
        raise MetricProblem("unknown-metric", f"{name}: the beta of an F-beta lies between 0 and {_MOST_BETA:g}")
    if beta is None and cls is None and at is None:
        classes = len(outcomes.classes)
        said = np.where(outcomes.answered, outcomes.predicted, classes).astype(np.int64)
        true, shape, figure = outcomes.truth.astype(np.int64), (classes, classes + 1), FIGURES[base]
        if classes == 2:
            said, shape = np.where(outcomes.answered, said, 1 - true), (2, 2)
    else:
        true = (outcomes.truth == _class(name, cls, outcomes)).astype(np.int64)
        flagged, answered = _flagged(name, cls, at, outcomes)
        said = np.where(answered, flagged, 1 - true).astype(np.int64)
        shape = (2, 2)
        figure = FIGURES[base] if beta is None else Named(of=f_beta(float(beta["beta"])))
    return MetricRows(
        used=np.ones(outcomes.n, dtype=bool),
        values=(true * shape[1] + said).astype(np.float64),
        scale="table",
        confusion=Confusion(shape=shape, figure=figure),
    )


def _hit(name: str, at: float | None, outcomes: Outcomes) -> MetricRows:
    if at is None or at < 1.0 or not at.is_integer():
        raise MetricProblem("unknown-metric", f"{name} needs how many answers of a row count, such as hit@3")
    if outcomes.ranks is None:
        raise MetricProblem("unknown-metric", f"{name} needs answers that are lists, the likeliest label first")
    good = outcomes.answered & (outcomes.ranks >= 0) & (outcomes.ranks < at)
    return MetricRows(used=np.ones(outcomes.n, dtype=bool), values=good.astype(np.float64), scale="share")


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
    needs_score(name, outcomes)
    given = ~np.isnan(outcomes.score)
    with np.errstate(invalid="ignore"):
        return outcomes.score >= at, given


def _confused(name: str, pair: str, outcomes: Outcomes) -> MetricRows:
    truth, arrow, said = pair.partition("->")
    if not arrow or said not in outcomes.classes or truth not in outcomes.classes:
        raise MetricProblem("unknown-metric", f"{name}: write confused:A->B with two labels of the task")
    used = outcomes.truth == outcomes.classes.index(truth)
    wrong = (outcomes.predicted == outcomes.classes.index(said)) | ~outcomes.answered
    return MetricRows(used=used, values=wrong[used].astype(np.float64), scale="share")
