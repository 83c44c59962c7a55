"""model.threshold over time: who tries again on the same rows, or moves the limit, gets a stricter bound or a gap."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from plants.scored_trial import World, world
from plants.told import finding, measure
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Weight
from seatrial.domains.model.threshold import CHECK


def observe(made: World) -> Observation:
    found = CHECK.run(made.system(), made.trial())
    assert isinstance(found, Observation), found
    return found


def test_another_model_on_the_same_rows_makes_the_bound_stricter_and_a_rerun_does_not() -> None:
    made = world(n=600)
    first = observe(made)
    trial = made.trial()
    trial.observed("model.threshold", first, {"model": "m1", "data.evaluation": "e1"}, days_ago=3)
    again = CHECK.run(made.system(), trial)
    assert again == first
    trial.observed("model.threshold", first, {"model": "m0", "data.evaluation": "e1"}, days_ago=2)
    assert CHECK.run(made.system(), trial) == first
    trial.parts["model"] = "m2"
    third = CHECK.run(made.system(), trial)
    assert isinstance(third, Observation)
    assert third.facts["attempt"] == 3
    assert measure(third, "accuracy").confidence == pytest.approx(1 - 0.05 / 12)
    assert (measure(third, "accuracy").lower or 1) < (measure(first, "accuracy").lower or 0)
    assert finding(third, "repeated-attempt").weight is Weight.NOTE


def test_the_same_rows_declared_differently_are_no_fresh_rows() -> None:
    made = world(n=600)
    first = observe(made)
    made.declared["data"]["evaluation"].pop("entity")
    trial = made.trial()
    trial.parts |= {"model": "m2", "data.evaluation": "e2"}
    trial.observed("model.threshold", first, {"model": "m1", "data.evaluation": "e1"}, days_ago=3)
    second = CHECK.run(made.system(), trial)
    assert isinstance(second, Observation)
    assert second.facts["attempt"] == 2


def _tried_before(now: World, before: World, *, declared: Any = None) -> Observation:
    """What is seen of another model on other data, after the model of `before` was measured on its data."""
    first = observe(before)
    if declared is not None:
        now.declared["governance"].update(declared)
    trial = now.trial()
    trial.parts |= {"model": "m2", "data.evaluation": "e2"}
    trial.observed("model.threshold", first, {"model": "m1", "data.evaluation": "e1"}, days_ago=3)
    found = CHECK.run(now.system(), trial)
    assert isinstance(found, Observation)
    return found


def _with_rows(made: World, more: World, kept: slice) -> World:
    """The first world's evaluation rows, of them those `kept`, with the second's behind them."""
    for name in ("evaluation", "scored.evaluation"):
        both = [pa.table(made.columns[name]).slice(kept.start or 0, kept.stop), pa.table(more.columns[name])]
        joined = pa.concat_tables(both)
        made.columns[name] = {c: joined[c].combine_chunks() for c in joined.column_names}
    return made


def test_a_few_rows_more_do_not_make_them_fresh() -> None:
    found = _tried_before(_with_rows(world(n=2000), world(n=60, seed=5), slice(0, 2000)), world(n=2000))
    assert found.facts["attempt"] == 2
    assert "share rows" in finding(found, "repeated-attempt").summary
    fewer = _tried_before(_with_rows(world(n=2000), world(n=30, seed=5), slice(0, 400)), world(n=2000))
    assert fewer.facts["attempt"] == 2


def test_fresh_rows_are_fresh_though_a_few_of_them_were_seen() -> None:
    assert _tried_before(world(n=2000, seed=5), world(n=2000)).facts["attempt"] == 1
    some = _with_rows(world(n=2000), world(n=2000, seed=5), slice(0, 60))
    assert _tried_before(some, world(n=2000)).facts["attempt"] == 1


def test_attempts_count_for_each_metric_whatever_its_threshold() -> None:
    other = {"metric": "recall@0.4", "minimum": 0.7, "metrics": [{"metric": "precision@0.4", "minimum": 0.5}]}
    found = _tried_before(world(n=2000), world(n=2000), declared=other)
    assert measure(found, "recall@0.4").confidence == pytest.approx(1 - 0.05 / 6)
    assert measure(found, "precision@0.4").confidence == pytest.approx(0.95)


def test_fresh_rows_for_the_same_model_get_a_bound_that_allows_looking_again() -> None:
    made = world(n=600)
    trial = made.trial()
    before = observe(world(n=300))
    trial.observed("model.threshold", before, {"model": "m1", "data.evaluation": "e0"}, days_ago=3)
    found = CHECK.run(made.system(), trial)
    assert isinstance(found, Observation)
    assert "every sample size" in measure(found, "accuracy").method


def test_a_limit_loosened_after_results_is_a_gap_until_it_is_approved_anew() -> None:
    made = world(n=600)
    made.declared["governance"].update(metric="accuracy", minimum=0.9, metrics=[])
    before = observe(made)
    made.declared["governance"]["minimum"] = 0.8
    trial = made.trial()
    trial.observed("model.threshold", before, {"model": "m0", "data.evaluation": "e1"}, days_ago=3)
    found = CHECK.run(made.system(), trial)
    assert isinstance(found, Observation)
    assert finding(found, "limit-set-after-results").weight is Weight.GAP
    made.declared["governance"]["plan"]["approved_on"] = "2026-11-22"
    found = CHECK.run(made.system(), trial)
    assert isinstance(found, Observation)
    assert finding(found, "limit-set-after-results").weight is Weight.NOTE
