"""Relations between fields: read, never evaluated, and neither kept nor broken where something is missing."""

from __future__ import annotations

import pytest

from seatrial.spec.conditions import ConditionError
from seatrial.spec.relations import parse_relation


@pytest.mark.parametrize(
    ("text", "row", "kept"),
    [
        ("arrives >= leaves", {"arrives": 9, "leaves": 8}, True),
        ("arrives >= leaves", {"arrives": 7, "leaves": 8}, False),
        ("arrives >= leaves", {"arrives": None, "leaves": 8}, None),
        ("arrives >= leaves", {"arrives": "9", "leaves": 8}, None),
        ("gross == net + tare", {"gross": 0.3, "net": 0.1, "tare": 0.2}, True),
        ("0 <= `wind speed` < 2 * limit", {"wind speed": 3, "limit": 2}, True),
        ("not (a > b) or c == 1", {"a": 2, "b": 1, "c": 1}, True),
        ("a > b and c == 1", {"a": None, "b": 1, "c": 2}, False),
        ("origin != dest", {"origin": "EWR", "dest": "JFK"}, True),
        ("a - -b > 0", {"a": 1, "b": 1}, True),
        ("quantity % pack == 0", {"quantity": 24, "pack": 12}, True),
        ("quantity % pack == 0", {"quantity": 0, "pack": 12}, True),
        ("quantity % pack == 0", {"quantity": 25, "pack": 12}, False),
        ("quantity % pack == 0", {"quantity": 0.3, "pack": 0.1}, True),
        ("quantity % pack == 0", {"quantity": 24, "pack": 0}, None),
        ("quantity % pack == 0", {"quantity": 24, "pack": "12"}, None),
    ],
)
def test_a_relation_holds_as_written(text: str, row: dict[str, object], kept: bool | None) -> None:
    assert parse_relation(text).holds(row) is kept


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", "compares nothing"),
        ("1 < 2", "names no field"),
        ("a > __import__('os').system('x')", "does not have"),
        ("a > b[0]", "does not have"),
        ("a ** b > 1", "does not have"),
        ("a >", "cannot be read"),
        ("a > " + " + ".join(["b"] * 300), "too long"),
        ("a" * 3000, "characters"),
    ],
)
def test_what_the_language_does_not_have_is_said(text: str, said: str) -> None:
    with pytest.raises(ConditionError, match=said):
        parse_relation(text)


def test_a_field_alone_on_the_left_of_an_equality_follows() -> None:
    relation = parse_relation("gross == net + tare")
    assert relation.follower == "gross"
    assert relation.followed({"net": 1, "tare": 2}) == 3.0
    assert relation.followed({"net": 1}) is None
    assert parse_relation("gross == 3").follower is None
    assert parse_relation("gross == gross + tare").follower is None
    assert parse_relation("net + tare == gross").follower is None
