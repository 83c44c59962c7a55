"""One take-offline rule, put to the outputs as they are and to outputs with the harm planted."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from seatrial.core.bodies import EventBody
from seatrial.core.check import Trial
from seatrial.core.errors import Malformed, SeatrialError
from seatrial.core.observation import Reason
from seatrial.core.vocabulary import Role
from seatrial.core.wording import percent
from seatrial.domains.scored.metrics import ROW_BY_ROW, MetricProblem, rows_of
from seatrial.domains.scored.outcomes import Outcomes, columns_of, outcomes_of
from seatrial.domains.scored.rows import read_rows, times_of
from seatrial.spec.governance import OfflineRule
from seatrial.spec.quantities import rate_per_s, share
from seatrial.spec.system import System

_MOST_ROWS = 20_000
_LEAST_LABELS = 100
_DAY_S = 86_400.0
_STEPS = 21
_CLASSED = ("binary", "multiclass")
_DRAWS = 5
_HALF = 0.5
_MOST_STUCK = 50
_LABELS = re.compile(r"(\d+)\s*\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provoked:
    """What a rule did, and the figures it saw, in words."""

    rule: OfflineRule
    fires: bool
    fires_on_health: bool
    before: str
    planted: str
    too_late: str = ""
    """What it lets pass although no use is left in the outputs; empty where it fires by then, or nobody can tell."""


def provoke(system: System, trial: Trial, rule: OfflineRule) -> Provoked:
    """Put the rule to health and to harm. Raises SeatrialError where what is declared does not let a program do so."""
    if rule.event is not None:
        return _event(system, rule)
    if rule.heartbeat is not None:
        return _heartbeat(rule, rule.heartbeat)
    if rule.freshness is not None:
        return _freshness(system, trial, rule)
    outcomes, days = _labelled(system, trial)
    if rule.metric is not None:
        return _metric(rule, _newest(outcomes, rule.over, trial.seed), trial.seed)
    return _category(rule, outcomes, days, trial.seed)


def fires_below(value: float, floor: float) -> bool:
    """The rule on a metric: it fires below its floor, and on a value that is no number."""
    return not value >= floor


def fires_above(value: float, ceiling: float) -> bool:
    """The rule on a frequency or an age: it fires above its ceiling, and on a value that is no number."""
    return not value <= ceiling


def fires_on(rule: OfflineRule, event: EventBody) -> bool:
    """The rule on a declared event: it fires on its own kind."""
    return rule.event is not None and event.kind.strip().lower() == rule.event.strip().lower()


def _event(system: System, rule: OfflineRule) -> Provoked:
    legal = system.signers.get(Role.LEGAL)
    if legal is None:
        raise Malformed(
            f"nobody is declared who may raise the event {rule.event}",
            remedy="Name the person of legal and compliance in signers.legal.",
        )
    raised = EventBody(kind=str(rule.event), summary="a drill in a test lane", revokes=True)
    other = EventBody(kind="release-note", summary="an event of another kind", revokes=False)
    return Provoked(
        rule=rule,
        fires=fires_on(rule, raised),
        fires_on_health=fires_on(rule, other),
        before="an event of another kind was raised in a test lane",
        planted=f"the event {raised.kind} was raised in a test lane, as {legal} may",
    )


def _heartbeat(rule: OfflineRule, longest_s: float) -> Provoked:
    silence_s = longest_s + 1.0
    return Provoked(
        rule=rule,
        fires=fires_above(silence_s, longest_s),
        fires_on_health=fires_above(0.0, longest_s),
        before="a prediction has just come",
        planted=f"no prediction for {silence_s:g} s",
    )


def _freshness(system: System, trial: Trial, rule: OfflineRule) -> Provoked:
    declared = next((f for f in system.data.freshness if f.source == rule.freshness), None)
    if declared is None or rule.older_than is None:
        raise Malformed(
            f"no freshness is declared for {rule.freshness}",
            remedy="Declare in data.freshness which field of its records is the time.",
        )
    records = trial.integration(declared.source).read(50)
    ages = [_age_s(record.get(declared.at), trial.clock.now()) for record in records]
    if not ages:
        raise Malformed(f"{declared.source} has no records", remedy="Bring the source up, and run the check again.")
    youngest = min(ages)
    stale = youngest + rule.older_than + 1.0
    return Provoked(
        rule=rule,
        fires=fires_above(stale, rule.older_than),
        fires_on_health=fires_above(youngest, rule.older_than),
        before=f"the newest record is {youngest / 3600:.3g} h old",
        planted=f"the same records {stale / 3600:.3g} h old",
    )


def _age_s(text: object, now: datetime) -> float:
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        raise Malformed(f"{text!r} is no time", remedy="Send times as ISO 8601 with their zone.") from None
    if when.tzinfo is None:
        raise Malformed(f"{text!r} has no time zone", remedy="Send times as ISO 8601 with their zone.")
    return (now - when.astimezone(UTC)).total_seconds()


def _labelled(system: System, trial: Trial) -> tuple[Outcomes, float | None]:
    columns = columns_of(system)
    rows = read_rows(trial.table("scored.evaluation"), columns, most=_MOST_ROWS, seed=trial.seed)
    outcomes = outcomes_of(system, rows)
    if isinstance(outcomes, Reason):
        raise SeatrialError(outcomes.summary, remedy=outcomes.remedy)
    source = system.data.evaluation
    if source is None or source.time is None or source.time not in rows.columns:
        return outcomes, None
    times = times_of(rows.columns[source.time])
    if times is None:
        return outcomes, None
    known = times[np.isfinite(times)]
    spread = float(known.max() - known.min()) if known.size else 0.0
    return outcomes, spread * (rows.total / max(1, rows.n)) if spread else None


def _newest(outcomes: Outcomes, over: str | None, seed: int) -> Outcomes:
    """As many labelled rows as the rule's window holds; all of them for a window in days."""
    match = _LABELS.fullmatch(over.strip()) if over else None
    wanted = int(match[1]) if match else outcomes.n
    if wanted < _LEAST_LABELS:
        raise Malformed(
            f"a window of {wanted} labels is too short to tell harm from chance",
            remedy=f"Let the rule look at {_LEAST_LABELS} labels or more.",
        )
    if outcomes.n < wanted:
        raise Malformed(
            f"the rule wants {wanted} labels, and {outcomes.n} are there",
            remedy="Label more rows, or shorten the window.",
        )
    chosen = np.random.default_rng(seed).permutation(outcomes.n)[:wanted]
    return outcomes.at(np.sort(chosen))


