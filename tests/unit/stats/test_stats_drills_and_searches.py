"""Rehearsals, rates, many tests at once, and the power of searches."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seatrial.stats import contingency, detection, drills, multiplicity, rates


def test_what_the_longest_of_k_drills_says_is_the_recorded_table() -> None:
    assert [round(drills.content_of_largest(k), 3) for k in (3, 5, 10, 29, 59)] == [0.368, 0.549, 0.741, 0.902, 0.950]
    assert drills.content_of_largest(0) == 0.0


def test_prediction_and_tolerance_factors_are_the_recorded_ones() -> None:
    assert [round(drills.prediction_factor(k), 3) for k in (2, 3, 4, 5, 10)] == [7.733, 3.372, 2.631, 2.335, 1.923]
    found = [round(drills.tolerance_factor(k), 3) for k in (2, 3, 4, 5, 6, 10)]
    assert found == [20.581, 6.155, 4.162, 3.407, 3.006, 2.355]


def test_the_tolerance_factor_is_that_of_the_nist_handbook() -> None:
    assert drills.tolerance_factor(43, content=0.90, confidence=0.99) == pytest.approx(1.87395, abs=1e-4)


def test_alike_timings_still_get_a_margin_and_one_drill_predicts_nothing() -> None:
    assert drills.prediction_bound([60.0] * 3) == pytest.approx(60 * math.exp(3.372 * 0.25), rel=1e-3)
    assert drills.prediction_bound([60.0]) == math.inf
    assert drills.tolerance_bound([]) == math.inf
    with pytest.raises(ValueError, match="positive"):
        drills.prediction_bound([60.0, math.nan])


def test_rate_bounds_are_garwoods() -> None:
    assert rates.upper(0, 1.0) == pytest.approx(-math.log(0.05))
    assert (rates.lower(10, 1.0, 0.025), rates.upper(10, 1.0, 0.025)) == pytest.approx((4.7954, 18.3904), abs=1e-4)
    assert rates.upper(3, 0.0) == math.inf
    assert rates.lower(3, 0.0) == 0.0
    with pytest.raises(ValueError, match="exposure"):
        rates.upper(1, math.nan)


def test_adjusted_p_values_are_those_of_r_p_adjust() -> None:
    p = [0.01, 0.02, 0.03, 0.04, 0.05]
    assert multiplicity.holm(p) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert multiplicity.benjamini_hochberg(p) == pytest.approx([0.05] * 5)
    assert multiplicity.holm([]) == ()
    assert multiplicity.simes([]) == 1.0
    with pytest.raises(ValueError, match="p-values"):
        multiplicity.holm([math.nan])


def test_fisher_is_the_tea_tasting_and_works_on_arrays() -> None:
    assert float(contingency.fisher_more(3, 4, 4, 8)) == pytest.approx(17 / 70)
    assert contingency.fisher_more(np.array([3, 4]), np.array([4, 4]), 4, 8) == pytest.approx([17 / 70, 1 / 70])


def test_the_power_of_a_search_is_that_of_its_design() -> None:
    assert detection.seen_at_least_once(0.01, 299) == pytest.approx(0.9505, abs=1e-3)
    assert detection.seen_at_least_once(1.0, 1) == 1.0
    assert detection.seen_at_least_once(0.5, 0) == 0.0
    assert detection.trials_to_see(0.01, 0.95) == 299


def test_a_large_bad_group_is_found_and_a_small_one_in_few_rows_is_missed() -> None:
    large = detection.find_confirm_power(20_000, share=0.05, base=0.1, harm=0.1, candidates=500, draws=100)
    small = detection.find_confirm_power(3_000, share=0.01, base=0.1, harm=0.1, candidates=500, draws=100)
    assert large > 0.95
    assert small < 0.2
    assert detection.find_confirm_power(10, share=0.01, base=0.1, harm=0.1, candidates=5, draws=10) == 0.0
