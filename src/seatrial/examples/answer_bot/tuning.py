"""Sets the floor and the confidence on the tuning questions: all that is learned in this bot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seatrial.examples.answer_bot.bot import Found, Settings, normalised

_FLOORS = np.arange(0.20, 0.61, 0.01)
_WORTH = 0.015
"""So much of the right answers is given up for a higher floor: a wrong answer costs more than none."""


def holds(found: Found, expected: Sequence[str]) -> bool:
    """Whether the passage holds one of the expected answers."""
    if found.passage is None:
        return False
    text = normalised(f"{found.passage.text} {found.passage.about}")
    return any(normalised(each) in text for each in expected)


def tuned(rows: Sequence[Mapping[str, Any]], found: Sequence[Found]) -> Settings:
    """The highest floor that costs next to nothing on these questions, and how nearness tells of being right."""
    from sklearn.linear_model import LogisticRegression

    near = np.array([each.near for each in found])
    right = np.array([holds(each, row["expected"]) for each, row in zip(found, rows, strict=True)])
    can = np.array([bool(row["answerable"]) for row in rows])
    shares = [float(np.where(can, right & (near >= floor), near < floor).mean()) for floor in _FLOORS]
    floor = float(_FLOORS[max(i for i, share in enumerate(shares) if share >= max(shares) - _WORTH)])
    curve = LogisticRegression(C=1.0).fit(near.reshape(-1, 1), right)
    return Settings(
        floor=round(floor, 2), slope=round(float(curve.coef_[0, 0]), 4), shift=round(float(curve.intercept_[0]), 4)
    )
