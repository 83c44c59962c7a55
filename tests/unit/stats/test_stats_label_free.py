"""Estimates without labels: right where only the mix moved, and blind where the relation to the label did."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats.label_free import calibrated, cbpe_accuracy, expected_counts

_N = 200_000
_SLOPE = 2.6665


def _chance(x: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-_SLOPE * x)))


@pytest.mark.parametrize(("spread", "accuracy"), [(0.8025, 0.789), (0.7411, 0.777)])
def test_under_covariate_shift_the_recorded_accuracy_is_estimated_to_the_third_digit(
    spread: float, accuracy: float
) -> None:
    rng = np.random.default_rng(1)
    source, target = rng.normal(0.0, 1.0, _N), rng.normal(0.0, spread, _N)
    labels, unseen = rng.random(_N) < _chance(source), rng.random(_N) < _chance(target)
    before = float(((source > 0) == labels).mean())
    now = float(((target > 0) == unseen).mean())
    assert before == pytest.approx(0.821, abs=0.003)
    assert now == pytest.approx(accuracy, abs=0.003)
    chance = calibrated(_chance(source) ** 2, labels, _chance(target) ** 2)
    assert cbpe_accuracy(chance, target > 0) == pytest.approx(now, abs=0.003)


def test_a_changed_relation_is_not_seen() -> None:
    rng = np.random.default_rng(2)
    source, target = rng.normal(size=_N), rng.normal(size=_N)
    labels, unseen = rng.random(_N) < _chance(source), rng.random(_N) < _chance(target - 1.0)
    estimate = cbpe_accuracy(calibrated(_chance(source), labels, _chance(target)), target > 0)
    assert estimate - float(((target > 0) == unseen).mean()) > 0.05


def test_expected_counts_are_those_of_the_labels_on_average() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=_N)
    labels, flagged = rng.random(_N) < _chance(x), x > 0.4
    found = expected_counts(_chance(x), flagged)
    true = [(labels & flagged).sum(), (~labels & flagged).sum(), (~labels & ~flagged).sum(), (labels & ~flagged).sum()]
    assert np.array(found) / _N == pytest.approx(np.array(true) / _N, abs=0.003)
    assert sum(found) == pytest.approx(_N)
