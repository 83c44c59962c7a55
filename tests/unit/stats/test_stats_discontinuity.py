"""A jump at a cut is told from a steep, bent or stepped curve, and its size is right."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats.discontinuity import jump


def logistic(x: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -50.0, 50.0))))


@pytest.mark.parametrize(("spread", "stretch", "steps"), [(2, 1, 0), (5, 3, 0), (20, 1, 0), (2, 1, 100), (5, 1, 20)])
def test_a_curve_without_a_jump_shows_none_however_steep_or_stepped_it_is(
    spread: float, stretch: float, steps: int
) -> None:
    rng = np.random.default_rng(1)
    clear = 0
    for _ in range(60):
        latent = rng.normal(-0.5, spread, 4000)
        score = logistic(stretch * latent)
        score = np.round(score * steps) / steps if steps else score
        seen = jump(score, rng.random(4000) < logistic(latent), 0.5)
        clear += seen is not None and seen.z > max(4.0, 1.5 * seen.elsewhere) and seen.above - seen.below > 0.1
    assert clear == 0


def test_the_size_of_a_jump_is_estimated() -> None:
    rng = np.random.default_rng(2)
    score = rng.random(40_000)
    seen = jump(score, rng.random(40_000) < 0.3 + 0.2 * score + np.where(score >= 0.4, 0.2, 0.0), 0.4)
    assert seen is not None
    assert abs(seen.below - 0.38) < 0.04
    assert abs(seen.above - 0.58) < 0.04
    assert seen.z > 4.0


def test_where_nothing_lies_beside_the_cut_nothing_is_said() -> None:
    rng = np.random.default_rng(3)
    score = np.concatenate([rng.uniform(0.0, 0.1, 500), rng.uniform(0.9, 1.0, 500)])
    true = rng.random(1000) < 0.5
    assert jump(score, true, 0.5) is None
    assert jump(np.repeat([0.2, 0.8], 500), true, 0.5) is None
    assert jump(rng.random(1000), true, 2.0) is None
    assert jump(score[:0], true[:0], 0.5) is None
