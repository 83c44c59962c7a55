"""A `.env` file gives names their values; what is no such line is said, with its number and without its content."""

from __future__ import annotations

import pytest

from seatrial.spec.environment import load_environment
from seatrial.spec.problem import SpecErrors


def test_names_values_quotes_comments_and_export() -> None:
    text = b"# addresses\nA=1\n\nexport B = two words \nC='x y'\nD=\"a=b\"\nE=\n"
    assert load_environment(text, name=".env") == {"A": "1", "B": "two words", "C": "x y", "D": "a=b", "E": ""}


def test_every_other_line_is_an_error_that_shows_no_value() -> None:
    with pytest.raises(SpecErrors) as caught:
        load_environment(b"A=1\nhunter2\n1B=hunter3\n", name=".env")
    assert [p.line for p in caught.value.problems] == [2, 3]
    assert "hunter" not in str(caught.value)
