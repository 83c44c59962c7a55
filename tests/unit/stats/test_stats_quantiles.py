"""Percentile bounds by order statistics: ranks, smallest sizes, dependence."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seatrial.stats import quantiles


def test_upper_ranks_for_p99_are_the_recorded_ones() -> None:
    ranks = [quantiles.upper_rank(n, 0.99) for n in (299, 500, 1000, 5000, 10_000, 60_000)]
    assert ranks == [299, 499, 996, 4962, 9917, 59_441]


def test_lower_ranks_for_p99_are_the_recorded_ones() -> None:
    ranks = [quantiles.lower_rank(n, 0.99) for n in (299, 500, 1000, 5000, 10_000, 60_000)]
    assert ranks == [293, 491, 985, 4938, 9883, 59_360]


def test_smallest_sizes_are_the_recorded_ones() -> None:
    for share, n in [(0.90, 29), (0.95, 59), (0.99, 299), (0.999, 2995)]:
        assert quantiles.fewest(share) == n
        assert quantiles.upper_rank(n, share) == n
        assert quantiles.upper_rank(n - 1, share) is None


def test_too_few_values_bound_nothing() -> None:
    assert quantiles.upper([1.0] * 298, 0.99) is None
    assert quantiles.upper([], 0.99) is None
    assert quantiles.lower([], 0.99) is None


def test_values_that_are_not_numbers_stand_in_the_tail() -> None:
    values = [1.0] * 295 + [math.nan, math.inf, math.nan, math.inf]
    assert quantiles.upper(values, 0.99) == math.inf


def test_dkw_values_are_the_recorded_ones() -> None:
    assert quantiles.dkw_size(0.01) == 18_445
    assert quantiles.dkw_epsilon(18_445) <= 0.01
    assert quantiles.dkw_epsilon(0) == 1.0


def test_independent_values_have_hardly_any_block_effect() -> None:
    values = np.random.default_rng(1).random(20_000)
    assert quantiles.block_effect(values, 0.95) < 2.0


def test_a_freeze_is_seen_as_dependence() -> None:
    values = np.random.default_rng(1).random(20_000)
    values[5000:7000] += 10
    assert quantiles.block_effect(values, 0.95) > 50


def test_the_block_bootstrap_is_above_the_plain_percentile_for_dependent_values() -> None:
    values = np.random.default_rng(2).random(4000)
    values[1000:1300] += 5
    bound = quantiles.block_bootstrap_upper(values, 0.9, draws=200)
    assert bound > np.quantile(values, 0.9)


def test_too_few_values_for_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="two values in each"):
        quantiles.block_effect([1.0] * 39, 0.9)
    with pytest.raises(ValueError, match="two values in each"):
        quantiles.block_bootstrap_upper([1.0] * 39, 0.9)