def _value(name: str, outcomes: Outcomes) -> float:
    try:
        rows = rows_of(name, outcomes)
    except MetricProblem as error:
        raise Malformed(str(error), remedy="Use a metric of the reference page, on labels that are declared.") from None
    if rows.scale not in ROW_BY_ROW:
        raise Malformed(
            f"{name} is no mean over rows, so that the watch could not tell after launch when the rule must fire",
            remedy="Use one that is: recall, precision, f1, accuracy, error, or an error with its cap.",
        )
    return rows.value


def _harmed(outcomes: Outcomes, part: float, seed: int) -> Outcomes:
    """The same rows with a part of the right answers turned wrong."""
    chosen = np.random.default_rng(seed).random(outcomes.n) < part
    if outcomes.task == "regression":
        far = outcomes.predicted + 10.0 * (np.ptp(outcomes.truth) + 1.0)
        return replace(outcomes, predicted=np.where(chosen, far, outcomes.predicted))
    classes = max(2, len(outcomes.classes))
    wrong = (outcomes.truth + 1) % classes
    score = outcomes.score
    if outcomes.task == "binary":
        score = np.where(chosen, np.where(outcomes.truth == outcomes.positive, 0.0, 1.0), score)
    return replace(outcomes, predicted=np.where(chosen, wrong, outcomes.predicted), score=score)


