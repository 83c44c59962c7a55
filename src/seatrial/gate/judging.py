"""Judging one measure and one observation against the limits of today. Pure; nothing that is missing or odd passes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from seatrial.core.observation import Finding, Measure, Observation, Threshold
from seatrial.core.vocabulary import MeasureKind, Outcome, Sense, Weight
from seatrial.core.wording import number, sentence, told_apart
from seatrial.gate.verdict import Judged

_SLACK = 1e-12
"""By how much a recorded confidence may miss today's: the rounding of decimal fractions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What an observation comes to today: its outcome, why, and each measure with the bound that decided.

    `code` is empty when MET.
    """

    outcome: Outcome
    code: str = ""
    reason: str = ""
    measures: tuple[Judged, ...] = ()


def finite(*numbers: float | None) -> bool:
    """True when every number is there, and neither NaN nor infinite."""
    return all(number is not None and math.isfinite(number) for number in numbers)


def looser(today: float, recorded: float, sense: Sense) -> bool:
    """True when today's limit lets more pass than the recorded one."""
    return today < recorded if sense is Sense.AT_LEAST else today > recorded


def judge_measure(measure: Measure, threshold: Threshold | None) -> Judged:
    """The measure against today's limit.

    A gating measure needs a limit that is in force today; a validity measure may bring the product's own. Against a
    stricter limit than the recorded one it is judged anew from the recorded bounds; a looser one voids it.
    """
    if measure.kind is MeasureKind.INFORMATIVE:
        return Judged(measure=measure, outcome=Outcome.NOT_APPLICABLE, bound=measure.bound, note="shown, not judged")
    if problem := _against_recorded(measure, threshold):
        return Judged(
            measure=measure, outcome=Outcome.NOT_DETERMINED, bound=None, code=problem[0], note=sentence(problem[1])
        )
    return _against_limit(measure if threshold is None else _with_limit(measure, threshold))


def _with_limit(measure: Measure, threshold: Threshold) -> Measure:
    return replace(measure, limit=threshold.limit, sense=threshold.sense)


_Problem = tuple[str, str]
"""A literal code and a sentence."""


def _against_recorded(measure: Measure, threshold: Threshold | None) -> _Problem | None:
    """Why the recorded measure cannot be judged against today's threshold; None when it can."""
    if threshold is not None:
        return next(_differences(measure, threshold), None)
    if measure.kind is MeasureKind.GATE or measure.limit is None or measure.sense is None:
        return "no-limit", f"{measure.name} has no limit in force, and without one nothing passes"
    return None


def _differences(measure: Measure, threshold: Threshold) -> Iterator[_Problem]:
    """What keeps a record from being judged against today's limit, the most basic first."""
    name, limit, sense = measure.name, measure.limit, threshold.sense
    if not finite(threshold.limit, threshold.confidence):
        yield "no-limit", f"the limit of {name} is not a number"
    if limit is None or not math.isfinite(limit):
        yield "limit-set-after", f"the limit of {name} was set after it was measured"
        return
    if measure.sense is not sense:
        yield "limit-loosened", f"{name} was held to a limit on the other side when it was measured"
    if measure.unit and threshold.unit and measure.unit != threshold.unit:
        yield "unit-differs", f"{name} was measured in {measure.unit}, its limit is in {threshold.unit}"
    if looser(threshold.limit, limit, sense):
        change = " to ".join(told_apart(limit, threshold.limit, threshold.unit))
        yield "limit-loosened", f"the limit of {name} was loosened from {change} after it was measured"
    if measure.confidence is None:
        if not measure.lower == measure.value == measure.upper:
            yield "no-confidence", f"{name} has a bound without a stated confidence"
    elif not measure.confidence >= threshold.confidence - _SLACK:
        had, asked = told_apart(measure.confidence, threshold.confidence, "share")
        yield "confidence-too-low", f"{name} was bounded at {had} confidence, today asks {asked}"


def _against_limit(measure: Measure) -> Judged:
    """Clears the limit, misses it, or leaves it open."""
    at_least = measure.sense is Sense.AT_LEAST
    decides, against = (measure.lower, measure.upper) if at_least else (measure.upper, measure.lower)
    if problem := next(_unusable(measure, decides, against), None):
        return _open(measure, *problem)
    limit = measure.limit
    if limit is None:
        return _open(measure, "no-limit", f"{measure.name} has no limit in force")
    if _reaches(decides, limit, at_least=at_least):
        return Judged(measure=measure, outcome=Outcome.MET, bound=decides)
    if against is not None and math.isfinite(against) and not _reaches(against, limit, at_least=at_least):
        side = "below the minimum" if at_least else "above the maximum"
        value, shown = _against(measure, limit)
        return _missed(measure, f"{measure.name} is {value}, {side} of {shown}", against)
    return _open(measure, "insufficient", _uncertain(measure, decides, limit), decides)


def _against(measure: Measure, limit: float) -> tuple[str, str]:
    """The value and the limit in words that differ where they do."""
    if measure.value is None:
        return "unknown", number(limit, measure.unit)
    return told_apart(measure.value, limit, measure.unit)


