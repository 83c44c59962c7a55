"""What people are reminded of before it is too late: promised days, evidence that runs out, a review that begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from seatrial.core.vocabulary import Outcome
from seatrial.core.wording import count, day, moment
from seatrial.gate.timeline import Promise
from seatrial.gate.verdict import Assessment, Verdict
from seatrial.spec.system import System

_BEFORE_DUE: Final = timedelta(days=3)
_BEFORE_REVIEW: Final = timedelta(days=7)
_LONGEST_BEFORE_END: Final = timedelta(days=14)
_LAST_PART: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """One thing that one person is told once; `key` names it for good."""

    key: str
    person: str
    text: str


def reminders(verdict: Verdict, system: System, promised: Mapping[str, Promise]) -> tuple[Reminder, ...]:
    """What is to be said at the time of the verdict; said already or not is the caller's to know.

    `verdict` is as planned (see `timeline.replanned`): its gaps have the owners and days that were promised. A
    person is told of a promise three days before and the day after, of evidence in the last quarter of its lease (at
    most two weeks), and of their open gaps a week before the review.
    """
    return (*_promises(verdict, promised), *_leases(verdict, system), *_review(verdict))


def _promises(verdict: Verdict, promised: Mapping[str, Promise]) -> list[Reminder]:
    today = verdict.timeline.today
    owners = {gap.requirement: gap.owner for gap in verdict.gaps}
    found = []
    for requirement, promise in promised.items():
        person = owners.get(requirement)
        if person is None or promise.due is None or promise.due - today > _BEFORE_DUE:
            continue
        late = promise.due < today
        said = "was promised for" if late else "is promised for"
        text = f"{requirement} {said} {day(promise.due)} and is still open."
        name = f"{'late' if late else 'due'} {requirement} {promise.due.isoformat()} {person}"
        found.append(Reminder(key=name, person=person, text=text))
    return found


def _leases(verdict: Verdict, system: System) -> list[Reminder]:
    found = []
    for assessment in verdict.requirements:
        until, observed = assessment.valid_until, assessment.observed_at
        if assessment.outcome is not Outcome.MET or until is None or observed is None:
            continue
        if until - verdict.decided_at > min(_LONGEST_BEFORE_END, _LAST_PART * (until - observed)):
            continue
        person = _renews(assessment, system)
        if person is not None:
            text = f"The evidence for {assessment.id} runs out on {moment(until)}: run it again."
            found.append(Reminder(key=f"lease {assessment.id} {until.isoformat()}", person=person, text=text))
    return found


def _renews(assessment: Assessment, system: System) -> str | None:
    return system.signers.get(assessment.reviewer) or system.owner.who


def _review(verdict: Verdict) -> list[Reminder]:
    dates = verdict.timeline
    if dates.planned_go_live is None or not timedelta(0) <= dates.review_from - dates.today <= _BEFORE_REVIEW:
        return []
    open_gaps: dict[str, list[str]] = {}
    for gap in verdict.gaps:
        if gap.owner is not None:
            open_gaps.setdefault(gap.owner, []).append(gap.requirement)
    return [
        Reminder(
            key=f"review {verdict.gate.value} {dates.review_from.isoformat()} {person}",
            person=person,
            text=f"The review begins on {day(dates.review_from)}; "
            f"{count(len(own), 'gap')} of yours {'is' if len(own) == 1 else 'are'} open.",
        )
        for person, own in open_gaps.items()
    ]
