"""Every measure of the catalogue, held to the laws of one-pass, mergeable measurement."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plants.measure_tables import OPTIONS, same, table, text
from seatrial.measure.accumulator import Accumulator, MeasureError
from seatrial.measure.catalogue import CATALOGUE, restored, start

ROWS = 120
every_measure = pytest.mark.parametrize("name", list(CATALOGUE))
economical = settings(max_examples=12, deadline=None)


def measured(name: str, batches: list[pa.RecordBatch], partition: str = "p") -> Accumulator:
    measure = start(name, OPTIONS[name], partition=partition)
    for batch in batches:
        measure.update(batch)
    return measure


def parts(batch: pa.RecordBatch, cuts: list[int]) -> list[pa.RecordBatch]:
    ends = sorted({0, batch.num_rows, *(c % (batch.num_rows + 1) for c in cuts)})
    return [batch.slice(a, b - a) for a, b in pairwise(ends)] or [batch]


@every_measure
def test_its_results_and_state_are_plain_json(name: str) -> None:
    measure = measured(name, [table(ROWS, 1)])
    text(measure.finish())
    text(measure.state())


@every_measure
@given(cuts=st.lists(st.integers(0, ROWS), max_size=4), seed=st.integers(0, 99))
@economical
def test_merging_partitions_equals_one_pass(name: str, cuts: list[int], seed: int) -> None:
    whole = table(ROWS, seed)
    merged = start(name, OPTIONS[name])
    for i, part in enumerate(parts(whole, cuts)):
        merged.merge(measured(name, [part], f"p{i}"))
    assert same(merged.finish(), measured(name, [whole]).finish())


@every_measure
@given(seed=st.integers(0, 99))
@economical
def test_the_order_of_merges_and_their_grouping_do_not_matter(name: str, seed: int) -> None:
    a, b, c = (table(40 + 30 * i, seed + i) for i in range(3))

    def part(batch: pa.RecordBatch, partition: str) -> Accumulator:
        return measured(name, [batch], partition)

    left = part(a, "a")
    left.merge(part(b, "b"))
    left.merge(part(c, "c"))
    right = part(c, "c")
    inner = part(b, "b")
    inner.merge(part(a, "a"))
    right.merge(inner)
    assert same(left.finish(), right.finish())
    assert same(left.state(), right.state())


@every_measure
@given(seed=st.integers(0, 99))
@economical
def test_the_order_of_rows_does_not_matter(name: str, seed: int) -> None:
    whole = table(ROWS, seed)
    shuffled = whole.take(pa.array(np.random.default_rng(seed).permutation(ROWS)))
    assert same(measured(name, [whole]).finish(), measured(name, [shuffled]).finish())


@every_measure
@given(seed=st.integers(0, 99), cut=st.integers(0, ROWS))
@economical
def test_its_state_survives_a_round_trip_and_goes_on(name: str, seed: int, cut: int) -> None:
    whole = table(ROWS, seed)
    measure = measured(name, [whole.slice(0, cut)])
    again = restored(json.loads(text(measure.state())))
    assert same(again.state(), measure.state())
    assert again.partitions == measure.partitions
    again.update(whole.slice(cut))
    measure.update(whole.slice(cut))
    assert same(again.finish(), measure.finish())


@every_measure
def test_empty_batches_change_nothing(name: str) -> None:
    whole = table(ROWS, 3)
    empty = whole.slice(0, 0)
    assert same(measured(name, [empty, whole, empty]).finish(), measured(name, [whole]).finish())


@every_measure
def test_it_finishes_on_no_rows_at_all(name: str) -> None:
    text(start(name, OPTIONS[name]).finish())
    text(measured(name, [table(0, 1)]).finish())


@every_measure
def test_a_partition_counts_once(name: str) -> None:
    measure = measured(name, [table(30, 1)], "a")
    with pytest.raises(MeasureError, match="counted twice"):
        measure.merge(measured(name, [table(30, 1)], "a"))


@every_measure
def test_another_state_is_refused(name: str) -> None:
    other = next(n for n in CATALOGUE if n != name)
    with pytest.raises(MeasureError):
        start(name, OPTIONS[name]).load(measured(other, [table(10, 1)]).state())
    with pytest.raises(MeasureError):
        start(name, OPTIONS[name]).merge(start(other, OPTIONS[other]))


@every_measure
def test_a_damaged_state_is_refused(name: str) -> None:
    state = json.loads(text(measured(name, [table(30, 1)]).state()))
    damaged: list[Any] = [{"x": 1}, [], None, dict.fromkeys(state["body"], "?")]
    for body in damaged:
        with pytest.raises(MeasureError):
            restored({**state, "body": body})


@every_measure
def test_memory_is_bounded_on_a_ten_times_longer_stream(name: str) -> None:
    def size(batches: int) -> int:
        rng = np.random.default_rng(7)
        measure = start(name, {k: v for k, v in OPTIONS[name].items() if k != "columns"} | _narrow(name))
        for i in range(batches):
            measure.update(_wide(rng, 2000, i))
        return len(text(measure.state()))

    # Saturated caps and sketches may still fill up a little; what grows with the rows grows tenfold.
    assert size(60) < 2.2 * size(6)


def _narrow(name: str) -> dict[str, Any]:
    if name in {"confusion", "scores", "calibration", "decision-rate", "contract", "histogram"}:
        return {}
    return {"columns": ["calm", "word"], "cap": 500}


def _wide(rng: np.random.Generator, n: int, seed: int) -> pa.RecordBatch:
    batch = table(100, seed).take(pa.array(rng.integers(0, 100, n)))
    names = batch.schema.names
    for column, values in (
        ("calm", pa.array(rng.normal(size=n))),
        ("word", pa.array([f"w{i}" for i in rng.integers(0, 10**9, n)])),
    ):
        batch = batch.set_column(names.index(column), column, values)
    return batch


@every_measure
def test_a_missing_column_is_an_error_that_names_it(name: str) -> None:
    columns = start(name, OPTIONS[name]).columns()
    if columns:
        with pytest.raises(Exception, match=columns[0]):
            measured(name, [pa.record_batch({"other": [1]})])
