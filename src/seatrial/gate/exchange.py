"""A model that was exchanged since GO: which parts of the subject moved, and how it fares against the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from seatrial.core.bodies import ObservationBody
from seatrial.core.observation import Measure, Observation
from seatrial.core.record import Evidence
from seatrial.core.records import Records
from seatrial.core.vocabulary import MeasureKind, RecordType, Sense
from seatrial.core.wording import count, day, number
from seatrial.gate.binding import SIGN_OFF_RESTS_ON, moved, resolved
from seatrial.gate.inputs import Inputs
from seatrial.gate.retraining import MODEL, History, Request, history
from seatrial.gate.standing import speaks
from seatrial.spec.system import System

_PERFORMANCE: Final = "model.threshold"
_WEAK: Final = "model.failure-modes"
_CONFIRMED: Final = ("unanswered-failure-mode", "answered-failure-mode", "small-failure-mode")
_MOST_SHOWN: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One model against another. `before` and `after` are the governed metrics by name, with their bounds.

    `fixed` and `new` are confirmed weak conditions of the one model alone; both are empty until both were searched.
    `rests_on` are the records from which it is told.
    """

    moved: tuple[str, ...]
    before: Mapping[str, Measure]
    after: Mapping[str, Measure]
    fixed: tuple[str, ...]
    new: tuple[str, ...]
    searched: bool
    """Whether both models were searched for weak conditions."""
    rests_on: tuple[str, ...]


def compared(
    evidence: Records,
    system: System,
    before: Mapping[str, str],
    after: Mapping[str, str],
    until: datetime | None = None,
) -> Exchange | None:
    """The model in the parts `after` against that in `before`, by what was observed `until` then.

    None where either is unknown or both are the same.
    """
    first, second = before.get(MODEL), after.get(MODEL)
    if first is None or second is None or first == second:
        return None
    patterns = {pattern for named in SIGN_OFF_RESTS_ON.values() for pattern in resolved(named, system)}
    asked = [(model, requirement) for model in (first, second) for requirement in (_PERFORMANCE, _WEAK)]
    seen = {key: found for key in asked if (found := _observed(evidence, key, until)) is not None}
    weak = {model: _conditions(seen[model, _WEAK][1]) for model in (first, second) if (model, _WEAK) in seen}
    searched = len(weak) == 2
    return Exchange(
        moved=moved(before, patterns if len(before) > 1 else (MODEL,), after),
        before=_governed(seen.get((first, _PERFORMANCE))),
        after=_governed(seen.get((second, _PERFORMANCE))),
        fixed=tuple(sorted(weak[first] - weak[second])) if searched else (),
        new=tuple(sorted(weak[second] - weak[first])) if searched else (),
        searched=searched,
        rests_on=tuple(sorted(digest for digest, _ in seen.values())),
    )


def _observed(evidence: Records, of: tuple[str, str], until: datetime | None) -> tuple[str, Observation] | None:
    """What a worker observed last of a model for a requirement, and in which record."""
    for each in reversed(evidence.by(_model_and_requirement, _sequence).get(of, ())):
        body = None if until is not None and each.record.at > until else evidence.body(each, ObservationBody)
        if body is not None and body.observation is not None:
            return each.digest, body.observation
    return None


def _model_and_requirement(evidence: Evidence) -> tuple[str, str] | None:
    record = evidence.record
    if record.type is not RecordType.OBSERVATION or evidence.problem or MODEL not in record.depends:
        return None
    return (record.depends[MODEL], str(record.body.get("requirement"))) if speaks(evidence) == "worker" else None


def _sequence(evidence: Evidence) -> int:
    return evidence.sequence


def _governed(found: tuple[str, Observation] | None) -> dict[str, Measure]:
    if found is None:
        return {}
    return {m.name: m for m in found[1].measures if m.kind is MeasureKind.GATE and m.sense is not None}


def _conditions(observation: Observation) -> set[str]:
    return {str(f.detail.get("when")) for f in observation.findings if f.code in _CONFIRMED and f.detail.get("when")}


def compared_text(found: Exchange) -> Iterator[str]:
    """The same in sentences."""
    shown = ", ".join(found.moved[:_MOST_SHOWN])
    more = f" and {len(found.moved) - _MOST_SHOWN} more" if len(found.moved) > _MOST_SHOWN else ""
    yield f"What moved since GO: {shown}{more}."
    for name in dict.fromkeys([*found.before, *found.after]):
        yield f"{name}: {_measured(found.before.get(name))} before, {_measured(found.after.get(name))} now."
    if found.searched:
        yield f"Weak conditions that are gone: {_listed(found.fixed)}; that are new: {_listed(found.new)}."


def _measured(measure: Measure | None) -> str:
    if measure is None:
        return "not measured"
    side = "at least" if measure.sense is Sense.AT_LEAST else "at most"
    bound = "no bound" if measure.bound is None else f"certainly {side} {number(measure.bound, measure.unit)}"
    return f"{number(measure.value, measure.unit)} ({bound})"


def _listed(conditions: tuple[str, ...]) -> str:
    return "; ".join(conditions) or "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """What the verdict of now has to say of retraining: sentences, and the records from which they are told."""

    notes: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()


def retraining(inputs: Inputs) -> Retraining:
    """For a model that is not the one that GO was given for: who approved that, and how it fares; and who must answer.

    It changes no outcome: what the new model must show, the requirements ask of it anyway.
    """
    told = history(inputs.evidence, inputs.system, inputs.now)
    notes = [*_waiting(told, inputs)]
    found = compared(inputs.evidence, inputs.system, told.signed, inputs.subject.parts, inputs.now)
    if found is None or told.go_at is None:
        return Retraining(notes=tuple(notes))
    return Retraining(notes=(_entered(told, told.go_at, found, inputs), *notes), rests_on=found.rests_on)


def _waiting(told: History, inputs: Inputs) -> Iterator[str]:
    for request in told.requests[-1:]:
        if request.state == "open":
            who = inputs.person_name(inputs.system.duties.retraining.who if inputs.system.duties.retraining else None)
            yield (
                f"Retraining was asked for on {day(request.opened_at.date())} ({alarms_of(request)}) and waits "
                f"for {who}: seatrial retraining show {request.id}."
            )


def _entered(told: History, go_at: datetime, found: Exchange, inputs: Inputs) -> str:
    """An approval counts for the exchange that it came before: given since that GO."""
    last = told.requests[-1] if told.requests else None
    said = f"Another model than the one that GO was given for on {day(go_at.date())}"
    if last is not None and last.state == "approved" and last.reply is not None:
        by = inputs.person_name(last.reply.by)
        said = f"Re-entered with another model, as {by} approved on {day(last.reply.at.date())} ({last.id})."
    elif last is not None and last.state == "declined" and last.reply is not None and last.reply.at >= go_at:
        said += f", although {inputs.person_name(last.reply.by)} declined retraining: {last.reply.because}."
    else:
        said += ", exchanged without an approved retraining request."
    return " ".join([said, *compared_text(found)])


def alarms_of(request: Request) -> str:
    """What speaks for a request, in a few words."""
    first = str(request.alarms[0].get("summary", ""))
    others = len(request.alarms) - 1
    return f"{first}; {count(others, 'alarm')} more" if others else first
