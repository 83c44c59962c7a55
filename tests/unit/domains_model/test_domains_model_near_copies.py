"""The search for near copies: no copy with few changed fields is missed, and natural repetition is no copy."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.domains.model.near_copies import NearSearch, near_copies
from seatrial.domains.scored.rows import Feature

LEVELS = tuple("abcdef")


def table(rows: int, numbers: int, categories: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, numbers)), rng.integers(0, len(LEVELS), (rows, categories))


def features(x: np.ndarray, c: np.ndarray) -> list[Feature]:
    return [
        *(Feature(name=f"x{i}", source=f"x{i}", numbers=x[:, i]) for i in range(x.shape[1])),
        *(Feature(name=f"c{i}", source=f"c{i}", codes=c[:, i], levels=LEVELS) for i in range(c.shape[1])),
    ]


def search(x: np.ndarray, c: np.ndarray, y: np.ndarray, d: np.ndarray) -> NearSearch:
    found = near_copies(features(x, c), features(y, d), training_rows=len(x), noise={}, seed=1)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("numbers", "categories", "changed"), [(6, 0, 1), (12, 0, 2), (8, 4, 2), (20, 4, 3), (0, 16, 2)]
)
def test_every_copy_with_few_changed_fields_is_found(numbers: int, categories: int, changed: int) -> None:
    x, c = table(3000, numbers, categories, seed=1)
    y, d = table(400, numbers, categories, seed=2)
    rng = np.random.default_rng(3)
    for row in range(100):
        y[row], d[row] = x[row * 7], c[row * 7]
        y[row] += rng.uniform(-0.01, 0.01, numbers)
        for place in rng.choice(numbers + categories, changed, replace=False):
            if place < numbers:
                y[row, place] += 3.0
            else:
                d[row, place - numbers] = (d[row, place - numbers] + 1) % len(LEVELS)
    found = search(x, c, y, d)
    way, excess = found.strongest(0.05)
    assert way.copies >= 100
    assert excess > 0.1
    assert found.power(0.05, most=0.01, alpha=0.05) > 0.8


def test_independent_rows_have_no_near_copies_and_coarse_ones_are_not_telling() -> None:
    assert search(*table(3000, 8, 2, seed=1), *table(500, 8, 2, seed=2)).strongest(0.05)[1] == 0.0
    coarse = search(*table(3000, 0, 3, seed=1), *table(500, 0, 3, seed=2))
    assert not coarse.telling
    assert coarse.strongest(0.05)[1] == 0.0


def test_missing_constant_and_infinite_values_break_nothing() -> None:
    x, c = table(500, 4, 1, seed=1)
    x[:, 1], x[::3, 2], x[::5, 3] = 7.0, np.nan, np.inf
    found = search(x, c, x[:50].copy(), c[:50].copy())
    assert found.strongest(0.05)[0].copies == 50
    assert near_copies(features(x[:0], c[:0]), features(x, c), training_rows=0, noise={}, seed=1) is None
    assert near_copies([], features(x, c), training_rows=500, noise={}, seed=1) is None
