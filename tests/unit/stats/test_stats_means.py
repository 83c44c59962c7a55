"""Bounds on means of bounded values, with and without clusters."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats import clusters, means, proportions, sequential


def test_bounds_on_bernoulli_values_keep_their_known_order_and_size() -> None:
    rng = np.random.default_rng(1)
    runs = [(rng.random(1000) < 0.95).astype(float) for _ in range(20)]
    shift = 0.951 - float(np.mean([x.mean() for x in runs]))
    exact = float(np.mean([proportions.lower(int(x.sum()), 1000) for x in runs])) + shift
    betting = float(np.mean([means.betting_lower(x) for x in runs])) + shift
    anytime = float(np.mean([sequential.betting_lower(x) for x in runs])) + shift
    hoeffding = float(np.mean([means.hoeffding_lower(x.mean(), 1000) for x in runs])) + shift
    assert exact == pytest.approx(0.9386, abs=0.001)
    assert hoeffding == pytest.approx(0.9125, abs=0.001)
    assert hoeffding < anytime < betting < exact
    # No bet can reach beyond the m with 1000 KL(.951, m) = ln 20, which is .9325 but for the running maximum.
    assert betting == pytest.approx(0.932, abs=0.002)


def test_bounds_on_beta_values_keep_their_known_order_and_size() -> None:
    rng = np.random.default_rng(2)
    runs = [rng.beta(9, 1, 1000) for _ in range(20)]
    shift = 0.900 - float(np.mean([x.mean() for x in runs]))
    betting = float(np.mean([means.betting_lower(x) for x in runs])) + shift
    anytime = float(np.mean([sequential.betting_lower(x) for x in runs])) + shift
    bernstein = float(np.mean([means.maurer_pontil_lower(x.mean(), x.var(ddof=1), 1000) for x in runs])) + shift
    hoeffding = float(np.mean([means.hoeffding_lower(x.mean(), 1000) for x in runs])) + shift
    assert bernstein == pytest.approx(0.8838, abs=0.001)
    assert hoeffding == pytest.approx(0.8615, abs=0.001)
    assert hoeffding < bernstein < anytime < betting < 0.8955
    assert betting == pytest.approx(0.8946, abs=0.0015)
    assert anytime == pytest.approx(0.8927, abs=0.0015)


def test_the_order_of_the_rows_changes_nothing() -> None:
    x = np.random.default_rng(3).beta(2, 5, 400)
    assert means.betting_interval(np.sort(x)) == means.betting_interval(x)


def test_betting_bounds_are_wrong_at_most_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    wrong = sum(means.betting_lower(rng.beta(2, 8, 120)) > 0.2 for _ in range(300))
    assert proportions.lower(wrong, 300, 0.01) <= 0.05


@pytest.mark.parametrize("bad", [[float("nan")], [1.1], [-0.1], [float("inf")]])
def test_values_outside_the_unit_interval_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        means.betting_lower(bad)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        sequential.betting_lower(bad)


def test_no_values_bound_nothing() -> None:
    assert means.betting_lower([]) == 0.0
    assert means.betting_upper([]) == 1.0
    assert means.hoeffding_lower(0.5, 0) == 0.0
    assert means.maurer_pontil_lower(0.5, 0.1, 1) == 0.0


def test_more_values_are_asked_for_only_where_they_can_help() -> None:
    assert means.more_values_to_clear(0.2, 0.1, 50, distance=0.0) is None
    assert means.more_values_to_clear(0.2, 0.1, 50, distance=0.02) == 25


def test_rows_that_repeat_each_other_count_once() -> None:
    hits = np.repeat((np.arange(200) % 5 > 0).astype(float), 6)
    groups = np.repeat(np.arange(200), 6)
    found = clusters.proportion_interval(hits, groups)
    assert found.n_effective == pytest.approx(200, rel=0.02)
    assert found.lower == pytest.approx(proportions.lower(160, 200), abs=0.005)
    assert found.lower < proportions.lower(960, 1200)


def test_clusters_never_make_a_bound_tighter_than_independent_rows() -> None:
    rng = np.random.default_rng(5)
    hits = (rng.random(1000) < 0.8).astype(float)
    found = clusters.proportion_interval(hits, np.arange(1000) // 5)
    assert found.lower <= proportions.lower(int(hits.sum()), 1000) + 1e-12


def test_cluster_bounds_cover_where_plain_bounds_do_not() -> None:
    rng = np.random.default_rng(6)
    plain = clustered = 0
    for _ in range(300):
        rates = rng.beta(4, 1, 80)
        hits = (rng.random((80, 10)) < rates[:, None]).astype(float).ravel()
        groups = np.repeat(np.arange(80), 10)
        plain += proportions.lower(int(hits.sum()), 800) <= 0.8
        clustered += clusters.proportion_interval(hits, groups).lower <= 0.8
    assert plain / 300 < 0.92
    assert clustered / 300 > 0.92


def test_where_every_row_is_right_each_cluster_counts_as_one_row() -> None:
    found = clusters.proportion_interval(np.ones(300), np.repeat(np.arange(30), 10))
    assert found.n_effective <= 30
    assert found.lower == pytest.approx(proportions.lower(30, 30), abs=0.01)


def test_a_single_cluster_has_no_design() -> None:
    with pytest.raises(ValueError, match="two clusters"):
        clusters.design([0.0, 1.0], np.zeros(2, dtype=np.int64))


def test_a_mean_over_clusters_is_no_tighter_than_over_rows() -> None:
    rng = np.random.default_rng(7)
    values = np.clip(np.repeat(rng.beta(2, 5, 60), 8) + rng.normal(0, 0.01, 480), 0, 1)
    found = clusters.mean_interval(values, np.repeat(np.arange(60), 8))
    rows = means.betting_interval(values)
    assert found.lower < rows.lower
    assert found.upper > rows.upper
