"""model.threshold on rows that were not drawn alike, and with metrics of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plants.scored_trial import World, scored, world
from power.family import judged
from seatrial.adapters.http import Http
from seatrial.adapters.models.catalogue import open_function
from seatrial.core.check import PREDICTION, SCORE
from seatrial.core.observation import Measure, Observation, Reason
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.domains.model.out_of_sample import CHECK as OUT_OF_SAMPLE
from seatrial.domains.model.threshold import CHECK
from seatrial.stats.active import draw


def sound(n: int = 1500, **evaluation: Any) -> World:
    made = world(n=n, live=600)
    made.declared["governance"].update(metric="accuracy", minimum=0.7, metrics=[])
    made.declared["data"]["evaluation"].update(evaluation)
    return made


def run(made: World) -> Observation | Reason:
    return CHECK.run(made.system(), made.trial())


def measured(made: World, name: str = "accuracy") -> Measure:
    found = run(made)
    assert isinstance(found, Observation), found
    return next(m for m in found.measures if m.name == name)


def with_right(made: World, rate: np.ndarray, seed: int = 1) -> np.ndarray:
    """Let the model be right with that chance in each row; which rows it is right on."""
    columns = made.columns["scored.evaluation"]
    right = np.random.default_rng(seed).random(rate.size) < rate
    columns[PREDICTION] = np.where(right, columns["late"], 1 - np.asarray(columns["late"]))
    return right


def test_declared_weights_turn_the_sample_into_the_population() -> None:
    made = sound(weight="stands_for")
    red = np.asarray(made.columns["scored.evaluation"]["carrier"]) == "red"
    right = with_right(made, np.where(red, 0.6, 0.95))
    weights = np.where(red, 4.0, 1.0)
    made.columns["scored.evaluation"]["stands_for"] = weights
    found = measured(made)
    assert found.value == pytest.approx(float(np.average(right, weights=weights)))
    assert found.approximate


def drawn_more_often(share: float, **evaluation: Any) -> World:
    """Red rows stand as often again in the evaluation data as in live traffic, and the model is worse on them."""
    made = sound(n=4000, **evaluation)
    columns = made.columns["scored.evaluation"]
    red = np.asarray(columns["carrier"]) == "red"
    with_right(made, np.where(red, 0.6, 0.95))
    kept = np.flatnonzero(np.random.default_rng(5).random(red.size) < np.where(red, 1.0, share))
    for table in ("evaluation", "scored.evaluation"):
        made.columns[table] = {
            name: column.take(kept) if hasattr(column, "take") else np.asarray(column)[kept]
            for name, column in made.columns[table].items()
        } | {"stands_for": np.where(red[kept], 1.0, 1.0 / share)}
    return made


SHARES = {"blue": 0.4, "green": 0.3, "red": 0.2, "grey": 0.1}


@pytest.mark.parametrize("how", [{"weight": "stands_for"}, {"strata": {"column": "carrier", "shares": SHARES}}])
def test_rows_drawn_on_purpose_are_compared_with_live_traffic_as_what_they_stand_for(how: dict[str, Any]) -> None:
    made = drawn_more_often(0.15, **how)
    plain, live = (measured(made, name) for name in ("accuracy", "accuracy on the live mix"))
    assert plain.value == pytest.approx(0.88, abs=0.02)
    assert live.value == pytest.approx(plain.value, abs=0.02)
    looked = OUT_OF_SAMPLE.run(made.system(), made.trial())
    assert isinstance(looked, Observation)
    assert "field-drift" not in {finding.code for finding in looked.findings}
    assert judged(OUT_OF_SAMPLE, made.system(), looked) is Outcome.MET
    undeclared = drawn_more_often(0.15)
    alike = OUT_OF_SAMPLE.run(undeclared.system(), undeclared.trial())
    assert isinstance(alike, Observation)
    assert "field-drift" in {finding.code for finding in alike.findings}


@pytest.mark.parametrize("bad", [-1.0, np.nan, 0.0])
def test_weights_that_are_none_are_a_reason(bad: float) -> None:
    made = sound(n=200, weight="stands_for")
    made.columns["scored.evaluation"]["stands_for"] = np.full(200, bad)
    found = run(made)
    assert isinstance(found, Reason)
    assert found.code == "drawing-unusable"


def test_strata_count_by_their_share_of_live_traffic() -> None:
    shares = {"blue": 0.1, "green": 0.1, "red": 0.7, "grey": 0.1}
    made = sound(strata={"column": "carrier", "shares": shares})
    carrier = np.asarray(made.columns["scored.evaluation"]["carrier"])
    right = with_right(made, np.where(carrier == "red", 0.7, 0.95))
    found = measured(made)
    assert found.value == pytest.approx(sum(share * right[carrier == name].mean() for name, share in shares.items()))
    assert not found.approximate


def test_a_stratum_without_a_declared_share_is_a_reason_that_names_it() -> None:
    found = run(sound(n=200, strata={"column": "carrier", "shares": {"blue": 0.5, "green": 0.5}}))
    assert isinstance(found, Reason)
    assert "red" in found.summary


def drawn_world(labels: int = 600) -> tuple[World, float]:
    """Labels drawn where the model doubts, and the accuracy over the whole pool."""
    made = sound(n=3000, drawn={"order": "place", "probability": "chance", "rows": 3000, "floor": 0.5})
    columns = made.columns["scored.evaluation"]
    doubt = np.random.default_rng(3).random(3000) < 0.2
    right = with_right(made, np.where(doubt, 0.6, 0.97))
    rows, chances = draw(np.where(doubt, 0.63, 0.17), labels, seed=1)
    made.columns["scored.evaluation"] = {
        name: (column.take(rows) if hasattr(column, "take") else np.asarray(column)[rows])
        for name, column in columns.items()
    } | {"place": np.arange(1, labels + 1), "chance": chances}
    return made, float(right.mean())


def test_labels_that_were_drawn_where_the_model_doubts_give_an_unbiased_estimate() -> None:
    made, true = drawn_world()
    found = measured(made)
    naive = np.mean(
        np.asarray(made.columns["scored.evaluation"][PREDICTION]) == made.columns["scored.evaluation"]["late"]
    )
    assert naive < true - 0.03
    assert found.value == pytest.approx(true, abs=0.03)
    assert "LURE" in found.method


def test_drawn_rows_after_a_missing_one_do_not_count() -> None:
    made, _ = drawn_world()
    columns = made.columns["scored.evaluation"]
    columns["place"] = np.where(np.arange(600) < 300, np.arange(1, 601), np.arange(2, 602))
    assert measured(made).n == 300
    columns["place"] = np.arange(2, 602)
    found = run(made)
    assert isinstance(found, Reason)
    assert found.code == "drawing-unusable"


def test_live_predictions_sharpen_the_bound_of_rows_that_come_from_live_traffic() -> None:
    made = sound(n=800)
    live = dict(made.columns["evaluation"])
    big = world(n=6000, live=10, seed=1)
    made.columns["live"] = {name: big.columns["evaluation"][name] for name in live}
    made.columns["scored.live"] = scored(big.columns["evaluation"], seed=5)
    plain = measured(made, "accuracy on the live mix")
    made.declared["data"]["evaluation"]["from_live"] = True
    sharpened = measured(made, "accuracy on the live mix")
    assert "PPI" in sharpened.method
    assert plain.lower is not None
    assert sharpened.lower is not None
    assert sharpened.lower > plain.lower
    assert set(CHECK.tables(made.system())) == {"scored.evaluation", "scored.live"}


def test_rows_that_only_claim_to_come_from_live_traffic_are_found_out() -> None:
    made = sound(n=800, from_live=True)
    made.columns["scored.live"] = {PREDICTION: np.ones(600, dtype=int), SCORE: np.full(600, 0.99)}
    live = made.columns["live"]
    live["distance"] = np.asarray(live["distance"]) * 1.8
    found = run(made)
    assert isinstance(found, Observation)
    assert next(f for f in found.findings if f.code == "not-from-live").weight is Weight.NOTE
    assert all("PPI" not in m.method for m in found.measures)


OWN = """
def saved(rows):
    return [1.0 if r["prediction"] == r["expected"] else 0.25 * (r["row"]["carrier"] == "red") for r in rows]

