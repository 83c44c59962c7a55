"""What one check of a run leaves for a later one."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from seatrial.app.running.handing_on import HandingOn


def test_what_was_left_is_found_with_who_left_it_and_its_digest(tmp_path: Path) -> None:
    digest = HandingOn(tmp_path).put("what weather does", "data.interruption", {"n": 3, "names": ["ä"]})
    found = HandingOn(tmp_path).get("what weather does")
    assert found is not None
    assert (found.check, found.digest, found.content) == ("data.interruption", digest, {"n": 3, "names": ["ä"]})


def test_nothing_is_found_that_was_not_left(tmp_path: Path) -> None:
    HandingOn(tmp_path).put("one", "a.b", {})
    assert HandingOn(tmp_path).get("two") is None
    assert HandingOn(tmp_path / "elsewhere").get("one") is None


def test_who_comes_second_replaces_what_the_first_one_left(tmp_path: Path) -> None:
    first = HandingOn(tmp_path).put("one", "a.b", {"n": 1})
    second = HandingOn(tmp_path).put("one", "a.c", {"n": 2})
    found = HandingOn(tmp_path).get("one")
    assert found is not None
    assert (found.check, found.digest) == ("a.c", second)
    assert first != second


def test_what_is_no_number_is_not_left(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        HandingOn(tmp_path).put("one", "a.b", {"n": math.nan})
    assert HandingOn(tmp_path).get("one") is None
