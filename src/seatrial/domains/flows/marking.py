"""Records of our own, which nobody can take for real ones: each has a unique key that says where it comes from."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable
from typing import Final

from seatrial.core.check import Trial
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import TEST_MARK, Row
from seatrial.spec.integration import Flow

FAULTY_MARK: Final = f"{TEST_MARK}faulty-"
"""How the keys of those test records begin that are broken on purpose: they say nothing of what others exchange."""


def marker(trial: Trial, *, faulty: bool = False) -> str:
    """What all test records of this check, at this moment, have in common; `faulty` ones are broken on purpose."""
    return f"{FAULTY_MARK if faulty else TEST_MARK}{trial.clock.now():%Y%m%d%H%M%S%f}-{trial.seed & 0xFFFF:04x}"


_FIRST_NUMBER: Final = 8_000_000_000_000_000
"""Far above the keys of any table that counts from one, and within what a double holds exactly."""
_NUMBERS: Final = 10_000_000 * 100_000


def marked(template: Row, flow: Flow, mark: str, number: int, *, start: int) -> Row:
    """The record under a key of its own: text that names us, or a whole number where keys are whole numbers.

    Where the flow declares keys for tests, one of these, counted from `start`, which is `place_of` this moment.
    """
    key = flow.key
    own: Json = f"{mark}-{number}"
    if flow.keys is not None:
        own = flow.keys.key(start + number)
    elif isinstance(template.get(key), int) and not isinstance(template.get(key), bool):
        own = _FIRST_NUMBER + zlib.crc32(mark.encode()) % 10_000_000 * 100_000 + number
    return {**template, key: own}


def place_of(trial: Trial, flow: Flow) -> int:
    """Where in the range this moment's keys begin: it moves on faster than records of this flow are sent."""
    return math.floor(trial.clock.now().timestamp() * (2.0 * flow.peak + 100.0))


def enough(flow: Flow, count: int) -> None:
    """Raises Malformed where the flow's own range holds fewer keys."""
    if flow.keys is None:
        return
    first, last = flow.keys.bounds
    if last - first + 1 < count:
        raise Malformed(
            f"flows.{flow.name}.keys holds {last - first + 1:,} keys, and {count:,} test records are needed",
            remedy="Reserve a larger range of keys for tests.",
        )


def is_ours(record: Row, flows: Iterable[Flow]) -> bool:
    """Whether the record stands there because a test of ours put it in, under whatever name its key stands now.

    A key out of a range that one of the `flows` reserves for tests is told only under the flow's own name for it.
    """
    return any(map(_of_a_test, record.values())) or any(
        flow.keys is not None and flow.keys.holds(record.get(flow.key)) for flow in flows
    )


def _of_a_test(value: Json) -> bool:
    if isinstance(value, str):
        return value.startswith(TEST_MARK)
    return isinstance(value, int) and 0 <= value - _FIRST_NUMBER < _NUMBERS + 100_000


def broken_on_purpose(record: Row, flows: Iterable[Flow] = ()) -> bool:
    """Whether the record is one of ours that was broken on purpose, under whatever name its key stands now.

    Under a key that one of the `flows` reserves for tests nobody can tell, so that each of these is taken for one.
    """
    return any(isinstance(value, str) and value.startswith(FAULTY_MARK) for value in record.values()) or any(
        flow.keys is not None and flow.keys.holds(record.get(flow.key)) for flow in flows
    )
