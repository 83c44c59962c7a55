"""Records of our own, which nobody can take for real ones: each has a unique key that says where it comes from."""

from __future__ import annotations

from seatrial.core.check import Trial
from seatrial.core.observation import Json
from seatrial.core.ports import Row


def marker(trial: Trial) -> str:
    """What all test records of this check, at this moment, have in common."""
    return f"seatrial-{trial.clock.now():%Y%m%d%H%M%S%f}-{trial.seed & 0xFFFF:04x}"


def marked(template: Row, key: str, mark: str, number: int) -> Row:
    """The record under a key of its own: text that names us, or a whole number where keys are whole numbers."""
    own: Json = f"{mark}-{number}"
    if isinstance(template.get(key), int) and not isinstance(template.get(key), bool):
        # Far above the keys of any table that counts from one, and within what a double holds exactly.
        own = 8_000_000_000_000_000 + sum(map(ord, mark)) % 1000 * 1_000_000_000 + int(mark[-9:-5]) * 100_000 + number
    return {**template, key: own}
