"""Exact bounds on shares and the sample sizes that follow, against published and recomputed values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.stats import proportions


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_two_sided_bounds_are_those_of_newcombe_1998(successes: int, n: int, low: float, high: float) -> None:
    assert proportions.lower(successes, n, 0.025) == pytest.approx(low, abs=5e-5)
    assert proportions.upper(successes, n, 0.025) == pytest.approx(high, abs=5e-5)


def test_two_sided_bounds_are_those_of_r_binom_test() -> None:
    assert proportions.lower(682, 925, 0.025) == pytest.approx(0.7076683, abs=5e-8)
    assert proportions.upper(682, 925, 0.025) == pytest.approx(0.7654066, abs=5e-8)


def test_clean_trials_are_the_known_zero_failure_sizes() -> None:
    assert [proportions.clean_trials(p) for p in (0.90, 0.95, 0.99, 0.999)] == [29, 59, 299, 2995]
    assert [proportions.clean_trials(1 - r) for r in (0.05, 0.02, 0.01, 0.005, 0.001)] == [59, 149, 299, 598, 2995]


def test_trials_with_failures_are_wilks_sizes() -> None:
    assert [proportions.trials_allowing(f, 0.95) for f in range(6)] == [59, 93, 124, 153, 181, 208]
    assert [proportions.trials_allowing(f, 0.90) for f in range(6)] == [29, 46, 61, 76, 89, 103]
    assert [proportions.trials_allowing(f, 0.99) for f in range(4)] == [299, 473, 628, 773]


@pytest.mark.parametrize(
    ("floor", "true", "at_80", "at_90"),
    [(0.90, 0.95, 203, 263), (0.90, 0.93, 593, 792), (0.95, 0.97, 694, 900), (0.85, 0.90, 304, 408)],
)
def test_sizes_for_power_hold_with_the_saw_tooth_guard(floor: float, true: float, at_80: int, at_90: int) -> None:
    assert proportions.size_for_power(floor, true).n == at_80
    assert proportions.size_for_power(floor, true, power=0.9).n == at_90


def test_the_plan_for_a_floor_of_090_allows_thirteen_errors() -> None:
    assert proportions.size_for_power(0.90, 0.95) == proportions.Plan(n=203, successes=190)


def test_no_trials_and_only_successes_give_the_trivial_bounds() -> None:
    assert proportions.lower(0, 0) == 0.0
    assert proportions.upper(0, 0) == 1.0
    assert proportions.upper(5, 5) == 1.0
    with pytest.raises(ValueError, match="at least one"):
        proportions.interval(0, 0)


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="successes of"):
        proportions.lower(successes, n)


def test_no_number_of_rows_helps_at_a_rate_below_the_floor() -> None:
    assert proportions.more_to_clear_floor(89, 100, 0.9) is None
    assert proportions.more_to_clear_floor(0, 0, 0.9) is None
    assert proportions.more_to_clear_ceiling(5, 100, 0.05) is None


@pytest.mark.parametrize(("successes", "n", "floor"), [(93, 100, 0.90), (28, 40, 0.6), (500, 520, 0.95)])
def test_the_rows_asked_for_settle_the_bound_at_the_observed_rate(successes: int, n: int, floor: float) -> None:
    more = proportions.more_to_clear_floor(successes, n, floor)
    assert more is not None
    assert more > 0
    for size in range(n + more, n + more + proportions.GUARD):
        assert proportions.lower(int(successes / n * size + 1e-9), size) >= floor


def test_a_rate_very_close_to_the_floor_asks_for_many_rows_and_stays_finite() -> None:
    more = proportions.more_to_clear_floor(9010, 10_000, 0.90)
    assert more is not None
    assert more > 200_000


@given(st.integers(1, 2000), st.floats(0, 1))
def test_the_bounds_enclose_the_share(n: int, share: float) -> None:
    k = round(share * n)
    assert proportions.lower(k, n) <= k / n <= proportions.upper(k, n)


def test_f1_bounds_come_from_the_exact_bound_on_jaccard() -> None:
    found = proportions.f1_interval(700, 150, 225)
    assert found.value == pytest.approx(2 * 700 / (2 * 700 + 150 + 225))
    assert proportions.jaccard_of_f1(found.lower) == pytest.approx(proportions.lower(700, 1075))
    with pytest.raises(ValueError, match="F1 needs"):
        proportions.f1_interval(0, 0, 0)
