"""Worst slices: what SystemDS and the paper print, what going through all slices gives, and where the peer is blind."""

from __future__ import annotations

import csv
from itertools import combinations, product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.stats.slice_score import SliceScore
from seatrial.stats.tallies import Cells
from seatrial.stats.worst_slices import worst_slices

SALARIES = Path(__file__).parents[2] / "assets" / "salaries" / "salaries.csv"
SYSTEMDS = """
1.042/69210699988.477/11078019685.642/18  0.478/92957580467.849/11078019685.642/39
0.316/40425449547.480/11078019685.642/10  0.262/67630559163.266/7261504482.540/29
0.224/202448990843.317/11119010986.000/125  0.218/68860581248.568/7261504482.540/31
0.164/206527445340.279/11119010986.000/135  0.122/68961886413.866/7261504482.540/34
0.098/360278523220.479/11119010986.000/266  0.092/73954209826.485/11078019685.642/39
"""
"""Score, sum of errors, largest error, size: BuiltinSliceFinderTest of Apache SystemDS."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def salaries(bins_of_phd: int, bins_of_service: int) -> tuple[Ints, Floats]:
    """Codes from 1 in order of appearance or by equal widths, and the salaries."""
    with SALARIES.open() as file:
        rows = list(csv.DictReader(file))

    def appearing(name: str) -> Ints:
        seen: dict[str, int] = {}
        return np.array([seen.setdefault(row[name], len(seen) + 1) for row in rows])

    def binned(name: str, bins: int) -> Ints:
        values = np.array([float(row[name]) for row in rows])
        width = (values.max() - values.min()) / bins
        return np.asarray(np.maximum(1, np.ceil((values - values.min()) / width)), dtype=np.int64)

    columns = [
        appearing("rank"),
        appearing("discipline"),
        binned("yrs.since.phd", bins_of_phd),
        binned("yrs.service", bins_of_service),
        appearing("sex"),
    ]
    return np.column_stack(columns), np.array([float(row["salary"]) for row in rows])


def cells(table: Ints) -> list[Cells]:
    return [Cells(codes=codes, size=int(codes.max()) + 1) for codes in table.T]


def squared_errors(inputs: Floats, truth: Floats, ridge: Floats) -> Floats:
    fitted = np.linalg.solve(inputs.T @ inputs + np.diag(ridge), inputs.T @ truth)
    found: Floats = (truth - inputs @ fitted) ** 2
    return found


def test_the_ten_slices_of_systemds_come_out_to_the_last_digit() -> None:
    table, salary = salaries(14, 12)
    errors = squared_errors(table.astype(np.float64), salary, np.full(5, 1e-7))
    found = worst_slices(cells(table), errors, k=10, least_rows=4, conditions=5)
    expected = [[float(figure) for figure in line.split("/")] for line in SYSTEMDS.split()]
    # The fitted line itself is known to fourteen digits: one unit in the last digit printed.
    assert [[s.errors, s.largest] for s in found] == [pytest.approx(row[1:3], abs=0.0015) for row in expected]
    assert [[f"{s.score:.3f}", s.rows] for s in found] == [[f"{row[0]:.3f}", row[3]] for row in expected]


def test_the_papers_best_score_of_each_level_comes_out_to_twelve_digits() -> None:
    table, salary = salaries(10, 10)
    one_hot = np.concatenate([codes[:, None] == np.arange(1, codes.max() + 1) for codes in table.T], axis=1)
    inputs = np.column_stack([one_hot, np.ones(salary.size)]).astype(np.float64)
    errors = np.tile(squared_errors(inputs, salary, np.append(np.full(27, 1e-4), 0.0)), 2)
    doubled = cells(np.tile(table, (2, 2)))
    best = [worst_slices(doubled, errors, k=1, least_rows=32, conditions=many)[0].score for many in (1, 2, 3)]
    assert best == pytest.approx([0.356523639187839, 0.5439684997355, 0.6042099519477793], rel=1e-12)
    assert sum(int((c.codes == v).sum() >= 32) for c in doubled for v in range(1, c.size)) == 44


def by_going_through_all(
    table: Ints, errors: Floats, *, k: int, least: int, conditions: int
) -> list[tuple[float, tuple[tuple[int, int], ...]]]:
    score = SliceScore(alpha=0.95, rows=len(errors), errors=float(errors.sum()), least_rows=least)
    found = []
    for many in range(1, conditions + 1):
        for places in combinations(range(table.shape[1]), many):
            for values in product(*(range(int(table[:, p].max()) + 1) for p in places)):
                inside = np.all(table[:, places] == values, axis=1)
                value = float(score.of(np.array([inside.sum()]), np.array([errors[inside].sum()]))[0])
                if value > 1e-12:
                    found.append((value, tuple(zip(places, values, strict=True))))
    return sorted(found, key=lambda s: (-s[0], len(s[1]), s[1]))[:k]


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(4, 120),
    columns=st.integers(1, 5),
    size=st.integers(1, 4),
    least=st.integers(1, 6),
    k=st.integers(1, 8),
    counted=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_small_tables_agree_with_going_through_all_slices(
    seed: int, n: int, columns: int, size: int, least: int, k: int, *, counted: bool
) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(0, size, (n, columns))
    errors = (rng.random(n) < 0.3).astype(np.float64) if counted else np.round(rng.gamma(0.5, 1.0, n), 3)
    found = worst_slices(cells(table), errors, k=k, least_rows=least)
    expected = by_going_through_all(table, errors, k=k, least=least, conditions=3)
    assert [s.score for s in found] == pytest.approx([value for value, _ in expected])
    if counted:
        assert [s.members for s in found] == [members for _, members in expected]


def test_columns_with_too_many_values_for_one_table_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    table = rng.integers(0, 6, (2000, 4))
    errors = (rng.random(2000) < 0.1 + 0.4 * ((table[:, 0] == 2) & (table[:, 3] == 5))).astype(np.float64)
    whole = worst_slices(cells(table), errors)
    monkeypatch.setattr("seatrial.stats.worst_slices._MOST_CELLS", 20)
    assert worst_slices(cells(table), errors) == whole


@pytest.mark.parametrize("features", [14, 18, 24])
def test_a_planted_slice_is_found_however_many_columns_there_are(features: int) -> None:
    rng = np.random.default_rng(0)
    table = rng.integers(0, 10, (4000, features))
    planted = (table[:, 0] == 3) & (table[:, -1] == 4)
    errors = (rng.random(4000) < np.where(planted, 0.95, 0.05)).astype(np.float64)
    assert worst_slices(cells(table), errors, k=1, least_rows=32)[0].members == ((0, 3), (features - 1, 4))


def test_a_column_of_ten_thousand_values_is_no_obstacle() -> None:
    rng = np.random.default_rng(1)
    table = np.column_stack([rng.integers(0, 10_000, 5000), rng.integers(0, 3, 5000)])
    errors = (rng.random(5000) < 0.1 + 0.3 * (table[:, 1] == 1)).astype(np.float64)
    assert worst_slices(cells(table), errors, k=1)[0].members == ((1, 1),)


@pytest.mark.parametrize("errors", [np.zeros(50), np.ones(50)])
def test_where_all_rows_are_alike_no_slice_is_worse(errors: Floats) -> None:
    assert worst_slices(cells(np.arange(100).reshape(50, 2) % 3), errors) == []


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_errors_that_are_none_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite and not negative"):
        worst_slices(cells(np.zeros((3, 1), dtype=np.int64)), np.array([0.0, 1.0, bad]))


def test_three_rows_give_three_rows() -> None:
    found = worst_slices(cells(np.array([[0], [0], [1]])), np.array([0.0, 0.0, 1.0]), least_rows=1)
    assert [(s.members, s.rows, s.errors) for s in found] == [(((0, 1),), 1, 1.0)]


@given(seed=st.integers(0, 10_000), least=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_no_part_of_a_slice_scores_above_the_bound(seed: int, least: int) -> None:
    rng = np.random.default_rng(seed)
    errors = rng.gamma(0.5, 1.0, 40)
    score = SliceScore(alpha=0.95, rows=40, errors=float(errors.sum()), least_rows=least)
    whole = rng.choice(40, 15, replace=False)
    part = rng.choice(whole, int(rng.integers(1, 16)), replace=False)
    (bound,) = score.bound(np.array([15]), np.array([errors[whole].sum()]), np.array([errors[whole].max()]))
    (value,) = score.of(np.array([part.size]), np.array([errors[part].sum()]))
    assert value <= bound + 1e-9
