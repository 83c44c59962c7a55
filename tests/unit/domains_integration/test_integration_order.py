"""Where the order of records matters one that is overtaken is found; what cannot be told is taken for no order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from plants.pipeline_server import declared
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.order import InOrder, in_order
from seatrial.spec.integration import Order
from seatrial.spec.loading import load_system
from seatrial.spec.problem import SpecErrors
from seatrial.spec.system import System


def passed(
    arrived: Sequence[int],
    *,
    order: dict[str, str],
    heard: bool = False,
    took_s: float = 0.05,
    per: Sequence[str] = "AB",
    exit_fields: Any = None,
) -> InOrder:
    """Ten records a second; `arrived`: their numbers in the order in which they came out, a second after all."""
    (flow,) = System.model_validate(declared("http://127.0.0.1:1")).flows
    count = len(arrived)
    sent = [{"id": f"k{at}", "machine": per[at % len(per)]} for at in range(count)]
    fields = exit_fields or (lambda place, row: {"place": place})
    copies = {f"k{at}": [{"id": f"k{at}", **fields(place, sent[at])}] for place, at in enumerate(arrived)}
    passage = Passage(
        flow=flow,
        sent=sent,
        accepted=[True] * count,
        scheduled_s=[at / 10.0 for at in range(count)],
        after_s=[1.0 + arrived.index(at) * 0.1 - at / 10.0 for at in range(count)],
        copies=copies if heard else dict(sorted(copies.items())),
        lag_s=[0.0] * count,
        took_s=[took_s] * count,
        planned=count,
        step_s=0.1,
    )
    return in_order(passage, Order.model_validate(order), heard=heard)


STRAIGHT = list(range(20))
DELAYED = [*range(5), *range(6, 15), 5, *range(15, 20)]
"""The sixth record comes after nine that were put in later."""
SWAPPED = [1, 0, 3, 2, *range(4, 20)]
"""Neighbours, which are of two machines."""


@pytest.mark.parametrize("how", [{"order": {"by": "place"}}, {"order": {}, "heard": True}], ids=["by a field", "heard"])
def test_what_is_overtaken_is_found_and_an_order_that_is_kept_passes(how: Any) -> None:
    kept = passed(STRAIGHT, **how)
    assert (kept.overtaken, kept.untold, kept.compared) == (frozenset(), "", 19)
    assert passed(DELAYED, **how).overtaken == {5}
    assert passed(SWAPPED, **how).overtaken == {0, 2}


def test_only_records_of_the_same_thing_have_an_order_where_that_is_declared() -> None:
    order = {"by": "place", "per": "machine"}
    assert passed(SWAPPED, order=order).overtaken == frozenset()
    assert passed(DELAYED, order=order).overtaken == {5}
    assert "no place" in passed(STRAIGHT, order={"by": "place", "per": "place"}).untold


def test_what_is_under_way_at_the_same_time_may_come_out_either_way() -> None:
    assert passed(SWAPPED, order={"by": "place"}, took_s=0.15).overtaken == frozenset()
    apart = passed(STRAIGHT, order={"by": "place"}, took_s=60.0)
    assert (apart.compared, bool(apart.untold)) == (0, True)


def test_looking_again_and_again_finds_what_is_far_behind_and_establishes_no_order() -> None:
    assert passed(DELAYED, order={}).overtaken == {5}
    near = passed(SWAPPED, order={})
    assert near.overtaken == frozenset()
    assert "two looks" in near.untold


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (lambda place, row: {"place": place // 4}, "at one place"),
        (lambda place, row: {"place": "first" if place else None}, "no number or time"),
        (lambda place, row: {"place": place if place % 2 else f"2026-11-23T10:00:{place:02}Z"}, "no number or time"),
        (lambda place, row: {}, "no number or time"),
        (lambda place, row: {"machine": row["machine"]}, "what was sent"),
    ],
    ids=["too coarse", "a word", "numbers and times", "missing", "an echo"],
)
def test_a_field_that_tells_no_place_leaves_it_open(fields: Any, told: str) -> None:
    by = "machine" if told == "what was sent" else "place"
    found = passed(STRAIGHT, order={"by": by}, exit_fields=fields, per="12" if by == "machine" else "AB")
    assert told in found.untold


@pytest.mark.parametrize("spelled", ["{}", "2026-11-23T10:00:{:02}Z", "2026-11-23T10:00:{:02}"])
def test_places_are_numbers_or_times(spelled: str) -> None:
    kept = passed(STRAIGHT, order={"by": "place"}, exit_fields=lambda place, _: {"place": spelled.format(place)})
    assert (kept.overtaken, kept.untold) == (frozenset(), "")
    found = passed(DELAYED, order={"by": "place"}, exit_fields=lambda place, _: {"place": spelled.format(place)})
    assert found.overtaken == {5}


@pytest.mark.parametrize("by", ["id", "dock"])
def test_a_place_that_comes_from_the_entry_is_an_error_of_the_file(by: str) -> None:
    plain = declared("http://127.0.0.1:1")
    plain["flows"][0]["order"] = {"by": by}
    with pytest.raises(SpecErrors, match=r"flows\[0\]\.order\.by.*comes from the entry"):
        load_system(json.dumps(plain).encode(), name="seatrial.yaml", environment={})
