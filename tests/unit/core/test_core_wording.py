import pytest

from seatrial.core.wording import number, percent, sentence, span, told_apart


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0826, "82.6 ms"), (0.9999, "1 s"), (2.03, "2.03 s"), (7200, "2 h"), (12_233, "3.4 h"), (90 * 86_400, "90 d")],
)
def test_a_span_stands_in_its_largest_fitting_unit(seconds: float, words: str) -> None:
    assert span(seconds) == number(seconds, "s") == words


def test_shares_read_as_percentages_and_only_all_is_100_percent() -> None:
    assert [percent(s) for s in (0.3161, 0.0005, 1.0, 0.99996, 0.0)] == ["31.6 %", "0.05 %", "100 %", "99.996 %", "0 %"]


def test_other_numbers_have_their_unit_and_thousands_apart() -> None:
    assert number(40_000, "rows") == "40\N{NARROW NO-BREAK SPACE}000 rows"
    assert number(12, "/h") == "12/h"
    assert [number(v) for v in (None, float("nan"), float("inf"))] == ["not measured", "not a number", "unbounded"]


def test_a_value_and_its_limit_never_read_as_equal_when_they_are_not() -> None:
    assert told_apart(0.79996, 0.8, "share") == ("79.996 %", "80 %")
    assert told_apart(0.8, 0.8, "share") == ("80 %", "80 %")


def test_a_sentence_begins_with_a_capital_but_leaves_the_names_of_fields_alone() -> None:
    assert sentence("the ledger does not verify") == "The ledger does not verify."
    assert sentence("temp looks like °C.", ["weather.temp"]) == "temp looks like °C."
