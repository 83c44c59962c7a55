"""Distances between binned samples, and the one unit that makes their cut-offs comparable."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import brentq

from seatrial.stats import auc, drift, proportions


@pytest.mark.parametrize(
    ("d", "psi", "ks", "js", "area", "share"),
    [
        (0.10, 0.0096, 0.040, 0.042, 0.528, 0.99),
        (0.178, 0.030, 0.071, 0.075, 0.550, 0.97),
        (0.236, 0.053, 0.094, 0.100, 0.566, 0.946),
        (0.323, 0.100, 0.128, 0.136, 0.590, 0.90),
        (0.458, 0.200, 0.181, 0.192, 0.627, 0.81),
        (0.513, 0.250, 0.202, 0.214, 0.642, 0.77),
        (1.0, 0.926, 0.383, 0.401, 0.760, 0.368),
    ],
)
def test_the_cut_off_table_holds(d: float, psi: float, ks: float, js: float, area: float, share: float) -> None:
    assert drift.normal_psi(d) == pytest.approx(psi, rel=0.02)
    assert drift.normal_js(d) == pytest.approx(js, abs=0.001)
    assert drift.d_of_psi(psi) == pytest.approx(d, abs=0.004)
    assert drift.d_of_ks(ks) == pytest.approx(d, abs=0.003)
    assert drift.d_of_js(js) == pytest.approx(d, abs=0.003)
    assert drift.d_of_auc(area) == pytest.approx(d, abs=0.003)
    assert drift.effective_share_of_d(d) == pytest.approx(share, abs=0.005)


def test_default_cut_offs_are_the_recorded_ones() -> None:
    assert drift.normal_psi(drift.WARN_D) == pytest.approx(0.04, abs=0.003)
    assert drift.normal_psi(drift.FAIL_D) == pytest.approx(0.24, abs=0.003)


def test_null_figures_are_the_recorded_ones() -> None:
    assert [round(drift.ks_critical(n, n), 5) for n in (1000, 10_000, 1_000_000)] == [0.06074, 0.01921, 0.00192]
    assert drift.psi_null_quantile(10, 1000, 1000) == pytest.approx(0.0338, abs=5e-5)
    assert drift.psi_null_quantile(10, 1000, 1000, 0.999) == pytest.approx(0.0558, abs=5e-5)
    assert drift.psi_null_quantile(10, 10**6, 10**6) == pytest.approx(3.4e-5, abs=1e-6)
    assert drift.psi_null_quantile(10, 500, 500) == pytest.approx(0.0677, abs=1e-4)


def test_equal_samples_lie_at_zero_and_disjoint_ones_at_the_end() -> None:
    same, other = np.array([5, 5, 0]), np.array([0, 0, 10])
    assert drift.psi(same, same) == drift.js_distance(same, same) == drift.ks(same, same) == 0.0
    assert drift.js_distance(same, other) == pytest.approx(1.0)
    assert drift.w1(np.array([10, 0]), np.array([5, 5]), np.array([0.0, 4.0])) == 2.0


@pytest.mark.parametrize("distance", ["psi", "js"])
def test_the_bounds_on_a_shift_hold_the_true_one(distance: drift.Distance) -> None:
    rng = np.random.default_rng(1)
    edges = np.concatenate([[-np.inf], np.quantile(rng.normal(0, 1, 100_000), np.arange(1, 10) / 10), [np.inf]])
    true, held = 0.323, 0
    for i in range(40):
        a = np.histogram(rng.normal(0, 1, 2000), edges)[0]
        b = np.histogram(rng.normal(true, 1, 2000), edges)[0]
        found = drift.d_interval(a, b, distance=distance, seed=i)
        held += found.lower - 0.02 <= true <= found.upper + 0.02
    assert held >= 34


@pytest.mark.slow
@pytest.mark.parametrize("distance", ["psi", "js"])
def test_a_shift_of_exactly_the_cut_off_is_hardly_ever_taken_for_certainly_less(distance: drift.Distance) -> None:
    rng = np.random.default_rng(4)
    runs, below = 400, 0
    shares, tilt = np.array([0.4, 0.3, 0.2, 0.1]), _tilt_of_the_cut_off()
    for i in range(runs):
        if distance == "psi":
            reference, current = rng.normal(0, 1, 3000), rng.normal(drift.FAIL_D, 1, 2000)
            edges = np.quantile(reference, np.arange(1, 10) / 10)
            a, b = (np.bincount(np.searchsorted(edges, x), minlength=10) for x in (reference, current))
        else:
            a, b = rng.multinomial(3000, shares), rng.multinomial(2000, tilt)
        below += drift.d_interval(a, b, distance=distance, seed=i).upper <= drift.FAIL_D
    assert proportions.lower(below, runs, 0.01) <= 0.05


def _tilt_of_the_cut_off() -> npt.NDArray[np.float64]:
    """Shares of four levels that lie exactly the cut-off away from 0.4, 0.3, 0.2 and 0.1."""
    shares = np.array([0.4, 0.3, 0.2, 0.1])

    def tilted(by: float) -> npt.NDArray[np.float64]:
        raised = shares * np.exp(by * np.arange(4))
        return np.asarray(raised / raised.sum())

    by = brentq(lambda t: drift.d_of_js(drift.js_distance(shares, tilted(t))) - drift.FAIL_D, 0.01, 3.0)
    return tilted(by)


def test_two_equal_samples_stay_below_the_warning_and_never_pass_on_few_rows() -> None:
    rng = np.random.default_rng(2)
    many = drift.d_interval(rng.multinomial(5000, [0.1] * 10), rng.multinomial(5000, [0.1] * 10), distance="psi")
    few = drift.d_interval(rng.multinomial(40, [0.1] * 10), rng.multinomial(40, [0.1] * 10), distance="psi")
    assert many.upper < drift.WARN_D
    assert few.upper > drift.WARN_D


def test_an_empty_side_is_refused() -> None:
    with pytest.raises(ValueError, match="both sides"):
        drift.psi(np.array([0, 0]), np.array([1, 1]))
    with pytest.raises(ValueError, match="both sides"):
        drift.d_interval(np.array([0, 0]), np.array([1, 1]), distance="js")


def test_a_classifier_that_learned_nothing_stays_within_the_recorded_null() -> None:
    from scipy.special import ndtri

    rng = np.random.default_rng(4)
    n = 500
    areas = [auc.interval(rng.normal(size=n), rng.normal(size=n)).value for _ in range(400)]
    assert float(np.std(areas)) == pytest.approx(np.sqrt((2 * n + 1) / (12 * n * n)), rel=0.1)
    bound = auc.interval(rng.normal(size=n), rng.normal(size=n))
    assert bound.upper - bound.value == pytest.approx(float(ndtri(0.95)) * np.sqrt((2 * n + 1) / (12 * n * n)), rel=0.1)
