"""Labelling by several people: whose turn it is, how far they agree, what stands, and files from elsewhere."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from seatrial.app.labels.label_answers import Answers, Scale, options_problem, read_scale
from seatrial.app.labels.label_round import (
    Given,
    agreement,
    counted,
    next_row,
    open_rows,
    read_sheet,
    second_share,
    settled,
    sheet,
)


def _said(*given: tuple[int, str, str]) -> list[Given]:
    return [Given(row=row, rater=rater, value=value) for row, rater, value in given]


def test_each_row_is_labelled_once_and_the_second_share_twice_by_two_people() -> None:
    second = second_share(40, 0.25)
    assert len(second) == 10
    given: list[Given] = []
    while (row := next_row(40, second, given, "uma")) is not None:
        given += _said((row, "uma", "late"))
    assert [each.row for each in given] == list(range(40)), "in the order of the draw, and none of them twice by her"
    while (row := next_row(40, second, given, "vera")) is not None:
        given += _said((row, "vera", "late"))
    assert [each.row for each in given[40:]] == list(second)
    assert next_row(40, second, given, "wim") is None


def test_kappa_is_the_published_one_and_its_interval_holds_it() -> None:
    cells = [("yes", "yes", 20), ("yes", "no", 5), ("no", "yes", 10), ("no", "no", 15)]
    pairs = [(first, other) for first, other, count in cells for _ in range(count)]
    given = _said(*((n, "uma", pair[0]) for n, pair in enumerate(pairs)))
    given += _said(*((n, "vera", pair[1]) for n, pair in enumerate(pairs)))
    found = agreement(range(50), given, Answers())
    assert (found.rows, found.agreed, len(found.differing)) == (50, 35, 15)
    assert found.kappa is not None
    assert found.kappa.value == pytest.approx(0.4)
    assert found.kappa.lower < 0.2
    assert found.kappa.upper > 0.6


def test_rows_outside_of_the_second_share_say_nothing_of_agreement() -> None:
    given = _said((0, "uma", "yes"), (0, "vera", "no"), (1, "uma", "yes"), (1, "vera", "yes"))
    assert agreement([1], given, Answers()).rows == 1
    assert agreement([1], given, Answers()).kappa is None


def test_what_two_say_differently_stands_only_once_it_is_decided() -> None:
    given = _said((0, "uma", "yes"), (0, "vera", "no"), (1, "uma", "yes"), (2, "uma", ""), (3, "uma", "no"))
    assert settled(given, Answers()) == {1: "yes", 3: "no"}
    assert open_rows([0], given, Answers()) == (0, 2)
    assert open_rows([0, 2], given, Answers()) == (0,), (
        "who labels row 2 second is not told that the first could not tell"
    )
    decided = [*given, Given(row=0, rater="olga", value="no", decides=True)]
    assert settled(decided, Answers())[0] == "no"
    assert open_rows([0], decided, Answers()) == (2,)
    assert (counted(4, settled(given, Answers())), counted(4, settled(decided, Answers())), counted(1, {0: "no"})) == (
        0,
        2,
        1,
    )


@pytest.mark.parametrize("options", [[], ["one"], ["a", "a"], [str(n) for n in range(10)], ["a" * 101, "b"]])
def test_answers_that_nobody_can_choose_from_are_refused(options: list[str]) -> None:
    assert options_problem(options)
    assert not options_problem(["late", "on time"])


def _rows() -> list[dict[str, Any]]:
    return [
        {"wind": 12, "note": "=1+1", "label": "", "score": 0.9},
        {"wind": 70, "note": "-", "label": "", "score": 0.1},
    ]


def test_a_sheet_shows_no_answer_of_the_model_and_comes_back() -> None:
    content = sheet(_rows(), "label", {1: "late"}, frozenset({"label", "score"}))
    lines = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert lines[0] == {"row": "1", "wind": "12", "note": "'=1+1", "label": ""}
    filled = content.replace(b"'=1+1,", b"'=1+1,on time")
    assert read_sheet(filled, "label", 2, Answers(options=("late", "on time"))).labels == {0: "on time", 1: "late"}
    semicolons = b"row;label\n2;late\n"
    assert read_sheet(semicolons, "label", 2, Answers(options=("late", "on time"))).labels == {1: "late"}


def test_every_bad_line_of_a_sheet_is_told_at_once() -> None:
    bad = b"row,label\n1,late\n3,late\n2,maybe\n1,late\nx,late\n2\n2,on time,more\n"
    found = read_sheet(bad, "label", 2, Answers(options=("late", "on time")))
    assert [line for line, _ in found.problems] == [3, 4, 5, 6, 7, 8]
    assert "maybe" in found.problems[1][1]
    assert [what for _, what in read_sheet(b"a,b\n", "label", 2, Answers()).problems] == [
        "there is no column row",
        "there is no column label",
    ]


DELAY = Answers(scale=Scale(unit="min", low=0, high=240, tolerance=0.2))


def test_numbers_within_the_tolerance_say_the_same_and_the_first_stands() -> None:
    given = _said((0, "uma", "12.1"), (0, "vera", "12.3"), (1, "uma", "12"), (1, "vera", "12.3"), (2, "uma", "7"))
    assert settled(given, DELAY) == {0: "12.1", 2: "7"}, "0.2 apart is no further apart than 0.2, in decimals"
    assert open_rows([0, 1], given, DELAY) == (1,)
    found = agreement([0, 1], given, DELAY)
    assert (found.rows, found.agreed, found.differing, found.kappa) == (2, 1, (1,), None)
    assert found.within is not None
    assert found.within.lower < 0.5 < found.within.upper
    assert found.apart == pytest.approx(0.25)
    decided = [*given, Given(row=1, rater="olga", value="12.3", decides=True)]
    assert settled(decided, DELAY)[1] == "12.3"


def test_somebody_who_reads_seconds_for_minutes_is_seen_in_the_difference() -> None:
    wide = Answers(scale=Scale(unit="min", low=0, high=20_000, tolerance=5))
    given = [each for n in range(20) for each in _said((n, "uma", str(n + 30)), (n, "vera", str(60 * (n + 30))))]
    found = agreement(range(20), given, wide)
    assert found.agreed == 0
    assert found.apart is not None
    assert found.apart > 1000
    assert settled(given, wide) == {}
    steady = [each for n in range(20) for each in _said((n, "uma", str(n + 30)), (n, "vera", str(n + 30 + n % 3)))]
    harmless = agreement(range(20), steady, wide)
    assert (harmless.agreed, len(settled(steady, wide))) == (20, 20)
    assert harmless.within is not None
    assert harmless.within.lower > 0.8


def test_cannot_tell_is_no_number_and_no_average_holds_it() -> None:
    given = _said((0, "uma", "12"), (0, "vera", ""), (1, "uma", ""), (1, "vera", ""))
    found = agreement([0, 1], given, DELAY)
    assert (found.agreed, found.apart) == (1, None)
    assert settled(given, DELAY) == {}
    assert open_rows([0, 1], given, DELAY) == (0, 1)


@pytest.mark.parametrize("said", ["", "12,5", "1e3", "nan", "inf", "-0.1", "240.1", "12 min", "\u0661\u0662x", "0x10"])
def test_what_is_no_number_of_the_range_is_no_answer(said: str) -> None:
    assert DELAY.problem(said)


def test_a_number_has_one_spelling_in_the_data() -> None:
    spelt = ["12.50", "012.5", "240", "0", "-0", "0.000"]
    assert not any(DELAY.problem(each) for each in spelt)
    assert [DELAY.plain(each) for each in spelt] == ["12.5", "12.5", "240", "0", "0", "0"]


def test_numbers_come_back_in_a_file_and_what_lies_outside_is_told_by_its_line() -> None:
    assert read_sheet(b"row,delay\n1,12.50\n2,\n", "delay", 2, DELAY).labels == {0: "12.5"}
    bad = read_sheet(b"row,delay\n1,7200\n2,soon\n", "delay", 2, DELAY)
    assert [line for line, _ in bad.problems] == [2, 3]
    assert "0 to 240 min" in bad.problems[0][1]


def test_a_scale_that_tells_nothing_apart_is_refused_by_its_fields() -> None:
    good = {"unit": "min", "low": "0", "high": "240", "tolerance": "5"}
    assert read_scale(good) == (Scale(unit="min", low=0.0, high=240.0, tolerance=5.0), {})
    for wrong, at in (
        ({"unit": ""}, "unit"),
        ({"low": "many"}, "low"),
        ({"high": "0"}, "high"),
        ({"tolerance": "240"}, "tolerance"),
        ({"tolerance": "-1"}, "tolerance"),
    ):
        scale, problems = read_scale(good | wrong)
        assert (scale, list(problems)) == (None, [at])