def _uncertain(measure: Measure, decides: float | None, limit: float) -> str:
    """Why the bound leaves the limit open, in words."""
    at_least = measure.sense is Sense.AT_LEAST
    wanted = "at least" if at_least else "at most"
    value, shown = _against(measure, limit)
    if decides is None or not math.isfinite(decides):
        return f"{measure.name} is {value}, and too little is known to say that it is {wanted} {shown}"
    bound, shown = told_apart(decides, limit, measure.unit)
    reach = "low" if at_least else "high"
    return f"{measure.name} is {value} and may be as {reach} as {bound}: not certain to be {wanted} {shown}"


def _reaches(bound: float | None, limit: float, *, at_least: bool) -> bool:
    if bound is None or not math.isfinite(bound):
        return False
    return bound >= limit if at_least else bound <= limit


def _unusable(measure: Measure, decides: float | None, against: float | None) -> Iterator[_Problem]:
    """Why no comparison can be made."""
    if not finite(measure.limit):
        yield "no-limit", f"{measure.name} has no limit in force"
    if not finite(measure.value):
        yield "not-measured", f"{measure.name} has no finite value"
    if any(bound is not None and math.isnan(bound) for bound in (decides, against)):
        yield "not-measured", f"{measure.name} has a bound that is not a number"
    if measure.lower is not None and measure.upper is not None and measure.lower > measure.upper:
        yield "inconsistent", f"the bounds of {measure.name} contradict each other"


def _missed(measure: Measure, note: str, bound: float) -> Judged:
    if measure.kind is MeasureKind.VALIDITY:
        return _open(measure, "not-valid", f"the measurement cannot be trusted: {note}", bound)
    return Judged(measure=measure, outcome=Outcome.NOT_MET, bound=bound, code="limit-missed", note=sentence(note))


def _open(measure: Measure, code: str, note: str, bound: float | None = None) -> Judged:
    validity = measure.kind is MeasureKind.VALIDITY and code == "insufficient"
    return Judged(
        measure=measure,
        outcome=Outcome.NOT_DETERMINED,
        bound=bound,
        code="not-valid" if validity else code,
        note=sentence(note),
        needed=_needed(measure) if code in ("insufficient", "not-valid") else "",
    )


_SETTLED_BY: Final = {
    "labelled": "Label",
    "live rows": "Collect",
    "rows": "Label",
    "records": "Collect",
    "outputs": "Record",
    "drills": "Run",
    "users": "Teach",
}
"""What to do to have more of a unit, by a word in its name."""


def _needed(measure: Measure) -> str:
    """What would settle an open bound, in words; empty when unknown."""
    if measure.needed is None or measure.needed <= 0:
        return ""
    unit = measure.needed_unit or "rows"
    verb = next((verb for what, verb in _SETTLED_BY.items() if what in unit), "Measure")
    return f"{verb} {number(measure.needed)} more {unit.removeprefix('labelled ')}."


_STALE = frozenset({"limit-loosened", "limit-set-after", "confidence-too-low"})
"""Codes by which the whole record stops counting, so that only a new observation helps."""


def judge(observation: Observation, thresholds: Mapping[str, Threshold]) -> Judgement:
    """The observation against today's thresholds of its requirement, by measure name.

    A broken validity leaves everything open, because then the observation proves nothing; next a gap is NOT_MET; next
    whatever is open is NOT_DETERMINED; and an observation that neither gated nor proved anything establishes nothing.
    """
    judged = tuple(judge_measure(m, thresholds.get(m.name)) for m in observation.measures)
    outcome, code, reason = next(_verdicts(observation, judged))
    return Judgement(outcome=outcome, code=code, reason=reason, measures=judged)


def _verdicts(observation: Observation, judged: Sequence[Judged]) -> Iterator[tuple[Outcome, str, str]]:
    """What the observation comes to; the first one holds."""
    not_good = [j for j in judged if j.outcome in (Outcome.NOT_MET, Outcome.NOT_DETERMINED)]
    for j in not_good:
        if j.measure.kind is MeasureKind.VALIDITY or j.code in _STALE:
            yield Outcome.NOT_DETERMINED, j.code, j.note
    for finding in _weighing(observation.findings, Weight.GAP):
        yield Outcome.NOT_MET, finding.code, finding.summary
    for j in sorted(not_good, key=lambda j: j.outcome is not Outcome.NOT_MET):
        yield j.outcome, j.code, j.note
    for finding in _weighing(observation.findings, Weight.OPEN):
        yield Outcome.NOT_DETERMINED, finding.code, finding.summary
    if observation.proof <= 0 and not any(j.measure.kind is MeasureKind.GATE for j in judged):
        yield Outcome.NOT_DETERMINED, "empty", "Nothing was measured and nothing was proven."
    yield Outcome.MET, "", observation.done


def unmeasured(thresholds: Mapping[str, Threshold], observations: Sequence[Observation]) -> tuple[str, ...]:
    """The limits in force today that none of these observations measured, by name."""
    seen = {m.name for o in observations for m in o.measures if m.kind is not MeasureKind.INFORMATIVE}
    return tuple(sorted(set(thresholds) - seen))


def _weighing(findings: Sequence[Finding], weight: Weight) -> list[Finding]:
    return [finding for finding in findings if finding.weight is weight]
