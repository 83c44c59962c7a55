"""model.out-of-sample: answers on evaluation rows against those on live rows, and pairs of fields known before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from out_of_sample_scene import observe

from plants.scored_trial import World, scored, world
from plants.told import codes, finding
from seatrial.core.check import PREDICTION, SCORE
from seatrial.core.vocabulary import Weight

_ROWS = ("evaluation", "scored.evaluation")


def oversampled(times: float, **evaluation: Any) -> World:
    """Late deliveries were labelled so many times as often as others, and every input tells only a little of it."""
    made = world(n=6000, live=1500)
    made.declared["data"]["evaluation"].update(evaluation)
    rng = np.random.default_rng(3)
    for table in ("evaluation", "live"):
        rows = made.columns[table]
        n = len(rows["late"])
        late = rng.random(n) < 0.15
        rows["late"] = late.astype(int)
        rows["load"] = np.clip(rng.beta(2, 2, n) + 0.04 * late, 0, 1).round(3)
        rows["distance"] = np.round(rng.gamma(4, 60, n), 1)
        said = np.where(rng.random(n) < 0.9, rows["late"], 1 - rows["late"])
        made.columns[f"scored.{table}"] = {**scored(rows), PREDICTION: said, SCORE: np.where(said == 1, 0.8, 0.2)}
    chance = np.where(np.asarray(made.columns["evaluation"]["late"]) == 1, 1.0, 1.0 / times)
    kept = np.flatnonzero(rng.random(6000) < chance)
    for table in _ROWS:
        made.columns[table] = {
            name: column.take(pa.array(kept)) if isinstance(column, pa.Array) else np.asarray(column)[kept]
            for name, column in made.columns[table].items()
        } | {"stands_for": 1.0 / chance[kept]}
    return made


def test_rows_that_were_drawn_by_their_outcome_are_a_gap_although_every_input_lies_where_it_lies_live() -> None:
    found = observe(oversampled(5.0))
    told = finding(found, "answers-differ")
    assert told.weight is Weight.GAP
    assert "data.evaluation.weight" in told.remedy
    assert "field-drift" not in codes(found)
    auc = next(m for m in found.measures if "told from evaluation" in m.name)
    assert (auc.upper or 1.0) < 0.65


@pytest.mark.parametrize("times", [1.0, 5.0])
def test_rows_that_were_drawn_alike_and_rows_whose_drawing_is_declared_pass(times: float) -> None:
    declared = {} if times == 1.0 else {"weight": "stands_for"}
    assert codes(observe(oversampled(times, **declared)), Weight.GAP, Weight.OPEN) == set()


def test_a_rare_answer_that_is_several_times_as_frequent_is_a_gap() -> None:
    made = world(n=3000, live=3000)
    for table, share in (("scored.evaluation", 0.08), ("scored.live", 0.02)):
        n = len(made.columns[table]["late"])
        made.columns[table][PREDICTION] = (np.random.default_rng(4).random(n) < share).astype(int)
    assert "7.73 % of the evaluation rows" in finding(observe(made), "answers-differ").summary


def test_numbers_that_are_predicted_far_higher_than_live_are_a_gap() -> None:
    made = world(n=1500, live=1500)
    made.declared["model"].update(task="regression", output={"prediction": "minutes"})
    made.declared["governance"].update(metric="mae@60", minimum=None, metrics=[])
    for table in ("training", "evaluation", "scored.evaluation", "live", "scored.live"):
        rows = made.columns[table]
        n = len(rows["late"])
        rows["late"] = np.random.default_rng(n).normal(30, 10, n)
        if table.startswith("scored"):
            rows[PREDICTION] = rows["late"] + (20.0 if table == "scored.evaluation" else 0.0)
    assert finding(observe(made), "answers-differ").weight is Weight.GAP
    made.columns["scored.evaluation"][PREDICTION] = made.columns["scored.evaluation"]["late"]
    assert "answers-differ" not in codes(observe(made))


@pytest.mark.parametrize("live", [None, 0])
def test_live_rows_without_answers_leave_it_open(live: int | None) -> None:
    made = world(n=1500, live=1500)
    if live is None:
        del made.columns["scored.live"]
    else:
        made.columns["scored.live"][PREDICTION] = pa.nulls(1500, pa.int64())
    assert finding(observe(made), "answers-not-compared").weight is Weight.OPEN


def priced(*, live: bool = True) -> World:
    """A price that is an area times a rate, both known when it is asked for, beside a model that multiplies them."""
    made = world(n=1500, live=1500)
    made.declared["model"].update(task="regression", output={"prediction": "price"})
    made.declared["governance"].update(metric="mae@60", minimum=None, metrics=[])
    for table in ("training", "evaluation", "live"):
        rows = made.columns[table]
        n = len(rows["late"])
        rng = np.random.default_rng([n, table == "training"])
        rows["area"], rows["rate"] = rng.uniform(20, 200, n), rng.uniform(5, 15, n)
        rows["late"] = rows["area"] * rows["rate"] * (1 + rng.normal(0, 0.01, n))
        rows["fee"] = rng.uniform(0, 900, n)
        rows["total"] = rows["late"] + rows["fee"]
        if table != "training":
            said = rows["area"] * rows["rate"]
            none = pa.nulls(n, pa.float64())
            made.columns[f"scored.{table}"] = {**rows, PREDICTION: said, SCORE: none, "seatrial.problem": none}
    inputs = made.declared["model"]["inputs"]
    inputs |= {name: {"type": "number", "known": "in the request", "fed_by": "desk"} for name in ("area", "rate")}
    made.declared["integrations"] = {"desk": {"kind": "http", "direction": "in", "test": {"url": "http://127.0.0.1:1"}}}
    if not live:
        made.columns["live"]["rate"] = np.where(np.arange(1500) % 3 == 0, np.nan, made.columns["live"]["rate"])
    return made


def test_two_numbers_that_give_the_label_are_a_leak_until_somebody_says_when_they_are_known() -> None:
    made = priced()
    del made.declared["model"]["inputs"]["rate"]["known"]
    leak = finding(observe(made), "target-leak")
    assert leak.weight is Weight.GAP
    assert "model.inputs.area.known" in leak.remedy


def test_what_is_declared_known_and_stands_in_live_rows_is_a_judgement_that_the_signer_sees() -> None:
    found = observe(priced())
    assert "target-leak" not in codes(found)
    told = finding(found, "label-known-before")
    assert told.weight is Weight.NOTE
    assert "in the request" in told.summary
    assert "signature" in told.remedy


@pytest.mark.parametrize("lacking", ["live", "integration", "takes"])
def test_what_is_declared_known_and_not_shown_stays_open(lacking: str) -> None:
    made = priced(live=lacking != "live")
    if lacking == "integration":
        del made.declared["model"]["inputs"]["rate"]["fed_by"]
    if lacking == "takes":
        made.declared["integrations"]["desk"]["direction"] = "out"
    assert finding(observe(made), "known-not-shown").weight is Weight.OPEN


def test_a_pair_that_is_declared_known_hides_no_other_one() -> None:
    made = priced()
    made.declared["model"]["inputs"] |= {"fee": {"type": "number"}, "total": {"type": "number"}}
    found = observe(made)
    assert set(finding(found, "target-leak").fields) == {"fee", "total"}
    assert finding(found, "label-known-before").weight is Weight.NOTE
