"""Whether answers that went away while something was disturbed are put down to what they are, on computed times."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from plants.fed_pipeline import declared
from seatrial.core.disturbing import LineMode
from seatrial.core.observation import Finding
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.flows.answers_meanwhile import (
    Answers,
    Drive,
    answers_meanwhile,
    away,
    findings_of_answers,
    flow_findings,
)
from seatrial.domains.flows.disturbed import Turn
from seatrial.domains.flows.disturbing import planned
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.same_answers import answers_of
from seatrial.domains.flows.undisturbed import Undisturbed
from seatrial.spec.system import System

USUAL = 0.2
PERIODS = planned(
    [("slow", LineMode.SLOW, 2.0), ("refusing", LineMode.REFUSED, 2.0), ("corrupt", LineMode.CORRUPT, 2.0)],
    rest_s=2.0,
    from_s=2.0,
)
"""Slow from 2 to 4, refusing from 6 to 8, corrupt from 10 to 12."""
TURN = Turn(names=("weather",), periods=PERIODS)


def system(**flow: object) -> System:
    given = {"answers": {"risk": "score"}, "fallback": {"source": "schedule"}, **flow}
    return System.model_validate(declared("http://127.0.0.1:1", "http://127.0.0.1:2", 1, flow=given))


def passage(answers: Sequence[tuple[float, float]], *, marked: Sequence[float] = ()) -> Passage:
    """Records of one contents, each with when it was due and its answer; those due at `marked` say they fell back."""
    sent: list[Row] = [{"id": f"k{at}-{due}", "dock": "A"} for at, (due, _) in enumerate(answers)]
    copies = {
        str(row["id"]): [{**row, "risk": risk, **({"source": "schedule"} if due in marked else {})}]
        for row, (due, risk) in zip(sent, answers, strict=True)
    }
    n = len(sent)
    return Passage(
        flow=system().flows[0],
        sent=sent,
        accepted=[True] * n,
        scheduled_s=[due for due, _ in answers],
        after_s=[0.1] * n,
        copies=copies,
        lag_s=[0.0] * n,
        planned=n,
        step_s=0.1,
    )


def before(*answers: float) -> Undisturbed:
    undisturbed = SimpleNamespace(
        flow=system().flows[0], passage=passage([(float(at), risk) for at, risk in enumerate(answers)])
    )
    return cast("Undisturbed", undisturbed)


def each_half_second(other: Sequence[tuple[float, float]], *, until_s: float = 14.0) -> list[tuple[float, float]]:
    """A record every half second, answered otherwise while it is due in one of these times."""
    times = [at / 2.0 + 0.25 for at in range(int(until_s * 2))]
    return [(due, 0.9 if any(a <= due < b for a, b in other) else USUAL) for due in times]


def told(drives: Sequence[Drive], usual: Sequence[float] = (USUAL, USUAL)) -> tuple[Answers, list[Finding]]:
    answers = answers_meanwhile(before(*usual), drives)["weather"]
    found = [
        *findings_of_answers(system(), ["weather"], "weather", answers),
        *flow_findings(system().flows, {"weather": [answers]}),
    ]
    return answers, found


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ([], []),
        ([(6.0, 8.0)], [("answered-otherwise", Weight.GAP)]),
        ([(6.0, 9.0)], [("answered-otherwise", Weight.GAP)]),
        ([(2.0, 4.0), (10.0, 12.0)], [("answered-otherwise", Weight.GAP)]),
        ([(10.0, 12.0)], [("answered-from-corrupt", Weight.OPEN)]),
        ([(6.0, 99.0)], [("answers-moved-on", Weight.OPEN)]),
        ([(8.9, 9.4)], [("answers-vary", Weight.OPEN)]),
        ([(0.6, 1.4), (6.0, 8.0)], [("answers-vary", Weight.OPEN)]),
        ([(8.9, 99.0)], [("answers-vary", Weight.OPEN)]),
    ],
    ids=[
        "the same",
        "made up while it refuses",
        "made up until a breaker closes",
        "made up while slow and corrupt",
        "only while corrupt",
        "away for good",
        "moves with time while nothing is disturbed",
        "moves with time, now and then while something is disturbed",
        "the source moved on while nothing was disturbed",
    ],
)
def test_answers_that_went_away_are_put_down_to_what_they_are(
    other: Sequence[tuple[float, float]], expected: Sequence[tuple[str, Weight]]
) -> None:
    drive = Drive(began_s=100.0, turns=[TURN], passages={"warn": passage(each_half_second(other))})
    _, found = told([drive])
    assert [(f.code, f.weight) for f in found] == expected


def test_answers_of_the_fallback_are_not_compared() -> None:
    records = each_half_second([(6.0, 8.0)])
    marked = [due for due, risk in records if risk != USUAL]
    drive = Drive(began_s=0.0, turns=[TURN], passages={"warn": passage(records, marked=marked)})
    answers, found = told([drive])
    assert (found, answers.other) == ([], {})
    assert answers.compared > 0


def test_what_varies_before_anything_is_disturbed_is_open_and_compared_with_nothing() -> None:
    drive = Drive(began_s=0.0, turns=[TURN], passages={"warn": passage(each_half_second([(6.0, 8.0)]))})
    answers, found = told([drive], usual=(USUAL, 0.5))
    assert [(f.code, f.weight) for f in found] == [("answers-vary", Weight.OPEN)]
    assert answers.compared == 0


@pytest.mark.parametrize("usual", [(), (USUAL,)], ids=["nothing came out before", "no contents was seen twice"])
def test_answers_that_nobody_could_compare_are_open(usual: Sequence[float]) -> None:
    drive = Drive(began_s=0.0, turns=[TURN], passages={"warn": passage(each_half_second([(6.0, 8.0)]))})
    _, found = told([drive], usual=usual)
    assert [(f.code, f.weight) for f in found] == [("answers-not-compared", Weight.OPEN)]


def test_what_comes_back_while_the_flow_is_driven_on_was_made_up() -> None:
    first = Drive(began_s=0.0, turns=[TURN], passages={"warn": passage(each_half_second([(6.0, 99.0)]))})
    assert away(before(USUAL, USUAL), [first])
    later = Drive(began_s=20.0, turns=(), passages={"warn": passage([(0.5, 0.9), (1.5, USUAL)])})
    assert not away(before(USUAL, USUAL), [first, later])
    answers, found = told([first, later])
    assert [(f.code, f.weight) for f in found] == [("answered-otherwise", Weight.GAP)]
    assert answers.moved == {}


def of_many(answers: Sequence[tuple[float, float]], *, fields: Sequence[str] = ("risk",), contents: int = 4) -> Passage:
    """The same answers for each of some contents, which differ by their number; each record has a time of its own."""
    flow = system(answers={}).flows[0]
    sent: list[Row] = []
    copies: dict[str, list[Row]] = {}
    for at, (due, risk) in enumerate(answers):
        for number in range(contents):
            row: Row = {"id": f"k{at}-{number}-{due}", "dock": f"D{number}"}
            sent.append(row)
            own = dict.fromkeys(fields, risk + number)
            copies[str(row["id"])] = [{**row, **own, "at": due + number, "version": 3}]
    n = len(sent)
    due_s = [due for due, _ in answers for _ in range(contents)]
    return Passage(
        flow=flow,
        sent=sent,
        accepted=[True] * n,
        scheduled_s=due_s,
        after_s=[0.1] * n,
        copies=copies,
        lag_s=[0.0] * n,
        planned=n,
        step_s=0.1,
    )


def quiet(*risks: float, fields: Sequence[str] = ("risk",), contents: int = 4) -> Undisturbed:
    passage = of_many([(float(at), risk) for at, risk in enumerate(risks)], fields=fields, contents=contents)
    return cast("Undisturbed", SimpleNamespace(flow=passage.flow, passage=passage))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ([], []),
        ([(6.0, 8.0)], ["came-out-otherwise"]),
        ([(6.0, 99.0)], ["came-out-otherwise"]),
        ([(10.0, 12.0)], ["came-out-otherwise"]),
        ([(8.9, 9.4)], []),
    ],
    ids=["the same", "made up while it refuses", "away for good", "only while corrupt", "moves by itself"],
)
def test_what_looks_like_an_answer_is_compared_where_nobody_declares_one(
    other: Sequence[tuple[float, float]], expected: Sequence[str]
) -> None:
    drive = Drive(began_s=0.0, turns=[TURN], passages={"warn": of_many(each_half_second(other))})
    answers = answers_meanwhile(quiet(USUAL, USUAL), [drive])
    flows = system(answers={}).flows
    by_place = {place: [each] for place, each in answers.items()}
    found = [
        *(f for place, each in answers.items() for f in findings_of_answers(system(answers={}), [place], place, each)),
        *flow_findings(flows, by_place),
    ]
    assert [f.code for f in found] == [*expected, "answers-undeclared"]
    assert [f.weight for f in found][:-1] == [Weight.OPEN] * len(expected)
    assert all("risk" in f.summary and "at," not in f.summary for f in found[:-1])


@pytest.mark.parametrize(
    ("undisturbed", "alike"),
    [
        (quiet(USUAL, USUAL), ("risk",)),
        (quiet(USUAL), ()),
        (quiet(USUAL, 0.5), ()),
        (quiet(USUAL, USUAL, contents=2), ()),
        (quiet(USUAL, USUAL, fields=("risk", "late")), ("risk", "late")),
    ],
    ids=["steady", "seen once", "varies", "of few contents", "two fields"],
)
def test_an_answer_is_the_same_for_the_same_contents_and_differs_between_them(
    undisturbed: Undisturbed, alike: Sequence[str]
) -> None:
    # The dock goes through as it came, and the time is another one each time; the version is one for all.
    assert [name for name in answers_of(undisturbed) if name != "dock"] == list(alike)


def test_what_another_place_did_is_put_down_to_that_one() -> None:
    periods = planned([("cut", LineMode.CUT, 2.0)], rest_s=2.0, from_s=14.0)
    turns = [TURN, Turn(names=("tides", "moon"), periods=periods, starts_s=13.0)]
    drive = Drive(began_s=0.0, turns=turns, passages={"warn": passage(each_half_second([(14.0, 16.0)], until_s=20.0))})
    found = answers_meanwhile(before(USUAL, USUAL), [drive])
    assert (found["weather"].other, list(found["tides and moon"].other)) == ({}, ["cut"])


def test_a_flow_without_declared_answers_says_so() -> None:
    found = list(flow_findings(system(answers={}).flows, {}))
    assert [(f.code, f.weight) for f in found] == [("answers-undeclared", Weight.NOTE)]
