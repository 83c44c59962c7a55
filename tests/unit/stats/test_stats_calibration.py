"""Confidence against truth: bounds that hold, and binned errors that are not what chance makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats import calibration, proportions


def test_the_excess_is_the_mean_confidence_less_the_exact_share() -> None:
    confidence = np.linspace(0.5, 0.9, 200)
    right = np.arange(200) < 120
    found = calibration.excess(confidence, right, 0.05)
    assert found.value == pytest.approx(0.7 - 0.6)
    assert found.upper == pytest.approx(0.7 - proportions.lower(120, 200))
    assert found.lower == pytest.approx(0.7 - proportions.upper(120, 200))


@pytest.mark.parametrize("gap", [0.0, 0.08])
def test_the_upper_bound_lies_below_the_true_excess_in_at_most_one_run_of_twenty(gap: float) -> None:
    rng = np.random.default_rng(5)
    missed = 0
    for _ in range(400):
        said = rng.uniform(0.3, 0.9, 300)
        right = rng.random(300) < said - gap
        missed += calibration.excess(said, right).upper < gap
    assert proportions.lower(missed, 400, 0.01) <= 0.05


def test_rows_of_one_entity_bound_less_than_as_many_strangers() -> None:
    rng = np.random.default_rng(6)
    entity = np.repeat(np.arange(100), 10)
    said = np.full(1000, 0.7)
    right = np.repeat(rng.random(100) < 0.7, 10)
    together = calibration.excess(said, right, groups=entity)
    assert together.approximate
    assert together.upper > calibration.excess(said, right).upper


def test_no_rows_have_no_excess() -> None:
    with pytest.raises(ValueError, match="at least one"):
        calibration.excess(np.empty(0), np.empty(0, dtype=bool))


def test_a_calibrated_confidence_has_no_error_once_chance_is_taken_out_and_a_shifted_one_its_shift() -> None:
    rng = np.random.default_rng(7)
    plain, shifted = [], []
    for _ in range(50):
        true = rng.uniform(0.1, 0.9, 2000)
        right = rng.random(2000) < true
        plain.append(calibration.debiased_error(calibration.binned(true, right)) ** 2)
        shifted.append(calibration.debiased_error(calibration.binned(true + 0.1, right)))
    assert float(np.mean(plain)) < 3e-4
    assert float(np.mean(shifted)) == pytest.approx(0.1, abs=0.01)


def test_the_parts_of_the_brier_score_add_up_to_it() -> None:
    """Murphy 1973: exact where all confidences of a bin are the same."""
    rng = np.random.default_rng(8)
    said = rng.choice([0.1, 0.4, 0.8], 3000)
    right = rng.random(3000) < said * 0.9
    bins = calibration.binned(said, right)
    parts = calibration.brier(bins)
    assert bins.n.size == 3
    assert parts.reliability - parts.resolution + parts.uncertainty == pytest.approx(
        float(np.mean((said - right) ** 2))
    )


def test_equal_confidences_stay_in_one_bin() -> None:
    bins = calibration.binned(np.array([0.5] * 90 + [0.9] * 10), np.arange(100) % 2 == 0)
    assert bins.n.tolist() == [90, 10]
    assert bins.low.tolist() == bins.high.tolist() == [0.5, 0.9]
