"""Figures of confusion matrices, ratios and strata: their values, and that their bounds cover."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from seatrial.stats import auc, confusion, proportions, ratios, strata

RARE = np.array([[0.93, 0.01], [0.01, 0.05]])
THREE = np.array([[0.48, 0.01, 0.01], [0.02, 0.27, 0.01], [0.05, 0.05, 0.10]])


def labels(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    true, said = np.indices(table.shape)
    counts = table.astype(int).ravel()
    return np.repeat(true.ravel(), counts), np.repeat(said.ravel(), counts)


@pytest.mark.parametrize("table", [RARE * 100, THREE * 100])
def test_figures_are_those_of_scikit_learn(table: np.ndarray) -> None:
    whole = np.rint(table)
    true, said = labels(whole)
    assert float(confusion.macro_f1(whole)) == pytest.approx(oracle.f1_score(true, said, average="macro"))
    assert float(confusion.macro_recall(whole)) == pytest.approx(oracle.balanced_accuracy_score(true, said))
    assert float(confusion.macro_precision(whole)) == pytest.approx(oracle.precision_score(true, said, average="macro"))
    assert float(confusion.kappa(whole)) == pytest.approx(oracle.cohen_kappa_score(true, said))
    assert float(confusion.mcc(whole)) == pytest.approx(oracle.matthews_corrcoef(true, said))
    if len(whole) == 2:
        assert float(confusion.f_beta(2.0)(whole)) == pytest.approx(oracle.fbeta_score(true, said, beta=2.0))


def test_one_sided_tables_have_a_figure_and_no_bound() -> None:
    alone = np.array([[50.0, 0.0], [0.0, 0.0]])
    assert float(confusion.kappa(alone)) == 0.0
    assert float(confusion.mcc(alone)) == 0.0
    found = confusion.interval(alone, confusion.FIGURES["mcc"])
    assert (found.lower, found.upper) == (-1.0, 1.0)


def test_a_table_without_an_error_is_no_tighter_than_its_smallest_class_allows() -> None:
    found = confusion.interval(np.diag([500.0, 30.0]), confusion.FIGURES["balanced-accuracy"])
    assert found.value == 1.0
    assert found.lower < (1.0 + proportions.lower(30, 30)) / 2.0


@pytest.mark.parametrize(("name", "n"), [("mcc", 60), ("kappa", 60), ("balanced-accuracy", 60), ("macro-f1", 20)])
def test_small_rare_classes_are_covered_where_the_bootstrap_alone_is_not(
    monkeypatch: pytest.MonkeyPatch, name: str, n: int
) -> None:
    monkeypatch.setattr(confusion, "REPLICATES", 1000)
    figure = confusion.FIGURES[name]
    true, rng = float(figure.of(RARE)), np.random.default_rng(5)
    runs = 150
    covered = sum(
        confusion.interval(rng.multinomial(n, RARE.ravel()).reshape(2, 2).astype(float), figure, seed=i).lower <= true
        for i in range(runs)
    )
    assert proportions.upper(covered, runs, 0.01) >= 0.95


def test_clusters_and_weights_widen_the_linear_bound() -> None:
    rng = np.random.default_rng(1)
    cells = rng.choice(9, 2000, p=THREE.ravel())
    figure = confusion.FIGURES["macro-f1"]
    alone = confusion.linear_interval(cells, (3, 3), figure)
    together = confusion.linear_interval(
        np.repeat(cells[:200], 10), (3, 3), figure, groups=np.repeat(np.arange(200), 10)
    )
    assert together.value - together.lower > 2.0 * (alone.value - alone.lower)
    assert together.n_effective == pytest.approx(200, rel=0.05)
    half = confusion.linear_interval(cells, (3, 3), figure, weights=np.tile([0.0, 1.0], 1000))
    assert half.value == pytest.approx(confusion.linear_interval(cells[1::2], (3, 3), figure).value)
    apart = confusion.linear_interval(cells, (3, 3), figure, unsupported=0.1)
    assert apart.value == pytest.approx(0.9 * alone.value)


def test_a_ratio_is_covered_on_both_sides() -> None:
    rng = np.random.default_rng(2)
    above = below = 0
    runs = 200
    for _ in range(runs):
        amount = rng.beta(2, 3, 300)
        error = amount * rng.beta(1, 4, 300)
        found = ratios.interval(error, amount)
        below += found.lower <= 0.2
        above += found.upper >= 0.2
    assert proportions.upper(below, runs, 0.01) >= 0.95
    assert proportions.upper(above, runs, 0.01) >= 0.95


def test_a_ratio_of_dependent_pairs_is_bounded_as_few_pairs() -> None:
    rng = np.random.default_rng(3)
    amount, error = rng.random(100), 0.2 * rng.random(100)
    rows = np.repeat(error, 20), np.repeat(amount, 20)
    as_if_apart = ratios.interval(*rows)
    together = ratios.linear_interval(*rows, groups=np.repeat(np.arange(100), 20))
    assert together.value == pytest.approx(as_if_apart.value)
    assert together.upper - together.value > 1.5 * (as_if_apart.upper - as_if_apart.value)


def test_impossible_ratios_and_strata_are_refused() -> None:
    with pytest.raises(ValueError, match="divide"):
        ratios.interval(np.ones(3), np.zeros(3))
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        ratios.interval(np.array([2.0]), np.array([1.0]))
    with pytest.raises(ValueError, match="add up"):
        strata.interval(np.ones(4), np.array([0, 0, 1, 1]), np.array([0.5, 0.4]))


@pytest.mark.parametrize("sizes", [(400, 80), (150, 300)])
def test_strata_are_covered_in_and_out_of_proportion(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    shares, rates = np.array([5 / 6, 1 / 6]), np.array([0.95, 0.7])
    true, runs, covered = float(shares @ rates), 200, 0
    codes = np.repeat([0, 1], sizes)
    for _ in range(runs):
        hits = (rng.random(codes.size) < rates[codes]).astype(float)
        covered += strata.interval(hits, codes, shares).lower <= true
    assert proportions.upper(covered, runs, 0.01) >= 0.95


def test_a_stratum_that_no_row_stands_for_counts_as_wrong() -> None:
    found = strata.interval(np.ones(200), np.zeros(200, dtype=np.int64), np.array([0.7, 0.3]))
    assert found.lower < 0.7
    assert found.upper == 1.0


def test_neyman_gives_more_to_what_varies_more_and_something_to_all() -> None:
    assert strata.neyman(np.array([0.6, 0.2, 0.2]), np.array([0.2, 0.3, 0.0]), 12).tolist() == [7, 4, 1]
    assert strata.neyman(np.array([0.5, 0.5]), np.zeros(2), 5).sum() == 5


def test_an_auc_with_equal_weights_is_the_plain_one_and_clusters_widen_it() -> None:
    rng = np.random.default_rng(6)
    positive = rng.random(1000) < 0.3
    score = rng.normal(positive * 1.2)
    plain = auc.interval(score[positive], score[~positive])
    found = auc.weighted_interval(score, positive)
    assert found.value == pytest.approx(plain.value)
    assert found.lower == pytest.approx(plain.lower, abs=0.002)
    groups = np.repeat(np.arange(1000), 5)
    repeated = auc.weighted_interval(np.repeat(score, 5), np.repeat(positive, 5), groups=groups)
    assert repeated.lower == pytest.approx(plain.lower, abs=0.002)
