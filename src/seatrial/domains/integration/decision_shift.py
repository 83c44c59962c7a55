"""How often the output is acted on, and how far scores are from what happened, live against evaluation.

A wrong format often leaves accuracy alone and moves these. Both are differences of exact bounds, each at half the error
rate, so the bound of the difference holds at the full one (Bonferroni); it assumes independent rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.core.check import PREDICTION, SCORE, MeasureRequest
from seatrial.core.observation import Measure
from seatrial.core.vocabulary import MeasureKind, Sense
from seatrial.spec.data import Source
from seatrial.spec.system import System
from seatrial.stats import proportions

DECISIONS = "change in how often the output is acted on"
CALIBRATION = "change in how far scores lie from what happens"
EVALUATION, LIVE = "scored.evaluation", "scored.live"
_METHOD = "difference of exact bounds, each at half the error rate"


def has_decisions(system: System) -> bool:
    """Whether decision rates can be compared: a classification with evaluation and live rows."""
    return system.model.task in {"binary", "multiclass"} and None not in (system.data.evaluation, system.data.live)


def has_calibration(system: System) -> bool:
    """Whether calibration can be compared: binary scores, and labels on both sides."""
    sources = (system.data.evaluation, system.data.live)
    labelled = all(source is not None and source.label is not None for source in sources)
    return system.model.task == "binary" and system.model.output.score is not None and labelled


def decision_request(system: System, table: str) -> MeasureRequest:
    """What tells how often each output is acted on."""
    output = system.model.output
    if system.model.task == "multiclass":
        return MeasureRequest(table=table, measure="categories", options={"columns": [PREDICTION], "cap": 1000})
    if output.act_at is not None and output.score is not None:
        return MeasureRequest(
            table=table, measure="decision-rate", options={"score": SCORE, "threshold": output.act_at}
        )
    options = {"prediction": PREDICTION, "positive": output.positive}
    return MeasureRequest(table=table, measure="decision-rate", options=options)


def calibration_request(system: System, table: str, source: Source) -> MeasureRequest:
    """What tells scores and labels together."""
    options = {"score": SCORE, "label": source.label, "positive": system.model.output.positive, "bins": 1}
    return MeasureRequest(table=table, measure="calibration", options=options)


def decision_measures(system: System, evaluation: Mapping[str, Any], live: Mapping[str, Any]) -> tuple[Measure, ...]:
    """The shift that gates, and both rates. For several classes, the class whose rate moved most."""
    policy = system.policy
    before, now = _acted(evaluation), _acted(live)
    classes = sorted(set(before[0]) | set(now[0]))
    alpha = (1.0 - policy.confidence) / 2 / max(len(classes), 1)
    worst: tuple[float, float, float] | None = None
    for name in classes:
        found = _apart((before[0].get(name, 0), before[1]), (now[0].get(name, 0), now[1]), alpha)
        worst = found if worst is None else tuple(max(a, b) for a, b in zip(worst, found, strict=True))  # type: ignore[assignment]
    value, low, high = worst if worst is not None and before[1] and now[1] else (None, None, None)
    needed = (
        None if high is None else _rows_needed(high - (value or 0.0), policy.decision_shift - (value or 0.0), now[1])
    )
    gate = Measure(
        name=DECISIONS,
        value=value,
        lower=low,
        upper=high,
        limit=policy.decision_shift,
        sense=Sense.AT_MOST,
        unit="share",
        n=now[1],
        method=_METHOD,
        confidence=policy.confidence,
        needed=needed,
        needed_unit="live rows",
    )
    if system.model.task == "multiclass":
        return (gate,)
    rates = (("share of evaluation rows that are acted on", before), ("share of live rows that are acted on", now))
    return (gate, *(_rate(name, counts.get("acted", 0), n) for name, (counts, n) in rates))


def _acted(result: Mapping[str, Any]) -> tuple[dict[str, int], int]:
    if "columns" in result:
        cell = result["columns"][PREDICTION]
        return dict(cell["counts"]), int(cell["n"])
    return {"acted": int(result["acted"])}, int(result["answered"])


def _rate(name: str, k: int, n: int) -> Measure:
    bounds = proportions.interval(k, n) if n else None
    return Measure(
        name=name,
        value=k / n if n else None,
        lower=bounds.lower if bounds else None,
        upper=bounds.upper if bounds else None,
        unit="share",
        n=n,
        confidence=0.95,
        kind=MeasureKind.INFORMATIVE,
    )


def _apart(before: tuple[int, int], now: tuple[int, int], alpha: float) -> tuple[float, float, float]:
    """|difference| of two rates with its lower and upper bound."""
    if not before[1] or not now[1]:
        return 0.0, 0.0, 1.0
    value = abs(now[0] / now[1] - before[0] / before[1])
    low_before, high_before = proportions.lower(*before, alpha), proportions.upper(*before, alpha)
    low_now, high_now = proportions.lower(*now, alpha), proportions.upper(*now, alpha)
    return (
        value,
        max(0.0, low_now - high_before, low_before - high_now),
        max(high_now - low_before, high_before - low_now),
    )


def _rows_needed(half_width: float, room: float, n: int) -> int | None:
    """About how many more live rows bring the bound under its limit; None where it is, or where the value is above."""
    if room <= 0 or half_width <= room:
        return None
    return int(n * ((half_width / room) ** 2 - 1.0)) + 1


def calibration_measure(system: System, evaluation: Mapping[str, Any], live: Mapping[str, Any]) -> Measure:
    """By how much the mean score's distance from the share of positives moved from evaluation to live."""
    policy = system.policy
    alpha = (1.0 - policy.confidence) / 2
    sides = [_in_the_large(result, alpha) for result in (evaluation, live)]
    value = low = high = None
    if all(n for *_, n in sides):
        (middle_before, low_before, high_before, _), (middle_now, low_now, high_now, _) = sides
        value = abs(middle_now - middle_before)
        low = max(0.0, low_now - high_before, low_before - high_now)
        high = max(high_now - low_before, high_before - low_now)
    n = sides[1][3]
    needed = None if high is None else _rows_needed(high - (value or 0.0), policy.calibration_shift - (value or 0.0), n)
    return Measure(
        name=CALIBRATION,
        value=value,
        lower=low,
        upper=high,
        limit=policy.calibration_shift,
        sense=Sense.AT_MOST,
        unit="share",
        n=n,
        method=_METHOD,
        confidence=policy.confidence,
        needed=needed,
        needed_unit="labelled live rows",
    )


def _in_the_large(result: Mapping[str, Any], alpha: float) -> tuple[float, float, float, int]:
    n = sum(int(cell["n"]) for cell in result["bins"])
    if not n:
        return 0.0, 0.0, 0.0, 0
    positive = sum(int(cell["sum_label"]) for cell in result["bins"])
    score = sum(float(cell["sum_score"]) for cell in result["bins"]) / n
    return (
        positive / n - score,
        proportions.lower(positive, n, alpha) - score,
        proportions.upper(positive, n, alpha) - score,
        n,
    )
