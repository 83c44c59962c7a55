"""model.threshold over many samples: how often it passes what it must not, and what it should."""

from __future__ import annotations

import numpy as np
import pytest

from plants.scored_trial import World, scored, world
from power.families_threshold import CASES, Case
from seatrial.core.check import PREDICTION
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Sense, Weight
from seatrial.domains.model.bounding import Setting, plain_measure
from seatrial.domains.model.compared import groups_of
from seatrial.domains.model.threshold import CHECK
from seatrial.domains.scored.metrics import Governed, rows_of
from seatrial.domains.scored.outcomes import Outcomes, columns_of, outcomes_of
from seatrial.domains.scored.rows import read_rows
from seatrial.stats import proportions

RUNS = 60
SAMPLES = 150


def passes(made: World) -> bool:
    """Whether the gate would have to say MET."""
    found = CHECK.run(made.system(), made.trial())
    assert isinstance(found, Observation)
    gap = any(f.weight is not Weight.NOTE for f in found.findings)
    return not gap and all(
        m.bound is not None
        and m.limit is not None
        and (m.bound >= m.limit if m.sense is Sense.AT_LEAST else m.bound <= m.limit)
        for m in found.measures
    )


def with_accuracy(accuracy: float, n: int, seed: int) -> World:
    made = world(n=n, live=1000, seed=seed)
    made.declared["governance"].update(metric="accuracy", minimum=0.8, metrics=[])
    columns = made.columns["scored.evaluation"]
    right = np.random.default_rng(seed).random(n) < accuracy
    columns[PREDICTION] = np.where(right, columns["late"], 1 - columns["late"])
    return made


@pytest.mark.slow
def test_a_model_just_below_the_minimum_passes_in_at_most_one_of_twenty_samples() -> None:
    passed = sum(passes(with_accuracy(0.795, 1200, seed)) for seed in range(RUNS))
    assert proportions.lower(passed, RUNS, 0.01) <= 0.05


@pytest.mark.slow
def test_a_model_five_points_above_the_minimum_passes_nearly_always_on_twelve_hundred_rows() -> None:
    passed = sum(passes(with_accuracy(0.86, 1200, seed)) for seed in range(RUNS))
    assert passed >= 0.9 * RUNS


@pytest.mark.slow
def test_a_model_that_is_only_good_where_live_traffic_is_not_hardly_ever_passes() -> None:
    passed = 0
    for seed in range(RUNS):
        made = world(n=3000, live=2000, seed=seed)
        made.declared["governance"].update(metric="accuracy", minimum=0.84, metrics=[])
        columns, rng = made.columns["scored.evaluation"], np.random.default_rng(seed)
        heavy = np.asarray(columns["load"]) > 0.6
        wrong = rng.random(3000) < np.where(heavy, 0.25, 0.05)
        columns[PREDICTION] = np.where(wrong, 1 - columns["late"], columns["late"])
        live = made.columns["live"]
        live["load"] = np.sqrt(live["load"])
        passed += passes(made)
    assert proportions.lower(passed, RUNS, 0.01) <= 0.05


@pytest.mark.slow
def test_the_pilots_minimum_never_passes() -> None:
    for seed in range(5):
        made = world(seed=seed)
        made.columns["scored.evaluation"] = scored(made.columns["evaluation"], seed=seed)
        made.declared["governance"]["minimum"] = 0.6
        assert not passes(made)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.metric)
def test_at_its_limit_hardly_any_sample_clears_and_clearly_inside_nearly_all_do(case: Case) -> None:
    at_limit = inside = 0
    for seed in range(SAMPLES):
        bound = _bound(case, seed)
        if bound is None:
            continue
        at_limit += bound >= case.true if case.least else bound <= case.true
        inside += bound >= case.inside if case.least else bound <= case.inside
    assert proportions.lower(at_limit, SAMPLES, 0.01) <= 0.05
    assert proportions.lower(inside, SAMPLES, 0.01) >= 0.8


def _bound(case: Case, seed: int) -> float | None:
    """The bound of one sample on the rows as they are, without the comparison with live traffic."""
    made = case.world(seed, case.true)
    system = made.system()
    rows = read_rows(made.trial().table("scored.evaluation"), columns_of(system), most=10_000, seed=1)
    found = outcomes_of(system, rows)
    assert isinstance(found, Outcomes)
    sense = Sense.AT_LEAST if case.least else Sense.AT_MOST
    setting = Setting(alpha=0.05, groups=groups_of(system, rows, found.rows), seed=seed)
    metric = Governed(name=case.metric, sense=sense, limit=case.true)
    return plain_measure(metric, rows_of(case.metric, found), setting).bound
