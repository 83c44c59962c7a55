"""Bounds from rows that were drawn for labelling, and from predictions on rows without labels."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats import active, prediction_powered, proportions


def pool(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Chances of being right, concentrated on few doubtful rows, and what came of them."""
    rng = np.random.default_rng(seed)
    chance = np.where(rng.random(n) < 0.15, 0.6, 0.99)
    return chance, (rng.random(n) < chance).astype(float)


def test_the_naive_mean_of_chosen_rows_misleads_and_the_weighted_one_does_not() -> None:
    rng = np.random.default_rng(1)
    losses = rng.gamma(1.0, 0.9, 50)
    true = float(losses.mean())
    naive, weighted, plain = [], [], []
    for seed in range(400):
        rows, chances = active.draw(losses, 10, seed=seed)
        naive.append(losses[rows].mean())
        weighted.append(active.lure(losses[rows], chances, 50))
        plain.append(losses[rng.choice(50, 10, replace=False)].mean())
    assert np.mean(naive) > 1.3 * true
    assert np.mean(weighted) == pytest.approx(true, abs=float(3 * np.std(weighted) / 20))
    assert np.std(weighted) < 0.6 * np.std(plain)


def test_the_whole_pool_gives_its_mean() -> None:
    values = np.array([0.2, 0.9, 0.4])
    rows, chances = active.draw(np.array([3.0, 1.0, 0.0]), 3, seed=1)
    assert sorted(rows.tolist()) == [0, 1, 2]
    assert active.lure(values[rows], chances, 3) == pytest.approx(values.mean())


@pytest.mark.parametrize("labels", [60, 400])
def test_bounds_over_drawn_rows_cover_the_pool(labels: int) -> None:
    chance, right = pool(4000, 2)
    true, runs, low, high = float(1.0 - right.mean()), 150, 0, 0
    for seed in range(runs):
        rows, chances = active.draw(np.sqrt(1.0 - chance), labels, seed=seed)
        found = active.interval(1.0 - right[rows], chances, 4000, floor=0.5)
        low += found.lower <= true
        high += found.upper >= true
    assert proportions.upper(low, runs, 0.01) >= 0.95
    assert proportions.upper(high, runs, 0.01) >= 0.95


def test_drawing_where_errors_are_saves_labels() -> None:
    chance, right = pool(4000, 3)
    rng = np.random.default_rng(4)
    drawn, plain = [], []
    for seed in range(40):
        rows, chances = active.draw(np.sqrt(1.0 - chance), 400, seed=seed)
        drawn.append(1.0 - active.interval(1.0 - right[rows], chances, 4000, floor=0.5).upper)
        plain.append(proportions.lower(int(right[rng.choice(4000, 400, replace=False)].sum()), 400))
    assert np.mean(drawn) > np.mean(plain) + 0.003


def test_probabilities_below_the_floor_are_refused() -> None:
    with pytest.raises(ValueError, match="below"):
        active.interval(np.zeros(2), np.array([0.5, 0.0001]), 100)
    with pytest.raises(ValueError, match="probability"):
        active.lure(np.zeros(2), np.array([0.5, 0.0]), 100)


def test_the_prediction_powered_mean_is_that_of_the_papers_formula() -> None:
    rng = np.random.default_rng(5)
    f = rng.beta(4, 1, 500)
    y = (rng.random(500) < f).astype(float)
    more = rng.beta(4, 1, 20_000)
    found = prediction_powered.interval(y, f, more)
    trust = np.clip(np.cov(y, f, ddof=0)[0, 1] / ((1 + 500 / 20_000) * np.var(np.concatenate([f, more]))), 0.0, 1.0)
    assert found.value == pytest.approx(trust * more.mean() + np.mean(y - trust * f), abs=1e-12)
    error = np.sqrt(trust**2 * more.var() / 20_000 + np.var(y - trust * f, ddof=1) / 500)
    assert found.value - found.lower == pytest.approx(1.648 * error, rel=1e-3)


def test_a_correlation_of_07_halves_the_labels_that_are_needed() -> None:
    rng = np.random.default_rng(6)
    f = np.where(rng.random(40_000) < 0.5, 0.85, 0.15)
    y = (rng.random(40_000) < f).astype(float)
    found = prediction_powered.interval(y[:2000], f[:2000], f)
    correlation = float(np.corrcoef(y, f)[0, 1])
    assert found.n_effective / found.n == pytest.approx(1.0 / (1.0 - correlation**2), rel=0.15)


def test_prediction_powered_bounds_cover_with_a_model_that_is_wrong_about_itself() -> None:
    rng = np.random.default_rng(7)
    runs, covered = 300, 0
    for _ in range(runs):
        f = rng.beta(3, 1, 6000)
        y = (rng.random(300) < 0.8 * f[:300] + 0.05).astype(float)
        covered += prediction_powered.interval(y, f[:300], f[300:]).lower <= 0.8 * 0.75 + 0.05
    assert proportions.upper(covered, runs, 0.01) >= 0.95


def test_few_labels_or_errors_give_no_prediction_powered_bound() -> None:
    assert not prediction_powered.enough(np.tile([0.0, 1.0], 90))
    with pytest.raises(ValueError, match="too few"):
        prediction_powered.interval(np.ones(500), np.ones(500), np.ones(5000))
