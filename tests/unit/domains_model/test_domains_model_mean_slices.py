"""model.failure-modes by means: how far numbers are off, and rows that were drawn with unequal chances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plants.scored_trial import ScoredTrial
from plants.told import codes, finding, measure
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.observation import Observation, Reason
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.domains.model import search_power
from seatrial.domains.model.failure_modes import CHECK
from seatrial.domains.model.loss import Loss
from seatrial.domains.model.searching import POWER, POWER_OF_MEANS
from seatrial.spec.system import System
from seatrial.stats import difference

ENTRY = """failure_modes:
  - id: december
    when: pieces > 500 and month == "December"
    consequence: the shelf is empty
    handling: the buyer asks the shop
    owner: olga
"""


@pytest.fixture(autouse=True)
def _few_plants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_power, "PLANTS", (20,))


def orders(n: int = 6000, *, seed: int = 1) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "id": np.array([f"o{i}" for i in range(n)]),
        "pieces": rng.integers(1, 1000, n),
        "month": rng.choice(["October", "November", "December"], n),
        "shop": rng.choice(["north", "south", "east"], n),
        "demand": rng.integers(50, 900, n).astype(float),
    }


def observe(
    columns: dict[str, Any],
    off: np.ndarray,
    *,
    metrics: list[dict[str, Any]] | None = None,
    register: str = "failure_modes: []\n",
    **evaluation: Any,
) -> Observation | Reason:
    n = off.size
    table = {**columns, PREDICTION: columns["demand"] + off, SCORE: pa.nulls(n, pa.float64())}
    table[PROBLEM] = pa.nulls(n, pa.string())
    system = System.model_validate(
        {
            "system": "demo",
            "version": "1",
            "people": {"olga": {"name": "Olga Brandt"}},
            "model": {
                "endpoint": "http://127.0.0.1:1/predict",
                "task": "regression",
                "inputs": {"pieces": {"type": "integer"}, "month": {"type": "string"}, "shop": {"type": "string"}},
                "output": {"prediction": "demand", "unit": "pieces"},
            },
            "governance": {"metrics": metrics or []},
            "data": {"evaluation": {"source": "e.parquet", "label": "demand", **evaluation}},
            "failure_modes": "failure-modes.yaml",
        }
    )
    trial = ScoredTrial({"scored.evaluation": pa.table(table)}, files={"failure-modes.yaml": register.encode()})
    trial.parts["failure-modes"] = "f1"
    trial.attest("olga", "failure-modes", "failure-modes.yaml", "failure-modes")
    return CHECK.run(system, trial)


def looked(*args: Any, **kwargs: Any) -> Observation:
    found = observe(*args, **kwargs)
    assert isinstance(found, Observation), found
    return found


def december(columns: dict[str, Any]) -> np.ndarray:
    return np.asarray((columns["pieces"] > 500) & (columns["month"] == "December"))


def test_larger_errors_of_some_orders_are_told_in_pieces_and_answered_by_an_entry() -> None:
    columns = orders()
    noise = np.random.default_rng(2).normal(0, 1, 6000)
    off = noise * np.where(december(columns), 51.0, 15.0)
    found = finding(looked(columns, off), "unanswered-failure-mode")
    assert "month is December" in found.summary
    assert "pieces is above" in found.summary
    assert "the mean error is 4" in found.summary
    assert " pieces, against 1" in found.summary
    assert "farthest off" in found.summary
    assert found.detail["unit"] == "pieces"
    answered = looked(columns, off, register=ENTRY)
    assert codes(answered, Weight.GAP) == set()
    assert "answered-failure-mode" in codes(answered)


def test_a_few_huge_errors_show_in_the_mean_where_hardly_more_rows_are_wrong() -> None:
    columns = orders(8000)
    rng = np.random.default_rng(3)
    off = rng.normal(0, 10, 8000)
    off[december(columns) & (rng.random(8000) < 0.06)] = 400.0
    found = looked(columns, off, metrics=[{"metric": "within@20", "minimum": 0.5}])
    gaps = [f for f in found.findings if f.code == "unanswered-failure-mode"]
    assert gaps
    assert all("the mean error is" in f.summary for f in gaps)
    assert {"month", "pieces"} == {name for f in gaps for name in f.fields}


def test_errors_that_are_alike_everywhere_are_no_gap_and_the_search_says_what_it_would_have_found() -> None:
    columns = orders(12_000)
    off = np.random.default_rng(4).normal(0, 15, 12_000)
    found = looked(columns, off)
    assert codes(found, Weight.GAP, Weight.OPEN) == set()
    power = measure(found, POWER_OF_MEANS)
    assert power.kind is MeasureKind.VALIDITY
    assert (power.value or 0.0) >= 0.8
    assert {limit.measure for limit in CHECK.limits(_regression())} == {POWER, POWER_OF_MEANS}


def test_a_small_rise_of_the_mean_error_is_a_note() -> None:
    columns = orders(40_000)
    noise = np.random.default_rng(5).normal(0, 1, 40_000)
    found = looked(columns, noise * np.where(columns["month"] == "December", 16.2, 15.0))
    assert "small-failure-mode" in codes(found)
    assert codes(found, Weight.GAP) == set()


def test_errors_count_up_to_the_governed_cap_and_without_one_outliers_leave_the_search_too_weak() -> None:
    columns = orders(6000)
    rng = np.random.default_rng(6)
    off = rng.normal(0, 10, 6000)
    off[rng.random(6000) < 0.002] = 1e6
    open_ = looked(columns, off)
    assert (measure(open_, POWER_OF_MEANS).value or 0.0) < 0.5
    (weak,) = [f for f in open_.findings if POWER_OF_MEANS in f.explains]
    assert "mae@60" in weak.remedy
    capped = looked(columns, off, metrics=[{"metric": "mae@60", "maximum": 20.0}])
    assert (measure(capped, POWER_OF_MEANS).value or 0.0) > 0.5


def test_the_root_of_squared_errors_is_told_where_it_is_governed() -> None:
    columns = orders()
    noise = np.random.default_rng(7).normal(0, 1, 6000)
    off = noise * np.where(december(columns), 51.0, 15.0)
    found = finding(looked(columns, off, metrics=[{"metric": "rmse@500", "maximum": 60.0}]), "unanswered-failure-mode")
    assert "root mean square error (an error counts up to 500) is 5" in found.summary


def _regression() -> System:
    return System.model_validate(
        {"system": "d", "version": "1", "model": {"endpoint": "http://127.0.0.1:1/", "task": "regression"}}
    )


def weighted(seed: int, *, harm: float) -> tuple[dict[str, Any], np.ndarray]:
    """Rush orders are labelled ten times as often as others and are wrong more often; each shop has as many.

    Of the north's rows as they are drawn many more are rush orders, so that its rows are wrong more often; among the
    traffic they are not, unless `harm` is planted there.
    """
    rng = np.random.default_rng(seed)
    columns = orders(24_000, seed=seed)
    rush = rng.random(24_000) < 0.2
    chance = np.where(rush & (columns["shop"] == "north"), 1.0, 0.25)
    error = np.where(rush, 0.6, 0.1) + np.where(columns["shop"] == "north", harm, 0.0)
    wrong = rng.random(24_000) < error
    kept = rng.random(24_000) < chance
    taken = {name: values[kept] for name, values in columns.items()}
    return taken | {"stands_for": 1.0 / chance[kept]}, np.where(wrong[kept], 100.0, 0.0)


@pytest.mark.parametrize(("harm", "told"), [(0.0, False), (0.25, True)])
def test_rows_that_were_drawn_more_often_make_no_slice_weak_and_hide_none(harm: float, *, told: bool) -> None:
    columns, off = weighted(8, harm=harm)
    within = [{"metric": "within@50", "minimum": 0.5}]
    found = looked(columns, off, metrics=within, weight="stands_for")
    gaps = {name for f in found.findings if f.code == "unanswered-failure-mode" for name in f.fields}
    assert ("shop" in gaps) is told
    assert found.facts["weighted"] is True
    if not told:
        without = looked({n: v for n, v in columns.items() if n != "stands_for"}, off, metrics=within)
        assert any("shop" in f.fields for f in without.findings if f.code == "unanswered-failure-mode")


@pytest.mark.parametrize("bad", [-1.0, np.nan])
def test_weights_that_are_none_are_a_reason(bad: float) -> None:
    columns = orders(500)
    columns["stands_for"] = np.full(500, bad)
    found = observe(columns, np.random.default_rng(9).normal(0, 1, 500), weight="stands_for")
    assert isinstance(found, Reason)
    assert found.code == "drawing-unusable"


def test_weights_on_one_row_alone_find_nothing_and_leave_it_open() -> None:
    columns = orders(500)
    columns["stands_for"] = np.where(np.arange(500) < 250, 1e-9, 1.0)
    columns["stands_for"][0] = 1e6
    found = observe(columns, np.random.default_rng(9).normal(0, 1, 500), weight="stands_for")
    assert isinstance(found, Reason) or "search-too-weak" in codes(found, Weight.OPEN)


def test_the_test_of_weighted_rows_is_the_one_of_rows_that_occur_so_often_at_the_worth_of_fewer() -> None:
    rng = np.random.default_rng(10)
    values, inside = rng.random(400), np.arange(400) < 150
    same = difference.over_clusters(values, inside, weights=np.full(400, 3.0))
    assert same == pytest.approx(difference.over_clusters(values, inside, np.arange(400)))
    assert same == pytest.approx(
        difference.welch_more(difference.moments(values[inside]), difference.moments(values[~inside])), abs=0.01
    )
    assert difference.over_clusters(values, inside, weights=np.where(inside, 0.0, 1.0)) == 1.0


def test_no_more_than_one_of_twenty_harmless_differences_of_skewed_errors_is_taken_for_one() -> None:
    rng = np.random.default_rng(11)
    below = 0
    for _ in range(400):
        loss = Loss(values=rng.lognormal(0, 1.2, 600), weights=rng.uniform(0.2, 3.0, 600), share=False)
        below += loss.more(np.arange(600) < 60) <= 0.05
    assert below <= 30
