"""AUC bounds and re-weighted means."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats import auc, proportions, weights


def test_ties_count_half_and_order_does_not_matter() -> None:
    assert auc.interval(np.array([1.0, 1.0]), np.array([1.0])).value == 0.5
    assert auc.interval(np.array([3.0, 2.0]), np.array([1.0, 0.0])).value == 1.0


def test_small_classes_get_the_bound_that_holds_for_every_size() -> None:
    found = auc.interval(np.arange(49.0) + 30, np.arange(500.0) % 60)
    assert found.method == "Hoeffding"
    assert found.lower == pytest.approx(found.value - np.sqrt(np.log(20) / 98))


def test_a_perfect_separation_is_never_certain() -> None:
    found = auc.interval(np.ones(100), np.zeros(100))
    assert found.value == 1.0
    assert found.lower < 0.9


def test_delong_bounds_cover() -> None:
    rng = np.random.default_rng(1)
    true = 0.7602499
    covered = sum(auc.interval(rng.normal(1, 1, 120), rng.normal(0, 1, 150)).lower <= true for _ in range(400))
    assert 0.92 < covered / 400 < 0.985


@pytest.mark.parametrize(("one", "zero"), [([], [1.0]), ([1.0], []), ([float("nan")], [1.0])])
def test_an_auc_of_nothing_is_refused(one: list[float], zero: list[float]) -> None:
    with pytest.raises(ValueError, match=r"both classes|not a number"):
        auc.interval(np.array(one), np.array(zero))


def test_the_histogram_interval_holds_the_exact_figure() -> None:
    rng = np.random.default_rng(2)
    one, zero = rng.beta(4, 2, 5000), rng.beta(2, 4, 7000)
    edges = np.linspace(0, 1, 4097)
    low, high = auc.histogram_interval(np.histogram(one, edges)[0], np.histogram(zero, edges)[0])
    exact = auc.interval(one, zero).value
    assert low <= exact <= high
    assert high - low < 0.001


def test_equal_weights_give_the_plain_share_and_nearly_its_bound() -> None:
    hits = np.array([1.0] * 950 + [0.0] * 50)
    found = weights.interval(hits, np.full(1000, 3.0))
    assert found.value == pytest.approx(0.95)
    assert found.lower == pytest.approx(proportions.lower(950, 1000, 0.025), abs=0.001)


def test_live_mass_without_rows_counts_as_wrong() -> None:
    hits = np.ones(1000)
    found = weights.interval(hits, np.ones(1000), unsupported=0.1)
    assert found.value == pytest.approx(0.9)
    assert found.lower < 0.9
    assert found.upper == 1.0


def test_the_reweighted_bound_covers_where_the_plain_one_never_does() -> None:
    rng = np.random.default_rng(3)
    shift, covered, plain = 0.7, 0, 0

    def chance(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(2.6 - x)))

    grid = rng.normal(shift, 1, 400_000)
    true = float(chance(grid).mean())
    for _ in range(300):
        x = rng.normal(0, 1, 2000)
        hits = (rng.random(2000) < chance(x)).astype(float)
        w = np.exp(shift * x - shift**2 / 2)
        covered += weights.interval(hits, w).lower <= true
        plain += proportions.lower(int(hits.sum()), 2000) <= true
    assert covered / 300 > 0.92
    assert plain / 300 < 0.5


def test_few_effective_rows_and_heavy_single_rows_are_named() -> None:
    spread = weights.spread(np.array([1.0] * 900 + [500.0]))
    assert spread.largest > 0.3
    assert len(spread.problems()) == 3
    assert weights.spread(np.ones(600)).problems() == ()


@pytest.mark.parametrize("bad", [[], [0.0, 0.0], [-1.0, 2.0], [float("nan"), 1.0], [float("inf"), 1.0]])
def test_impossible_weights_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        weights.spread(np.array(bad))
