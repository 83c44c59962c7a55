"""Anytime-valid bounds: the published unit-test values, and what peeking does to them."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats import proportions, sequential


def test_normal_mixture_values_are_those_of_confseq() -> None:
    assert sequential.best_rho(100, 0.05) == pytest.approx(12.60056, abs=1e-5)
    assert sequential.normal_mixture_bound(100, 0.05, tightest_at=100) == pytest.approx(30.35209, abs=1e-5)
    assert sequential.one_sided_normal_mixture_bound(100, 0.05, tightest_at=100) == pytest.approx(27.66071, abs=1e-5)


@pytest.mark.parametrize(
    ("successes", "n", "tightest_at", "low", "high"),
    [
        (700, 1000, 100, 0.651629, 0.745949),
        (15, 50, 50, 0.129556, 0.511896),
        (5, 50, 50, 0.013021, 0.269264),
        (1, 50, 50, 0.0, 0.13489),
        (100, 200, 1, 0.328923, 0.671076),
    ],
)
def test_bernoulli_sequences_are_those_of_confseq(
    successes: int, n: int, tightest_at: float, low: float, high: float
) -> None:
    found = sequential.beta_binomial_interval(successes, n, 0.05, tightest_at=tightest_at)
    assert found == pytest.approx((low, high), abs=1e-5)


def test_the_first_attempt_has_the_full_rate_and_all_further_ones_less_than_half_of_it() -> None:
    assert sequential.attempt_alpha(1) == 0.05
    assert sequential.attempt_alpha(2) == pytest.approx(0.05 / 6)
    assert sum(sequential.attempt_alpha(j) for j in range(2, 2000)) < 0.025
    with pytest.raises(ValueError, match="from 1"):
        sequential.attempt_alpha(0)


def test_an_anytime_bound_is_looser_than_the_exact_one_but_not_by_much() -> None:
    anytime = sequential.anytime_lower(950, 1000, tightest_at=1000)
    exact = proportions.lower(950, 1000)
    assert exact - 0.015 < anytime < exact


def test_anytime_bounds_of_no_successes_and_of_only_successes_are_trivial_or_close() -> None:
    assert sequential.anytime_lower(0, 50, tightest_at=50) == 0.0
    assert sequential.anytime_upper(50, 50, tightest_at=50) == 1.0
    assert 0.85 < sequential.anytime_lower(50, 50, tightest_at=50) < 1.0
    with pytest.raises(ValueError, match="successes of"):
        sequential.anytime_lower(3, 2, tightest_at=10)


def test_peeking_breaks_the_exact_bound_and_not_the_anytime_one() -> None:
    rng = np.random.default_rng(1)
    looks = range(50, 1001, 50)
    exact = anytime = 0
    for _ in range(120):
        hits = np.cumsum(rng.random(1000) < 0.9)
        exact += any(proportions.lower(int(hits[n - 1]), n) > 0.9 for n in looks)
        anytime += any(sequential.anytime_lower(int(hits[n - 1]), n, tightest_at=500) > 0.9 for n in looks)
    assert exact / 120 > 0.1
    assert proportions.lower(anytime, 120, 0.01) <= 0.05