def crash(rows):
    raise RuntimeError("no tariff for 2027")

def short(rows):
    return [1.0] * (len(rows) - 1)

def large(rows):
    return [2.0 for r in rows]

def words(rows):
    return ["good" for r in rows]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "metrics.py").write_text(OWN)
    return tmp_path


def with_own(own: Path, name: str) -> Observation:
    made = sound(n=600)
    made.declared["governance"]["metric"] = f"metrics.py:{name}"
    trial = made.trial()
    with Http(origins=()) as http:
        function = open_function(f"metrics.py:{name}", base_dir=own, http=http)
        trial.functions[f"metrics.py:{name}"] = function
        try:
            found = CHECK.run(made.system(), trial)
        finally:
            function.close()
    assert isinstance(found, Observation), found
    return found


def test_a_metric_of_ones_own_is_bounded_by_betting(own: Path) -> None:
    found = with_own(own, "saved")
    plain, live = found.measures
    assert plain.name == "metrics.py:saved"
    assert "betting" in plain.method
    assert plain.lower is not None
    assert plain.value is not None
    assert 0.7 < plain.lower < plain.value
    assert live.lower is not None


FAILING = [("crash", "no tariff"), ("short", "answered"), ("large", "2.0"), ("words", "number"), ("none", "")]


@pytest.mark.parametrize(("name", "said"), FAILING)
def test_a_metric_of_ones_own_that_fails_leaves_the_outcome_open(own: Path, name: str, said: str) -> None:
    found = with_own(own, name)
    problem = next(f for f in found.findings if f.code == "own-metric-failed")
    assert problem.weight is Weight.OPEN
    assert said in problem.summary
    assert found.measures == ()