def _metric(rule: OfflineRule, outcomes: Outcomes, seed: int) -> Provoked:
    name, floor = str(rule.metric), rule.below
    if floor is None:
        raise Malformed(f"the rule on {name} has no floor", remedy="Declare `below`.")
    health = _value(name, outcomes)
    harm, part = health, 0.0
    for part in np.linspace(0.0, 1.0, _STEPS):
        harm = _value(name, _harmed(outcomes, float(part), seed))
        if fires_below(harm, floor):
            break
    return Provoked(
        rule=rule,
        fires=fires_below(harm, floor),
        fires_on_health=fires_below(health, floor),
        before=f"{name} is {health:.3f} on {outcomes.n} labels",
        planted=f"{name} is {harm:.3f} with {percent(part)} of the answers turned wrong",
        too_late=_useless(name, outcomes, floor, seed),
    )


def _useless(name: str, outcomes: Outcomes, floor: float, seed: int) -> str:
    """In words, where the metric of answers that were dealt out to other rows is not below the floor."""
    if outcomes.task not in _CLASSED or outcomes.ranks is not None:
        return ""
    dealt = float(np.median([_value(name, _dealt_out(outcomes, seed + draw)) for draw in range(_DRAWS)]))
    return "" if fires_below(dealt, floor) else f"{name} is {dealt:.3f} when every row gets another row's answer"


def _dealt_out(outcomes: Outcomes, seed: int) -> Outcomes:
    """The same answers, each for another row: what a model gives whose inputs are mixed up."""
    order = np.random.default_rng(seed).permutation(outcomes.n)
    score = None if outcomes.score is None else outcomes.score[order]
    return replace(outcomes, predicted=outcomes.predicted[order], score=score, answered=outcomes.answered[order])


def _stuck(outcomes: Outcomes, at: int, seed: int) -> Outcomes:
    """Half of the answers are the same class, whatever the row is."""
    chosen = np.random.default_rng(seed).random(outcomes.n) < _HALF
    score = outcomes.score
    if score is not None and outcomes.task == "binary":
        score = np.where(chosen, 1.0 if at == outcomes.positive else 0.0, score)
    return replace(outcomes, predicted=np.where(chosen, float(at), outcomes.predicted), score=score)


def _category(rule: OfflineRule, outcomes: Outcomes, days_s: float | None, seed: int) -> Provoked:
    name = str(rule.category)
    harmed = _harmed(outcomes, 1.0, seed)
    try:
        ceiling, per_day = float(str(share(rule.above))), False
    except ValueError:
        ceiling, per_day = float(str(rate_per_s(rule.above))) * _DAY_S, True
    if per_day and not days_s:
        raise Malformed(
            f"{rule.above} needs times, and the evaluation data declares no time column",
            remedy="Declare data.evaluation.time, or write the limit as a share.",
        )
    health, harm = (_frequency(name, each, days_s if per_day else None) for each in (outcomes, harmed))
    lost = [_frequency(name, each, days_s if per_day else None) for each in _lost(outcomes, seed)]
    unit = "a day" if per_day else "of its rows"
    return Provoked(
        rule=rule,
        fires=fires_above(harm, ceiling),
        fires_on_health=fires_above(health, ceiling),
        before=f"{name} is {health:.3g} {unit}",
        planted=f"{name} is {harm:.3g} {unit} with every answer turned wrong",
        too_late=""
        if any(fires_above(each, ceiling) for each in lost) or not lost
        else f"{name} is {max(lost):.3g} {unit} "
        "when half of the answers are the same whatever the row, or every row gets another row's",
    )


def _lost(outcomes: Outcomes, seed: int) -> list[Outcomes]:
    """Outputs without any use left, in the ways in which that comes about; none where answers are no classes."""
    if outcomes.task not in _CLASSED or outcomes.ranks is not None:
        return []
    stuck = [_stuck(outcomes, at, seed) for at in range(min(len(outcomes.classes), _MOST_STUCK))]
    return [_dealt_out(outcomes, seed), *stuck]


def _frequency(name: str, outcomes: Outcomes, seconds: float | None) -> float:
    value = _value(name, outcomes)
    if seconds is None:
        return value
    return value * float(np.count_nonzero(rows_of(name, outcomes).used)) / (seconds / _DAY_S)
