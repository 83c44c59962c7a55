"""Lines longer than a terminal go on under their own text, with every word."""

from __future__ import annotations

import pytest

from seatrial.present.hanging import hung

WORDS = "does the pipeline carry peak volume at a latency that keeps the output useful for those who wait"


@pytest.mark.parametrize(
    ("head", "under"),
    [
        ("  ✓ data.load                 ", 30),
        ("  unlabelled-rows    ", 21),
        ("    → ", 6),
        ("  ✗ ", 4),
        ("      ", 8),
        ("", 2),
    ],
)
def test_a_long_line_goes_on_under_its_own_text(head: str, under: int) -> None:
    first, *rest = hung(head + WORDS, 60)
    assert first.startswith(head)
    assert rest
    for line in rest:
        assert len(line) - len(line.lstrip()) == under
    assert max(map(len, (first, *rest))) <= 60
    assert " ".join([first[len(head) :].strip(), *(line.strip() for line in rest)]) == WORDS


def test_a_line_that_fits_stays_as_it_is() -> None:
    assert hung("  a  b", 60) == ["  a  b"]


def test_a_first_column_of_half_the_terminal_is_not_hung_under() -> None:
    _, *rest = hung("  " + "c" * 40 + "   " + WORDS, 60)
    assert {len(line) - len(line.lstrip()) for line in rest} == {4}


def test_an_address_stays_whole() -> None:
    address = "http://" + "a" * 90
    assert address in "".join(hung(f"  at {address} nobody answers", 60))
