"""From gaps to dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from plants.go_world import World, bad, go_world, system
from seatrial.core.vocabulary import Outcome
from seatrial.gate.catalogue import PRODUCTION_READINESS, by_id
from seatrial.gate.gaps import in_order
from seatrial.gate.timeline import last_working_day, scheduled, timeline, working_day
from seatrial.gate.verdict import Gap

FRIDAY = date(2026, 11, 20)
MONDAY = date(2026, 11, 23)


def gap(requirement: str, effort: float, *after: str) -> Gap:
    return Gap(
        requirement=requirement,
        code="c",
        summary="s",
        why="w",
        remedy="r",
        owner=None,
        owner_name="nobody declared",
        effort_days=effort,
        starts=MONDAY,
        due=MONDAY,
        outcome=Outcome.NOT_MET,
        after=after,
    )


@pytest.mark.parametrize("weekend", [date(2026, 11, 21), date(2026, 11, 22)])
def test_work_begins_on_a_working_day(weekend: date) -> None:
    assert working_day(weekend) == MONDAY
    assert working_day(FRIDAY) == FRIDAY


@pytest.mark.parametrize(
    ("effort", "done"), [(0.5, FRIDAY), (1, FRIDAY), (1.5, MONDAY), (2, MONDAY), (6, date(2026, 11, 27))]
)
def test_effort_counts_working_days_only(effort: float, done: date) -> None:
    assert last_working_day(FRIDAY, effort) == done


def test_what_waits_starts_on_the_working_day_after_what_it_waits_for() -> None:
    later, first, free = scheduled((gap("b", 2, "a", "met already"), gap("a", 1), gap("c", 3)), FRIDAY)
    assert (first.starts, first.due) == (FRIDAY, FRIDAY)
    assert (later.starts, later.due) == (MONDAY, date(2026, 11, 24))
    assert free.starts == FRIDAY


def test_two_gaps_of_one_requirement_share_its_effort_and_a_circle_ends() -> None:
    one, two = scheduled((gap("a", 3, "b"), gap("a", 3, "b")), MONDAY)
    assert one.due == two.due == date(2026, 11, 25)
    circle = scheduled((gap("a", 1, "b"), gap("b", 1, "a"), gap("s", 1, "s")), MONDAY)
    assert all(g.due >= g.starts for g in circle)


def test_the_planned_go_live_holds_when_gaps_and_review_fit_before_it() -> None:
    dates = timeline(scheduled((gap("a", 5),), MONDAY), today=MONDAY, planned=date(2027, 1, 11), window_days=(28, 42))
    assert dates.gaps_closed == date(2026, 11, 27)
    assert dates.earliest_go_live == date(2026, 12, 25)
    assert dates.planned_holds
    assert (dates.review_from, dates.review_to) == (date(2026, 11, 30), date(2026, 12, 14))
    assert "11 January 2027 holds" in dates.sentence


def test_a_planned_go_live_nearer_than_the_review_window_does_not_hold() -> None:
    dates = timeline((), today=MONDAY, planned=date(2026, 12, 1), window_days=(28, 42))
    assert not dates.planned_holds
    assert dates.earliest_go_live == date(2026, 12, 21)
    assert "21 December 2026 is the earliest" in dates.sentence


def test_without_a_plan_the_earliest_go_live_is_told() -> None:
    dates = timeline((), today=MONDAY, planned=None, window_days=(28, 42))
    assert not dates.planned_holds
    assert dates.sentence.startswith("No go-live is planned")


def test_after_the_review_go_live_counts_from_the_last_signature() -> None:
    dates = go_world().decided().timeline
    assert dates.earliest_go_live == date(2026, 12, 20)
    past = replace(go_world(), system=system(go_live="2026-12-01")).decided().timeline
    assert not past.planned_holds


def test_every_gap_of_an_empty_ledger_has_a_remedy_a_reason_an_owner_and_dates_in_order() -> None:
    verdict = World().decided()
    due = {g.requirement: g.due for g in verdict.gaps}
    starts = {g.requirement: g.starts for g in verdict.gaps}
    for found in verdict.gaps:
        assert found.remedy
        assert found.why
        assert found.owner in system().people
        assert found.starts <= found.due
    for requirement in PRODUCTION_READINESS:
        assert all(starts[requirement.id] > due[before] for before in requirement.after)
    assert verdict.timeline.gaps_closed == max(due.values())


def test_a_gap_costs_what_the_catalogue_expects() -> None:
    (found,) = go_world().instead("data.load", bad(by_id("data.load"))).decided().gaps
    assert found.effort_days == by_id("data.load").effort_days


def test_no_day_is_promised_while_a_requirement_has_no_check() -> None:
    dated = scheduled((gap("a", 5), replace(gap("b", 30), code="no-check")), MONDAY)
    for planned in (date(2027, 1, 11), date(2026, 12, 1), None):
        dates = timeline(dated, today=MONDAY, planned=planned, window_days=(28, 42))
        assert not dates.planned_holds
        assert dates.gaps_closed == date(2026, 11, 27)
        assert dates.earliest_go_live == date(2026, 12, 25)
        assert "1 requirement has no check in this version, so no day can be promised" in dates.sentence


def test_what_nobody_can_close_yet_comes_after_what_somebody_can() -> None:
    gaps = (replace(gap("data.interruption", 1), code="no-check"), gap("governance.rollback", 1))
    assert [g.requirement for g in in_order(gaps, PRODUCTION_READINESS)] == ["governance.rollback", "data.interruption"]
