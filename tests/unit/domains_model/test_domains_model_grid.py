"""The grid of conditions: what it counts is what its conditions, read as people read them, are true of."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.model.grid import Grid, as_bits, count_bits, grid_of, halves, in_three
from seatrial.domains.model.loss import Loss
from seatrial.domains.model.slice_search import Candidate, errors_of, with_more
from seatrial.domains.model.slice_triples import triples
from seatrial.domains.model.slices import confirmed_slices, searched
from seatrial.domains.scored.rows import Mask, Rows, features_of
from seatrial.measure.columns import Columns
from seatrial.spec.model import InputField
from seatrial.stats.tallies import crossed

INPUTS = {
    "load": InputField(type="number"),
    "count": InputField(type="integer"),
    "carrier": InputField(type="string"),
    "open": InputField(type="boolean"),
}


def table(n: int, seed: int) -> pa.RecordBatch:
    rng = np.random.default_rng(seed)
    return pa.RecordBatch.from_pydict(
        {
            "id": np.arange(n),
            "load": pa.array(np.round(rng.normal(0, 1, n), 2), mask=rng.random(n) < 0.1),
            "count": np.round(rng.poisson(2, n) * 0.1, 1),
            "carrier": pa.array(rng.choice(["red", 'q"uo', "grey", "blue"], n), mask=rng.random(n) < 0.1),
            "open": rng.random(n) < 0.3,
        }
    )


def grid(n: int, seed: int) -> tuple[Grid, RowConditions]:
    rows = Rows(columns=Columns(table(n, seed)), total=n)
    conditions = RowConditions(rows.columns)
    made = grid_of(features_of(rows, INPUTS), np.arange(n), *halves(conditions, np.arange(n), ["id"]), many=4)
    assert made is not None
    return made, conditions


@given(seed=st.integers(0, 1000), n=st.integers(250, 600))
@settings(max_examples=15, deadline=None)
def test_every_count_is_that_of_the_rows_of_which_the_conditions_are_true(seed: int, n: int) -> None:
    made, conditions = grid(n, seed)
    masks = [conditions.holds(condition) for condition in made.conditions]
    for i, mask in enumerate(masks):
        assert (made.rows((i,)) == mask).all(), made.conditions[i].text
    first = np.array([mask[made.find.rows] for mask in masks], dtype=np.int64)
    assert (made.together == first @ first.T).all()
    wrong = np.random.default_rng(seed).random(n) < 0.3
    errors = errors_of(made, wrong)
    assert (errors.together == (first * wrong[made.find.rows]) @ first.T).all()
    at = [np.flatnonzero(made.facet_at == place) for place in range(3)]
    facets = made.facets[:3]
    cells = crossed(crossed(facets[0].cells, facets[1].cells), facets[2].cells)
    assert (in_three(facets, cells) == np.einsum("ar,br,cr->abc", *(first[i] for i in at))).all()


def test_errors_that_are_added_count_as_if_they_had_been_there() -> None:
    made, _ = grid(500, 1)
    rng = np.random.default_rng(1)
    wrong = rng.random(500) < 0.2
    more = np.flatnonzero(~wrong[made.find.rows])[:20]
    added = with_more(made, errors_of(made, wrong), more)
    wrong[made.find.rows[more]] = True
    whole = errors_of(made, wrong)
    assert (added.bits == whole.bits).all()
    assert (added.together == whole.together).all()
    assert added.total == whole.total


def test_halves_are_apart_and_together_all_rows() -> None:
    made, _ = grid(501, 2)
    assert sorted([*made.find.rows, *made.confirm.rows]) == list(range(501))
    assert abs(made.find.n - made.confirm.n) == 1


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000])
def test_bits_count_what_the_mask_holds(n: int) -> None:
    mask = np.random.default_rng(n).random(n) < 0.5
    assert int(count_bits(as_bits(mask))) == int(mask.sum())


def three(made: Grid) -> tuple[int, ...]:
    """A condition each over load, carrier and open."""
    wanted = ('carrier == "red"', "open == 1", "load >")
    chosen = {made.sources[i]: i for i, c in enumerate(made.conditions) if c.text.startswith(wanted)}
    return tuple(sorted(chosen.values()))


def loss(wrong: Mask) -> Loss:
    return Loss(values=wrong.astype(np.float64))


def by_going_through_all(made: Grid, wrong: Mask) -> float:
    """The largest excess, in standard deviations, of any three conditions over different sources."""
    first = wrong[made.find.rows]
    mean = float(first.mean())
    best = -np.inf
    for members in combinations(range(len(made.conditions)), 3):
        if len({made.sources[i] for i in members}) == 3:
            inside = made.rows(members)[made.find.rows]
            n = int(inside.sum())
            if 20 <= n <= 0.4 * first.size:
                best = max(best, (int(first[inside].sum()) - n * mean) / np.sqrt(n * mean * (1 - mean)))
    return float(best)


def test_the_strongest_group_of_three_is_the_one_that_going_through_all_finds() -> None:
    made, _ = grid(2000, 5)
    wrong = np.random.default_rng(0).random(2000) < 0.05 + 0.7 * made.rows(three(made))
    found = triples(made, errors_of(made, wrong))
    mean = float(wrong[made.find.rows].mean())

    def z(each: Candidate) -> float:
        return float((each.errors - each.n * mean) / np.sqrt(each.n * mean * (1 - mean)))

    assert z(found[0]) == pytest.approx(by_going_through_all(made, wrong))
    assert [z(each) for each in found] == sorted((z(each) for each in found), reverse=True)


def test_a_weak_slice_of_three_conditions_is_confirmed_as_such() -> None:
    n = 12_000
    made, conditions = grid(n, 7)
    wrong = np.random.default_rng(0).random(n) < 0.08 + 0.5 * made.rows(three(made))
    found = confirmed_slices(made, loss(wrong), searched(made, loss(wrong)), alpha=0.05, rise=0.1)
    best = max(found, key=lambda each: each.error - each.rest)
    assert len(best.members) == 3
    assert set(best.condition.fields) == {"carrier", "open", "load"}
    assert (best.rows == conditions.holds(best.condition)).all()


@pytest.mark.parametrize("wrong", [np.zeros(300, dtype=bool), np.ones(300, dtype=bool)])
def test_where_all_or_nothing_is_wrong_no_slice_is_weak(wrong: Mask) -> None:
    made, _ = grid(300, 3)
    assert confirmed_slices(made, loss(wrong), searched(made, loss(wrong)), alpha=0.05, rise=0.1) == []
