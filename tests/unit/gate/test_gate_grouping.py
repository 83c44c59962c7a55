"""Gaps put together for reading, and the dates that follow from what people promised."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from plants.go_world import World, bad, go_world, system
from seatrial.core.vocabulary import Answer
from seatrial.gate.catalogue import by_id
from seatrial.gate.grouping import By, grouped, shortened
from seatrial.gate.timeline import Promise, replanned
from seatrial.gate.verdict import Verdict


def nothing_run() -> Verdict:
    return World().decided()


def test_what_was_never_run_is_one_line_and_nothing_is_lost_or_doubled() -> None:
    verdict = nothing_run()
    groups = grouped(verdict.gaps, By.CAUSE)
    assert sum(len(group.gaps) for group in groups) == len(verdict.gaps)
    never = next(group for group in groups if group.key == "not-run")
    assert len(never.requirements) > 20
    assert never.remedies == ("Run them for what stands now: seatrial run FILE",)
    assert len(groups) < len(verdict.gaps) / 3
    assert {gap for group in groups for gap in group.gaps} == set(verdict.gaps)


def test_findings_with_remedies_of_their_own_stay_apart_and_those_that_one_remedy_closes_are_one() -> None:
    broken = go_world().instead("data.load", bad(by_id("data.load"))).instead("data.faults", bad(by_id("data.faults")))
    first, second = broken.decided().gaps[:2]
    assert len(grouped((first, second), By.CAUSE)) == 1, "the same remedy"
    assert len(grouped((first, replace(second, remedy="Another.")), By.CAUSE)) == 2
    (one,) = grouped((first, second), By.CAUSE)
    assert "and 1 more that the same closes" in one.title


@pytest.mark.parametrize("by", By)
def test_a_group_tells_who_and_when(by: By) -> None:
    gaps = nothing_run().gaps
    for group in grouped(gaps, by):
        assert group.due == max(gap.due for gap in group.gaps)
        assert set(group.owners) == {gap.owner_name for gap in group.gaps}
    if by is By.OWNER:
        assert {group.key for group in grouped(gaps, by)} == {gap.owner or "" for gap in gaps}


def test_names_are_shortened() -> None:
    assert shortened(["a", "b"]) == "a, b"
    assert shortened("abcde") == "a, b, c and 2 more"


def test_a_promise_moves_what_waits_for_it_and_the_earliest_go_live_and_closes_nothing() -> None:
    verdict = nothing_run()
    waiting = next(gap for gap in verdict.gaps if gap.requirement == "organization.training")
    first = waiting.after[0]
    late = verdict.timeline.gaps_closed + timedelta(days=90)
    planned = replanned(verdict, system(), {first: Promise(owner="sven", due=late)})
    moved = {gap.requirement: gap for gap in planned.gaps}
    assert (moved[first].due, moved[first].owner) == (late, "sven")
    assert moved[waiting.requirement].starts > late, "what waits for it begins afterwards"
    assert planned.timeline.earliest_go_live > verdict.timeline.earliest_go_live + timedelta(days=60)
    assert (planned.verdict, len(planned.gaps)) == (Answer.NO_GO, len(verdict.gaps))
    assert planned.requirements == verdict.requirements


def test_a_promise_that_cannot_be_is_not_believed() -> None:
    verdict = nothing_run()
    passed = replanned(verdict, system(), {g.requirement: Promise(due=date(2020, 1, 1)) for g in verdict.gaps})
    assert all(gap.due >= gap.starts >= verdict.timeline.today for gap in passed.gaps)
    stranger = replanned(verdict, system(), {"data.load": Promise(owner="nobody at all")})
    assert [g.owner for g in stranger.gaps] == [g.owner for g in verdict.gaps]


def test_without_gaps_the_dates_stay_those_of_the_review() -> None:
    verdict = go_world().decided()
    assert replanned(verdict, system(), {"data.load": Promise(due=date(2030, 1, 1))}) == verdict
