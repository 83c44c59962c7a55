"""Records of our own, which nobody can take for real ones: each has a unique key that says where it comes from."""

from __future__ import annotations

import zlib
from typing import Final

from seatrial.core.check import Trial
from seatrial.core.observation import Json
from seatrial.core.ports import TEST_MARK, Row

FAULTY_MARK: Final = f"{TEST_MARK}faulty-"
"""How the keys of those test records begin that are broken on purpose: they say nothing of what others exchange."""


def marker(trial: Trial, *, faulty: bool = False) -> str:
    """What all test records of this check, at this moment, have in common; `faulty` ones are broken on purpose."""
    return f"{FAULTY_MARK if faulty else TEST_MARK}{trial.clock.now():%Y%m%d%H%M%S%f}-{trial.seed & 0xFFFF:04x}"


def marked(template: Row, key: str, mark: str, number: int) -> Row:
    """The record under a key of its own: text that names us, or a whole number where keys are whole numbers."""
    own: Json = f"{mark}-{number}"
    if isinstance(template.get(key), int) and not isinstance(template.get(key), bool):
        # Far above the keys of any table that counts from one, and within what a double holds exactly.
        own = 8_000_000_000_000_000 + zlib.crc32(mark.encode()) % 10_000_000 * 100_000 + number
    return {**template, key: own}


def broken_on_purpose(record: Row) -> bool:
    """Whether the record is one of ours that was broken on purpose, under whatever name its key stands now."""
    return any(isinstance(value, str) and value.startswith(FAULTY_MARK) for value in record.values())
