"""HopSkipJump on a linear boundary, where the smallest distance is known."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats.hop_skip_jump import nearest_turned


@pytest.mark.parametrize("seed", range(8))
def test_on_a_linear_model_of_twenty_inputs_three_thousand_decisions_come_within_five_percent(seed: int) -> None:
    """Chen, Jordan and Wainwright 2020; the smallest distance is |w.x + b| / ||w||."""
    rng = np.random.default_rng(seed)
    w, x, b = rng.normal(size=20), rng.normal(size=20), float(rng.normal())
    side = float(x @ w + b) > 0
    start = x - 3.0 * (1.0 if side else -1.0) * np.abs(x @ w + b) * w / float(w @ w) + rng.normal(size=20) * 0.1
    found = nearest_turned(x, start, lambda p: np.asarray((p @ w + b > 0) != side), queries=3000, seed=seed)
    assert found is not None
    smallest = abs(float(x @ w + b)) / float(np.linalg.norm(w))
    assert smallest <= found.distance <= 1.05 * smallest
    assert found.queries <= 3050


def test_a_start_that_is_not_decided_otherwise_gives_nothing() -> None:
    assert nearest_turned(np.zeros(3), np.ones(3), lambda p: np.zeros(len(p), dtype=bool), queries=100) is None
