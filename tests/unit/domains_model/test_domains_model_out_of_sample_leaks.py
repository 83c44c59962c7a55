"""Fields that give the label away, alone or together, are a gap that names them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from out_of_sample_scene import observe

from plants.scored_trial import World, scored, world
from plants.told import codes, finding
from seatrial.core.check import PREDICTION
from seatrial.core.vocabulary import Weight
from seatrial.domains.model.field_pairs import CUT, together
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Feature


def test_a_field_that_knows_the_answer_is_a_gap_that_names_it() -> None:
    made = world()
    made.declared["model"]["inputs"]["gate_delay"] = {"type": "number"}
    rng = np.random.default_rng(1)
    for table in ("evaluation", "scored.evaluation"):
        columns = made.columns[table]
        columns["gate_delay"] = columns["late"] * 2.3 + np.random.default_rng(2).normal(0, 1, 3000)
    made.columns["live"]["gate_delay"] = rng.normal(0, 1, 2000) + 2.3 * made.columns["live"]["late"]
    found = finding(observe(made), "target-leak")
    assert found.fields == ("gate_delay",)
    assert found.weight is Weight.GAP


def test_a_leaking_category_is_found_too() -> None:
    made = world()
    made.declared["model"]["inputs"]["desk"] = {"type": "string"}
    rng = np.random.default_rng(1)
    for table in ("evaluation", "scored.evaluation", "live"):
        late = np.asarray(made.columns[table]["late"])
        told = np.where(rng.random(late.size) < 0.97, late, 1 - late)
        made.columns[table]["desk"] = np.where(told == 1, "claims", rng.choice(["north", "south"], late.size))
    assert finding(observe(made), "target-leak").fields == ("desk",)


def test_a_leak_that_is_no_declared_input_is_not_the_models_problem() -> None:
    made = world()
    for table in ("evaluation", "scored.evaluation", "live"):
        made.columns[table]["gate_delay"] = made.columns[table]["late"] * 2.0
    assert "target-leak" not in codes(observe(made))


def test_a_field_far_better_than_the_whole_model_is_a_gap() -> None:
    made = world()
    made.columns["scored.evaluation"] = scored(made.columns["evaluation"], noise=6.0)
    assert finding(observe(made), "target-leak").fields == ("distance",)


@pytest.mark.parametrize("way", ["less", "divided by", "harmless"])
def test_two_numbers_that_are_the_label_together_are_a_leak(way: str) -> None:
    made = world(n=1500, live=1500)
    for at, table in enumerate(("training", "evaluation", "scored.evaluation", "live")):
        columns = made.columns[table]
        # Evaluation rows and scored ones are the same rows.
        rng = np.random.default_rng(max(1, at) if table != "scored.evaluation" else 1)
        late = np.asarray(columns["late"], dtype=float)
        wide = rng.uniform(0, 5, late.size)
        planned = 10.0**wide if way == "divided by" else 1000.0 * wide
        delay = np.where(late == 1, 45.0, 5.0) + rng.normal(0, 1.5, late.size)
        columns["planned"] = planned
        columns["actual"] = {"less": planned + delay, "divided by": planned * delay}.get(
            way, planned + rng.normal(20, 9)
        )
    made.declared["model"]["inputs"] |= {"planned": {"type": "number"}, "actual": {"type": "number"}}
    found = observe(made)
    if way == "harmless":
        assert "target-leak" not in codes(found)
        return
    leak = finding(found, "target-leak")
    assert set(leak.fields) == {"planned", "actual"}
    assert "actual" in leak.summary


def test_numbers_that_add_up_to_the_target_of_a_forecast_are_a_leak() -> None:
    rng = np.random.default_rng(4)
    n = 1000
    net, tax, size = rng.lognormal(4, 1, n), rng.lognormal(2, 1, n), rng.lognormal(3, 1, n)

    def pairs(truth: Any) -> Any:
        found = Outcomes(
            task="regression",
            rows=np.arange(n),
            truth=truth,
            predicted=truth,
            answered=np.ones(n, dtype=bool),
            score=np.full(n, np.nan),
        )
        numbers = [Feature(name=k, source=k, numbers=v) for k, v in (("net", net), ("tax", tax), ("size", size))]
        return together(numbers, found, alpha=0.05, seed=1)

    assert pairs(net + tax)[0].name == "net plus tax"
    assert pairs(net + tax)[0].found.lower > CUT["regression"]
    assert pairs(size / tax)[0].name == "size divided by tax"
    assert pairs(net * size * np.exp(rng.normal(0, 0.4, n)))[0].found.lower < CUT["regression"]


def test_a_regression_leak_explains_nearly_all_of_the_variance() -> None:
    made = world()
    made.declared["model"].update(task="regression", output={"prediction": "minutes"})
    made.declared["governance"].update(metric="within@12", minimum=0.5, metrics=[])
    for table in ("evaluation", "scored.evaluation", "live"):
        columns = made.columns[table]
        columns["late"] = columns["load"] * 30 + np.random.default_rng(1).normal(0, 4, len(columns["load"]))
        columns["temp"] = columns["late"] * 1.01
    made.columns["scored.evaluation"]["seatrial.prediction"] = made.columns["scored.evaluation"]["load"] * 30
    assert finding(observe(made), "target-leak").fields == ("temp",)


def test_a_field_that_is_filled_only_where_the_label_is_known_is_a_gap() -> None:
    made = world(n=1500, live=600)
    for table in ("evaluation", "scored.evaluation"):
        late = np.asarray(made.columns[table]["late"]).astype(float)
        late[1300:] = np.nan
        made.columns[table]["late"] = pa.array(late, from_pandas=True).cast(pa.int64())
        made.columns[table]["unloaded"] = np.where(np.isnan(late), np.nan, np.arange(1500) % 17)
    made.columns["live"]["unloaded"] = np.arange(600.0) % 17
    made.declared["model"]["inputs"]["unloaded"] = {"type": "number", "nullable": True}
    assert finding(observe(made), "only-with-label").weight is Weight.GAP


def test_a_time_that_tells_the_label_by_how_late_it_is_is_a_leak() -> None:
    made = world(n=1500, live=600)
    made.declared["model"]["inputs"]["arrived"] = {"type": "time"}
    for table in ("evaluation", "scored.evaluation", "live"):
        start = made.columns[table]["at"].to_numpy().astype("datetime64[s]")
        late = np.asarray(made.columns[table]["late"])
        delay = late * 3600 + np.random.default_rng(1).integers(0, 1800, len(late))
        made.columns[table]["arrived"] = pa.array(start + delay, type=pa.timestamp("s", tz="UTC"))
    found = observe(made)
    assert finding(found, "target-leak").fields == ("arrived",)
    assert "after at in 100 %" in finding(found, "later-than-prediction").summary


def sorted_mail(*, flag: str = "none", declared: bool = False) -> World:
    """Deliveries of four classes, of which `lost` is rare; `flag` is an input that may tell it."""
    made = world(n=2000, live=1500)
    made.declared["model"].update(task="multiclass", output={"prediction": "late"})
    made.declared["governance"].update(metric="accuracy", minimum=0.5, metrics=[])
    for at, table in enumerate(("training", "evaluation", "live")):
        columns, rng = made.columns[table], np.random.default_rng([3, at])
        hours = np.asarray(columns["load"]) * 3 + rng.normal(0, 0.5, len(columns["load"]))
        truth = np.where(rng.random(hours.size) < 0.03, "lost", np.array(["early", "due", "late"])[_third(hours)])
        said = np.where(truth == "lost", "due", np.array(["early", "due", "late"])[_third(columns["load"] * 3)])
        if flag == "told":
            columns["flag"] = (truth == "lost").astype(int)
            said = np.where(truth == "lost", "lost", said)
        elif flag == "helps":
            # Known early, and right in a part of the cases only.
            columns["flag"] = np.where(rng.random(hours.size) < 0.8, truth == "lost", rng.random(hours.size) < 0.2) * 1
        columns["late"] = truth
        if table != "training":
            none = pa.nulls(hours.size, pa.string())
            made.columns[f"scored.{table}"] = {**columns, PREDICTION: said, "seatrial.problem": none}
    if flag != "none":
        known = {"known": "when it is handed in", "fed_by": "desk"} if declared else {}
        made.declared["model"]["inputs"]["flag"] = {"type": "integer", **known}
        made.declared["integrations"] = {
            "desk": {"kind": "http", "direction": "in", "test": {"url": "http://127.0.0.1:1"}}
        }
    return made


def _third(values: Any) -> Any:
    return np.clip(np.asarray(values, dtype=float), 0, 2.99).astype(int)


def test_a_field_that_gives_a_rare_class_away_stays_open_until_somebody_says_when_it_is_known() -> None:
    told = finding(observe(sorted_mail(flag="told")), "class-told")
    assert told.weight is Weight.OPEN
    assert told.fields == ("flag",)
    assert "the class lost" in told.summary
    assert "model.inputs.flag.known" in told.remedy


@pytest.mark.parametrize("flag", ["none", "helps"])
def test_a_field_that_helps_with_a_rare_class_gives_nothing_away(flag: str) -> None:
    assert not {"class-told", "target-leak"} & set(codes(observe(sorted_mail(flag=flag))))


def test_a_field_that_is_known_before_and_tells_a_class_is_shown_to_who_signs() -> None:
    found = observe(sorted_mail(flag="told", declared=True))
    assert "class-told" not in codes(found)
    assert finding(found, "label-known-before").weight is Weight.NOTE
