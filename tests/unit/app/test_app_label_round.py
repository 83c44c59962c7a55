"""Labelling by several people: whose turn it is, how far they agree, what stands, and files from elsewhere."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from seatrial.app.label_round import (
    Given,
    agreement,
    counted,
    next_row,
    open_rows,
    options_problem,
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
    found = agreement(range(50), given)
    assert (found.rows, found.agreed, len(found.differing)) == (50, 35, 15)
    assert found.kappa is not None
    assert found.kappa.value == pytest.approx(0.4)
    assert found.kappa.lower < 0.2
    assert found.kappa.upper > 0.6


def test_rows_outside_of_the_second_share_say_nothing_of_agreement() -> None:
    given = _said((0, "uma", "yes"), (0, "vera", "no"), (1, "uma", "yes"), (1, "vera", "yes"))
    assert agreement([1], given).rows == 1
    assert agreement([1], given).kappa is None


def test_what_two_say_differently_stands_only_once_it_is_decided() -> None:
    given = _said((0, "uma", "yes"), (0, "vera", "no"), (1, "uma", "yes"), (2, "uma", ""), (3, "uma", "no"))
    assert settled(given) == {1: "yes", 3: "no"}
    assert open_rows([0], given) == (0, 2)
    assert open_rows([0, 2], given) == (0,), "who labels row 2 second is not told that the first could not tell"
    decided = [*given, Given(row=0, rater="olga", value="no", decides=True)]
    assert settled(decided)[0] == "no"
    assert open_rows([0], decided) == (2,)
    assert (counted(4, settled(given)), counted(4, settled(decided)), counted(1, {0: "no"})) == (0, 2, 1)


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
    assert read_sheet(filled, "label", 2, ["late", "on time"]).labels == {0: "on time", 1: "late"}
    semicolons = b"row;label\n2;late\n"
    assert read_sheet(semicolons, "label", 2, ["late", "on time"]).labels == {1: "late"}


def test_every_bad_line_of_a_sheet_is_told_at_once() -> None:
    bad = b"row,label\n1,late\n3,late\n2,maybe\n1,late\nx,late\n2\n2,on time,more\n"
    found = read_sheet(bad, "label", 2, ["late", "on time"])
    assert [line for line, _ in found.problems] == [3, 4, 5, 6, 7, 8]
    assert "maybe" in found.problems[1][1]
    assert [what for _, what in read_sheet(b"a,b\n", "label", 2, []).problems] == [
        "there is no column row",
        "there is no column label",
    ]
