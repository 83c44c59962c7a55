"""Records are looked for until all are there, and no longer than they may take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plants.planted_trial import PlantedTrial
from seatrial.core.ports import Row
from seatrial.domains.flows.looking import seen_within


class Exit:
    """Shows each record from a look of its own on; what it was asked is counted."""

    def __init__(self, from_look: Mapping[str, int]) -> None:
        self.from_look = from_look
        self.looks = 0

    def observe(self, key: str, wanted: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        self.looks += 1
        return {name: [{key: name}] for name in wanted if self.from_look.get(name, 10**9) <= self.looks}


def seen(exit_: Any, wanted: Sequence[str], within_s: float) -> Mapping[str, Sequence[Row]]:
    return seen_within(PlantedTrial(), exit_, "id", wanted, within_s)


def test_what_is_there_at_once_is_looked_for_once() -> None:
    exit_ = Exit({"a": 1, "b": 1})
    assert set(seen(exit_, ["a", "b"], 60.0)) == {"a", "b"}
    assert exit_.looks == 1


def test_what_comes_late_is_waited_for_until_the_last_one_is_there() -> None:
    exit_ = Exit({"a": 1, "b": 6})
    assert set(seen(exit_, ["a", "b"], 60.0)) == {"a", "b"}
    assert exit_.looks == 6


def test_what_never_comes_is_given_up_and_the_others_are_told() -> None:
    assert set(seen(Exit({"a": 1}), ["a", "lost"], 0.05)) == {"a"}


def test_nothing_is_asked_about_no_record() -> None:
    exit_ = Exit({})
    assert seen(exit_, [], 60.0) == {}
    assert exit_.looks == 0
