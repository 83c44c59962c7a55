"""Whether flows go on with their own answers while each place is disturbed: what was made up arrives in time too.

A record is put down to the last disturbance that had begun when it was seen, also where that was over: a breaker that
stays open answers on. Contents whose answer went away while nothing was disturbed, although it had been the usual one
since the last disturbance, move by themselves, and nothing is put down to a disturbance then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from seatrial.core.disturbing import LineMode
from seatrial.core.observation import Finding, Json
from seatrial.core.vocabulary import Weight
from seatrial.domains.flows import same_answers
from seatrial.domains.flows.disturbed import Turn
from seatrial.domains.flows.disturbing import Period
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.same_answers import (
    SHOWN,
    Held,
    answers_of,
    came_back,
    held,
    otherwise_undeclared,
    undeclared_finding,
    varies,
)
from seatrial.domains.flows.undisturbed import Undisturbed
from seatrial.spec.integration import Flow
from seatrial.spec.system import System

_WHY = "Nobody can tell an answer for which something was made up from one that is meant."
CODES = {
    **same_answers.CODES,
    "answered-otherwise": "While an integration was disturbed a flow handed over other answers as if they were usual.",
    "answered-from-corrupt": "Answers came out otherwise while the integration's own answers were corrupted.",
    "answers-vary": "The same contents are answered otherwise also while nothing is disturbed.",
    "answers-moved-on": "Answers went away from what they were as an integration was disturbed, and did not come back.",
    "answers-not-compared": "No answer of a flow could be held against the usual ones.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """The flows driven once: when they began, in seconds on one clock, what was disturbed meanwhile, what came out."""

    began_s: float
    turns: Sequence[Turn]
    passages: Mapping[str, Passage]


@dataclass(slots=True, kw_only=True)
class Answers:
    """The answers of one flow around the disturbances of one place: how many were compared, and which were others.

    `other` and `moved` hold our own keys by the period to which they are put down: of contents that were answered as
    before again, and of others. `varied`: the same contents are answered otherwise with nothing disturbed, too.
    `alike` are the fields that look like answers, where none are declared.
    """

    flow: str
    varied: bool = False
    alike: tuple[str, ...] = ()
    compared: int = 0
    other: dict[str, list[str]] = field(default_factory=dict)
    moved: dict[str, list[str]] = field(default_factory=dict)
    fields: tuple[str, ...] = ()

    @property
    def made_up(self) -> list[str]:
        """The periods in which answers were others for which nothing that the place said can be the reason."""
        return [period for period in self.other if period != LineMode.CORRUPT.value]

    def told(self) -> Json:
        """As a fact of the evidence."""
        return {
            "compared": self.compared,
            "otherwise": {period: len(keys) for period, keys in self.other.items()},
            "did not come back": {period: len(keys) for period, keys in self.moved.items()},
        }


@dataclass(frozen=True, slots=True)
class _Placed:
    """A record and the disturbance to which it is put down, all on one clock; None before the first."""

    record: Held
    turn: Turn | None
    period: Period | None


def away(before: Undisturbed, drives: Sequence[Drive]) -> bool:
    """Whether some contents of this flow were not answered as before again since they were answered otherwise."""
    _, moved = came_back([each.record for each in _placed(before, drives, _fields(before, drives))])
    return bool(moved)


def answers_meanwhile(before: Undisturbed, drives: Sequence[Drive]) -> Mapping[str, Answers]:
    """For each place, by its name, the answers of this flow around its disturbances, or what looks like some.

    Nothing where the flow declares none, and nothing looks like one.
    """
    flow = before.flow
    fields = _fields(before, drives)
    if not fields:
        return {}
    placed = _placed(before, drives, fields)
    varied = bool(flow.answers) and (varies(before) or _moves_by_itself(placed))
    alike = () if flow.answers else fields
    found = {turn.name: Answers(flow=flow.name, varied=varied, alike=alike) for drive in drives for turn in drive.turns}
    judged, _ = came_back([each.record for each in placed])
    back = {each.key for each in judged}
    for each in placed:
        if each.turn is None or each.period is None:
            continue
        answers, record = found[each.turn.name], each.record
        answers.compared += record.key in back
        if record.differing:
            kept = answers.other if record.key in back else answers.moved
            kept.setdefault(each.period.name, []).append(record.key)
            answers.fields = tuple(dict.fromkeys((*answers.fields, *record.differing)))
    return found


def _fields(before: Undisturbed, drives: Sequence[Drive]) -> tuple[str, ...]:
    """What is compared. What moves by itself is no answer where nobody says that it is one."""
    fields = answers_of(before)
    if before.flow.answers:
        return fields
    return tuple(name for name in fields if not _moves_by_itself(_placed(before, drives, (name,))))


def _placed(before: Undisturbed, drives: Sequence[Drive], fields: Sequence[str]) -> list[_Placed]:
    """All records whose `fields` can be compared, in the order they were due, with what they are put down to."""
    found, begun = list[_Placed](), list[tuple[Turn, Period]]()
    for drive in drives:
        of_drive = [(turn, _since(period, drive.began_s)) for turn in drive.turns for period in turn.periods]
        begun += sorted(of_drive, key=lambda pair: pair[1].starts_s)
        passage = drive.passages.get(before.flow.name)
        for each in held(before, passage, fields) if passage is not None else ():
            record = replace(each, due_s=drive.began_s + each.due_s, seen_s=drive.began_s + each.seen_s)
            started = [pair for pair in begun if pair[1].starts_s <= record.seen_s]
            found.append(_Placed(record, *(started[-1] if started else (None, None))))
    return found


def _since(period: Period, began_s: float) -> Period:
    return replace(period, starts_s=began_s + period.starts_s, ends_s=began_s + period.ends_s)


def _moves_by_itself(placed: Sequence[_Placed]) -> bool:
    """Whether some contents were answered as before after a disturbance was over, and otherwise before the next one."""
    quiet: dict[str, Period | None] = {}
    """Contents to the disturbance since whose end they were answered as before."""
    for each in placed:
        what = each.record.contents
        if each.record.differing:
            if what in quiet and quiet[what] == each.period:
                return True
        elif each.period is None or each.record.due_s > each.period.ends_s:
            quiet[what] = each.period
    return False


def findings_of_answers(system: System, names: Sequence[str], place: str, answers: Answers) -> Iterator[Finding]:
    """All that is to be said of the answers of one flow while one place was disturbed."""
    flow = next(flow for flow in system.flows if flow.name == answers.flow)
    fields = (f"flows.{flow.name}.answers", *(f"integrations.{name}" for name in names))
    if answers.varied:
        return
    if answers.alike:
        yield from _looks_otherwise(flow, place, answers, fields[1:])
        return
    if made_up := answers.made_up:
        yield _answered_otherwise(flow, place, answers, made_up, fields)
    elif answers.other:
        yield _from_corrupt(flow, place, answers, fields)
    elif answers.moved:
        yield Finding(
            code="answers-moved-on",
            summary=f"As {place} was {' and '.join(answers.moved)}, {_count(answers.moved)} records of {flow.name} "
            "came out otherwise than the same contents before, and none of these contents was answered as before "
            "again.",
            weight=Weight.OPEN,
            fields=fields,
            why=_WHY,
            remedy=f"Look whether {place} itself moved on meanwhile: then let it stand still during the test. Else "
            "find out why the pipeline goes on with what it made up.",
        )
    elif not answers.compared:
        yield Finding(
            code="answers-not-compared",
            summary=f"No answer of {flow.name} around the disturbances of {place} could be held against what the same "
            "contents were answered before.",
            weight=Weight.OPEN,
            fields=fields,
            why=_WHY,
            remedy=f"Let the policy's outage_duration be so long that some contents pass {flow.name} twice in it, and "
            f"see that the fields in flows.{flow.name}.answers are at its exit.",
        )


def flow_findings(flows: Sequence[Flow], by_place: Mapping[str, Sequence[Answers]]) -> Iterator[Finding]:
    """What is to be said of the answers of a flow once, whatever was disturbed."""
    for flow in flows:
        if not flow.answers:
            alike = [each.alike for of in by_place.values() for each in of if each.flow == flow.name]
            yield undeclared_finding(flow, next(iter(alike), ()))
        elif any(each.varied for of in by_place.values() for each in of if each.flow == flow.name):
            yield Finding(
                code="answers-vary",
                summary=f"{flow.name}: the same contents are answered now so, now otherwise, also while nothing is "
                "disturbed, so that nobody can tell what is made up while something is.",
                weight=Weight.OPEN,
                fields=(f"flows.{flow.name}.answers",),
                why=_WHY,
                remedy="Let what feeds the model stand still during the test, and the model answer the same for the "
                "same contents, such as with a fixed seed; or name in `answers` of "
                f"{flow.name} only what does not vary.",
            )


def _answered_otherwise(
    flow: Flow, place: str, answers: Answers, periods: Sequence[str], fields: tuple[str, ...]
) -> Finding:
    keys = [key for period in periods for key in answers.other[period]]
    return Finding(
        code="answered-otherwise",
        summary=f"As {place} was {' and '.join(periods)}, {len(keys)} of {answers.compared} records of {flow.name} "
        f"came out with another {', '.join(answers.fields)} than the same contents before and afterwards, such as "
        f"{', '.join(keys[-SHOWN:])}.",
        fields=fields,
        why=_WHY,
        remedy=f"Let the pipeline keep what it cannot ask {place} for, or answer by a fallback that says so, and "
        f"declare in flows.{flow.name}.fallback what tells it.",
        detail={"compared": answers.compared, "other": len(keys)},
    )


def _looks_otherwise(flow: Flow, place: str, answers: Answers, places: Sequence[str]) -> Iterator[Finding]:
    """Where nobody declares which fields are answers: whether what looks like some came out otherwise."""
    periods = dict.fromkeys((*answers.other, *answers.moved))
    keys = [key for period in periods for kept in (answers.other, answers.moved) for key in kept.get(period, ())]
    if keys:
        yield otherwise_undeclared(
            flow,
            when=f"As {place} was {' and '.join(periods)}",
            other=len(keys),
            fields=answers.fields,
            shown=keys[-SHOWN:],
            places=places,
        )


def _from_corrupt(flow: Flow, place: str, answers: Answers, fields: tuple[str, ...]) -> Finding:
    count = _count(answers.other)
    return Finding(
        code="answered-from-corrupt",
        summary=f"As the answers of {place} were corrupted, {count} of {answers.compared} records of {flow.name} came "
        f"out with another {', '.join(answers.fields)} than the same contents before and afterwards: from a "
        "corrupted value, or from one that was made up in its place.",
        weight=Weight.OPEN,
        fields=fields,
        why=_WHY,
        remedy=f"Let the connection to {place} be one on which a changed bit is noticed, such as TLS, let what arrives "
        "be checked before it is used, and let no value be filled in for what cannot be read.",
        detail={"compared": answers.compared, "other": count},
    )


def _count(keys: Mapping[str, Sequence[str]]) -> int:
    return sum(len(each) for each in keys.values())
