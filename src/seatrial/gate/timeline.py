"""From gaps to dates: who starts what when, in which order, and the earliest go-live that follows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from seatrial.gate.codes import NO_CHECK
from seatrial.gate.gates import GATES
from seatrial.gate.verdict import Gap, Timeline, Verdict
from seatrial.spec.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What people said of a requirement's gaps: who closes them, and by which day; None leaves the gate's own."""

    owner: str | None = None
    due: date | None = None


def working_day(day: date) -> date:
    """The day itself, or the Monday after a weekend."""
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() >= 5 else day


def last_working_day(start: date, effort_days: float) -> date:
    """The working day on which an effort that starts on `start` is done; any effort takes at least a part of a day."""
    day = working_day(start)
    for _ in range(max(0, math.ceil(effort_days) - 1)):
        day = working_day(day + timedelta(days=1))
    return day


def scheduled(gaps: Sequence[Gap], today: date, *, promised: Mapping[str, date] | None = None) -> tuple[Gap, ...]:
    """The gaps with start and due date, in the order given.

    `promised` is the day by which somebody said that a requirement's gaps are closed, in place of what its effort says.

    Work on different requirements runs side by side; a requirement whose `after` has gaps waits for them. All gaps of
    one requirement share its effort. Only working days count.
    """
    effort: dict[str, float] = {}
    waits: dict[str, set[str]] = {}
    for gap in gaps:
        effort[gap.requirement] = max(effort.get(gap.requirement, 0.0), gap.effort_days)
        waits.setdefault(gap.requirement, set()).update(gap.after)
    due: dict[str, tuple[date, date]] = {}
    for requirement in effort:
        _place(requirement, effort, waits, due, (), today, promised or {})
    return tuple(replace(gap, starts=due[gap.requirement][0], due=due[gap.requirement][1]) for gap in gaps)


def _place(
    requirement: str,
    effort: Mapping[str, float],
    waits: Mapping[str, Iterable[str]],
    due: dict[str, tuple[date, date]],
    waiting: tuple[str, ...],
    today: date,
    promised: Mapping[str, date],
) -> date:
    """The due date of a requirement, after everything that it waits for; a circle is cut where it closes."""
    if requirement not in due:
        before = [r for r in waits[requirement] if r in effort and r != requirement and r not in waiting]
        ready = [_place(r, effort, waits, due, (*waiting, requirement), today, promised) for r in before]
        start = working_day(max(ready) + timedelta(days=1) if ready else today)
        own = promised.get(requirement)
        # A promise that has passed, or that comes before what it waits for, is no day on which it is done.
        ends = last_working_day(start, effort[requirement]) if own is None else max(own, start)
        due[requirement] = (start, ends)
    return due[requirement][1]


def timeline(
    gaps: Sequence[Gap],
    *,
    today: date,
    planned: date | None,
    window_days: tuple[int, int],
    reviewed: date | None = None,
    event: str = "go-live",
    not_before: date | None = None,
) -> Timeline:
    """The dates that follow from scheduled gaps and the review window (nearest, farthest day before go-live).

    `reviewed` is the day of the last signature when nothing is open: the review has then stood on that day. While no
    check of this version establishes a requirement, no planned day holds, and the earliest go-live is a lower bound.
    `event` is what the gate opens the way to, in words; `not_before` a day before which it cannot be at all.
    """
    nearest, farthest = min(window_days), max(window_days)
    closed = max((gap.due for gap in gaps if gap.code != NO_CHECK), default=today)
    review = reviewed if reviewed is not None and not gaps else closed
    possible = max(review + timedelta(days=nearest), not_before or date.min)
    fits = planned is not None and planned >= possible
    unchecked = len({gap.requirement for gap in gaps if gap.code == NO_CHECK})
    earliest = max(possible, today)
    target = planned if fits and planned is not None else earliest
    window = target - timedelta(days=farthest), target - timedelta(days=nearest)
    return Timeline(
        today=today,
        planned_go_live=planned,
        gaps_closed=closed,
        review_from=window[0],
        review_to=window[1],
        earliest_go_live=earliest,
        planned_holds=fits and not unchecked,
        sentence=_unchecked(
            planned, earliest, unchecked, fits=fits, others=any(g.code != NO_CHECK for g in gaps), event=event
        )
        if unchecked
        else _sentence(planned, earliest, closed, holds=fits, open_gaps=len(gaps), nearest=nearest, event=event),
    )


def replanned(verdict: Verdict, system: System, told: Mapping[str, Promise]) -> Verdict:
    """The verdict with its gaps at the owners and days that people named, and the dates that follow at once.

    `told` is by requirement. No outcome changes: a promise closes nothing.
    """
    promised = {requirement: each.due for requirement, each in told.items() if each.due is not None}
    named = []
    for gap in verdict.gaps:
        owner = told.get(gap.requirement, Promise()).owner
        person = None if owner is None else system.people.get(owner)
        named.append(gap if person is None else replace(gap, owner=owner, owner_name=person.name))
    dated = scheduled(named, verdict.timeline.today, promised=promised)
    gate = GATES[verdict.gate]
    dates = timeline(
        dated,
        today=verdict.timeline.today,
        planned=gate.planned(system),
        window_days=gate.review_window(system.policy),
        event=gate.event,
        not_before=gate.earliest(system),
    )
    return replace(verdict, gaps=dated, timeline=dates) if dated else verdict


def _unchecked(planned: date | None, earliest: date, unchecked: int, *, fits: bool, others: bool, event: str) -> str:
    """No date is promised for what nobody can close yet."""
    which = "requirement has" if unchecked == 1 else "requirements have"
    reason = f"{unchecked} {which} no check in this version, so no day can be promised"
    if planned is None:
        return f"No {event} is planned: {reason}; it is not before {spoken(earliest)}."
    if fits and others:
        return f"The planned {event} on {spoken(planned)} leaves time for the other gaps, but {reason}."
    if fits:
        return f"The planned {event} on {spoken(planned)} cannot be confirmed: {reason}."
    return (
        f"The planned {event} on {spoken(planned)} does not hold: by the work on the gaps and the review after it, it "
        f"is not before {spoken(earliest)}, and {reason}."
    )


def _sentence(
    planned: date | None, earliest: date, closed: date, *, holds: bool, open_gaps: int, nearest: int, event: str
) -> str:
    work = f"the gaps can be closed by {spoken(closed)}" if open_gaps else "no gap is open"
    if planned is None:
        return f"No {event} is planned: {work}, and the earliest {event} is {spoken(earliest)}."
    if holds:
        return f"The planned {event} on {spoken(planned)} holds: {work}, in time for the review before it."
    return (
        f"The planned {event} on {spoken(planned)} does not hold: {work}, the review stands at least {nearest} days "
        f"before {event}, so {spoken(earliest)} is the earliest."
    )


def spoken(day: date) -> str:
    """A date as people write it, such as 11 January 2027."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
