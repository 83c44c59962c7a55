"""Calibration where outputs are acted on: does the confidence that people and programs rely on come true."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from seatrial.core.observation import Figure, Finding, Json, Measure, Threshold
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import percent
from seatrial.domains.model import class_confidence
from seatrial.domains.model.acted import Acted
from seatrial.domains.scored.rows import Floats, Ints, Mask
from seatrial.spec.system import System
from seatrial.stats import calibration, clusters, proportions, weights
from seatrial.stats.interval import Interval

OVERCONFIDENCE = "over-confidence where outputs are acted on"
CODES: Mapping[str, str] = {
    "no-confidence": "The model gives no confidence, so abstention cannot be automated; an allowed form.",
    "unusable-confidence": "A score is declared, and the model gives none that could be a confidence.",
    "nothing-acted-on": "No row reaches the point from which outputs are acted on.",
    "overconfident-band": "In a band of the score the model promises far more than comes true.",
    **class_confidence.CODES,
    "few-scores": "Some acted-on rows have no usable score and are left out of the calibration.",
}
_BINS = 10
_WHY = "Whoever acts on a promised 90 % staffs, stocks or skips a check for it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A band of the confidence among the acted-on rows, with the share that came true and its bounds."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """What was found of the confidence. `bands` are empty where there is none."""

    measures: tuple[Measure, ...] = ()
    findings: tuple[Finding, ...] = ()
    bands: tuple[Band, ...] = ()
    excess: Interval | None = None

    def figures(self) -> Iterator[Figure]:
        """The reliability diagram of the acted-on rows."""
        if self.bands:
            rows: tuple[Mapping[str, Json], ...] = tuple(
                {"score": b.confidence, "observed": b.accuracy.value, "n": b.n} for b in self.bands
            )
            yield Figure(kind="reliability", title="How often a score comes true where it is acted on", rows=rows)


def expected(system: System) -> bool:
    """Whether the declaration promises a confidence that can be held to what comes true."""
    return system.model.output.score is not None and system.model.task != "regression"


def limits(system: System, requirement: str, confidence: float) -> list[Threshold]:
    """The limit on over-confidence, where a confidence is declared."""
    if not expected(system):
        return []
    return [
        Threshold(
            requirement=requirement,
            measure=OVERCONFIDENCE,
            sense=Sense.AT_MOST,
            limit=system.policy.overconfidence,
            unit="share",
            confidence=confidence,
        )
    ]


def calibrated(
    system: System,
    acted: Acted,
    groups: Ints | None,
    confidence: float,
    *,
    stands_for: Floats | None = None,
    trusted: Mask | None = None,
) -> Calibrated:
    """Confidence against truth on the labelled rows that are acted on, each counted as what it stands for.

    A single band or class is judged on the `trusted` rows alone: on what rules hold back nobody relies.
    """
    if not expected(system):
        return Calibrated(findings=(_none(system),))
    usable = ~np.isnan(acted.confidence)
    chosen = acted.region & usable
    # A chat's abstention is told by its words: a score that only says so tells no good answer from a bad one.
    telling = chosen if system.model.task == "chat" and chosen.any() else usable
    if not telling.any() or np.ptp(acted.confidence[telling]) == 0.0:
        return Calibrated(findings=(_unusable(system, some=bool(telling.any())),))
    if not chosen.any():
        return Calibrated(findings=(_nothing_acted_on(system),))
    said, right = acted.confidence[chosen], acted.right[chosen]
    alpha = 1.0 - confidence
    of = None if groups is None else groups[chosen]
    enough = of is None or np.unique(of).size >= clusters.FEWEST
    each = None if stands_for is None else stands_for[chosen]
    if each is not None and not each.any():
        return Calibrated(findings=(_nothing_acted_on(system),))
    excess = calibration.excess(said, right, alpha, groups=of if enough else None, stands_for=each)
    bins = calibration.binned(said, right, _BINS)
    bands = _bands(bins, said, right, alpha, each)
    promised = float(np.average(said, weights=each))
    measure = _measure(system, excess, promised, confidence, bounded=enough)
    parts = calibration.brier(bins)
    return Calibrated(
        measures=(
            measure,
            _shown("calibration error where outputs are acted on", calibration.debiased_error(bins), excess.n),
            _shown("reliability part of the Brier score", parts.reliability, excess.n),
        ),
        findings=(
            *_overconfident(system, acted, chosen if trusted is None else chosen & trusted, alpha, stands_for),
            *class_confidence.overconfident_classes(
                system, acted, chosen if trusted is None else chosen & trusted, groups, alpha, stands_for=stands_for
            ),
            *_left_out(system, acted, chosen),
        ),
        bands=bands,
        excess=excess,
    )


def _bands(
    bins: calibration.Bins, said: Floats, right: Mask, alpha: float, stands_for: Floats | None
) -> tuple[Band, ...]:
    """Each tenth of the scores at a tenth of the error rate."""
    found = []
    for i in range(bins.n.size):
        promised = float(bins.confidence[i])
        came_true = proportions.interval(int(bins.right[i]), int(bins.n[i]), alpha / bins.n.size)
        if stands_for is not None:
            inside = (said >= bins.low[i]) & (said <= bins.high[i]) & (stands_for > 0.0)
            if not inside.any():
                continue
            promised = float(np.average(said[inside], weights=stands_for[inside]))
            hits = right[inside].astype(np.float64)
            came_true = weights.interval(hits, stands_for[inside], alpha / bins.n.size)
        low, high = float(bins.low[i]), float(bins.high[i])
        found.append(Band(low=low, high=high, n=int(bins.n[i]), confidence=promised, accuracy=came_true))
    return tuple(found)


def _measure(system: System, excess: Interval, said: float, confidence: float, *, bounded: bool) -> Measure:
    limit = system.policy.overconfidence
    needed = None
    if excess.upper > limit and 0.0 < said - limit < 1.0:
        # Rows that stand for unequal shares of the traffic tell as much as fewer that stand for the same.
        worth = max(1, math.floor(excess.n_effective))
        came_true = min(1.0, max(0.0, said - excess.value)) * worth
        more = proportions.more_to_clear_floor(came_true, worth, said - limit, 1.0 - confidence)
        needed = None if more is None else math.ceil(more * excess.n / worth)
    return Measure(
        name=OVERCONFIDENCE,
        value=excess.value,
        lower=excess.lower if bounded else -1.0,
        upper=excess.upper if bounded else 1.0,
        limit=limit,
        sense=Sense.AT_MOST,
        unit="share",
        n=excess.n,
        method=excess.method if bounded else "too few clusters for a bound",
        confidence=confidence,
        needed=needed,
        needed_unit="labelled rows that are acted on" if needed else "",
        approximate=excess.approximate,
    )


def _shown(name: str, value: float, n: int) -> Measure:
    shown = None if np.isnan(value) else value
    return Measure(name=name, value=shown, n=n, method=f"{_BINS} bins of equal mass", kind=MeasureKind.INFORMATIVE)


def _overconfident(
    system: System, acted: Acted, relied_on: Mask, alpha: float, stands_for: Floats | None
) -> Iterator[Finding]:
    """Bands whose confidence lies above the truth by the smallest harm, certainly, over all bands at once."""
    if not relied_on.any():
        return
    said, right = acted.confidence[relied_on], acted.right[relied_on]
    each = None if stands_for is None else stands_for[relied_on]
    for band in _bands(calibration.binned(said, right, _BINS), said, right, alpha, each):
        if band.confidence - band.accuracy.upper > system.policy.smallest_harm:
            yield Finding(
                code="overconfident-band",
                summary=f"where the score is from {band.low:.3g} to {band.high:.3g} it promises "
                f"{percent(band.confidence)}, and {percent(band.accuracy.value)} of {band.n} come true",
                fields=(str(system.model.output.score),),
                remedy="Calibrate the score on rows of its own (isotonic or temperature), or hold this band back by a "
                f"do-not-trust rule: {band.low:.3g} <= {system.model.output.score} <= {band.high:.3g}.",
                why=_WHY,
                detail={"low": band.low, "high": band.high, "said": band.confidence, "true": band.accuracy.value},
            )


def _left_out(system: System, acted: Acted, chosen: object) -> Iterator[Finding]:
    """Scores that only some rows have may be missing just where they would have promised too much."""
    region = int(acted.region.sum())
    missing = region - int(np.asarray(chosen, dtype=bool).sum())
    if missing:
        yield Finding(
            code="few-scores",
            weight=Weight.OPEN if missing >= system.policy.smallest_slice * region else Weight.NOTE,
            summary=f"{missing} of {region} acted-on rows have no usable score",
            remedy="Send the model one of these rows by hand: where the score stands in another field of the answer,"
            " name that in model.output.score; where it is null or no number, have the model give one, or "
            "hold such answers back.",
        )


def _none(system: System) -> Finding:
    numbers = system.model.task == "regression"
    return Finding(
        code="no-confidence",
        weight=Weight.NOTE,
        summary="the model gives a number without saying how sure it is"
        if numbers
        else "the model gives no confidence that could be held to what comes true",
        fields=("model.output.score",),
        remedy="Abstention cannot be automated on confidence: hold outputs back by conditions over the inputs, and "
        "have a person look at the rest.",
        why="Without a confidence, only conditions over the inputs can say when not to trust an output.",
    )


def _unusable(system: System, *, some: bool) -> Finding:
    alike = "the same score for every answer" if system.model.task == "chat" else "the same score for every row"
    what = alike if some else "no score from 0 to 1"
    return Finding(
        code="unusable-confidence",
        weight=Weight.OPEN,
        summary=f"the model gives {what}, so its confidence says nothing",
        fields=(str(system.model.output.score),),
        remedy="Let the model give a probability in the field that model.output.score names, or remove that line: a "
        "model without confidence is an allowed form.",
        why="A confidence that is always the same cannot tell a good output from a bad one.",
    )


def _nothing_acted_on(system: System) -> Finding:
    act_at = system.model.output.act_at
    told = "no evaluation row is acted on" if act_at is None else f"no evaluation row has a score of {act_at:g} or more"
    chat = system.model.task == "chat" and act_at is None
    return Finding(
        code="nothing-acted-on",
        weight=Weight.OPEN,
        summary=f"{told}, so calibration there is unknown",
        fields=("model.output.abstains" if chat else "model.output.act_at",),
        remedy="Correct the phrases of model.output.abstains, or add questions that it answers."
        if chat
        else "Correct model.output.act_at, or add evaluation rows on which somebody would act.",
    )
