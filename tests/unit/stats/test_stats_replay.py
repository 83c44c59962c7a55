"""The comparison of repeated answers: it keeps its error rate, and sees a source that changed."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats import proportions
from seatrial.stats.replay import energy_p

PROBES, REPEATS = 30, 6


def _apart(before: np.ndarray, after: np.ndarray) -> list[np.ndarray]:
    both = np.concatenate([before, after], axis=1)
    return [np.abs(row[:, None] - row[None, :]) for row in both]


@pytest.mark.parametrize("spread", [0.0, 0.1, 1.0])
def test_a_source_that_did_not_change_is_rarely_called_changed(spread: float) -> None:
    runs, alarms = 200, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        middle = rng.random((PROBES, 1))
        before, after = (middle + spread * rng.normal(size=(PROBES, REPEATS)) for _ in range(2))
        alarms += energy_p(_apart(before, after), [REPEATS] * PROBES, draws=199, seed=seed) <= 0.05
    assert proportions.lower(alarms, runs, 0.01) <= 0.05


def test_a_shift_of_one_spread_is_seen_although_every_answer_varies() -> None:
    seen = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        before, after = rng.normal(size=(PROBES, REPEATS)), rng.normal(1.0, 1.0, size=(PROBES, REPEATS))
        seen += energy_p(_apart(before, after), [REPEATS] * PROBES, draws=999, seed=seed) <= 0.001
    assert seen == 20


def test_single_answers_tell_nothing() -> None:
    assert energy_p([np.ones((2, 2))], [1]) == 1.0
    assert energy_p([], []) == 1.0
