"""model.out-of-sample: wrong rows that were left out, of models that are not binary."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from out_of_sample_scene import observe

from plants.scored_trial import World, world
from plants.told import codes, finding
from power.families_left_out import by_strata, drawn, harder, lanes, minutes, without_wrong
from seatrial.core.check import PREDICTION
from seatrial.core.vocabulary import Weight
from seatrial.stats.selection import Fold, left_out, within

BLOCKING = (Weight.GAP, Weight.OPEN)


def test_half_of_the_wrong_rows_left_out_shows_by_the_score_of_the_live_rows() -> None:
    told = finding(observe(without_wrong(lanes(seed=3), 0.5)), "wrong-rows-missing")
    assert told.weight is Weight.OPEN
    assert 0.3 < told.detail["left_out"] < 0.7  # type: ignore[operator]
    assert told.detail["wrong_with_them"] > 1.3 * told.detail["wrong"]  # type: ignore[operator]
    assert "at random" in told.remedy


def test_without_a_score_it_shows_where_inputs_together_tell_how_wrong_a_number_is() -> None:
    told = finding(observe(without_wrong(minutes(seed=3), 0.5)), "wrong-rows-missing")
    assert told.weight is Weight.OPEN
    assert "since it gives no score" in told.summary


@pytest.mark.parametrize(
    "made",
    [
        lambda: drawn(lanes(seed=3), 0.5),
        lambda: drawn(minutes(seed=3), 0.5),
        lambda: by_strata(lanes(seed=3)),
        lambda: by_strata(minutes(seed=3)),
        lambda: harder(lanes(seed=3), 0.05),
    ],
    ids=["random", "random numbers", "strata", "strata of numbers", "a little harder live"],
)
def test_rows_that_were_drawn_at_random_or_by_declared_strata_pass(made: object) -> None:
    assert callable(made)
    found = observe(made())
    assert codes(found, *BLOCKING) == set()
    assert "left-out-not-seen" not in codes(found)


def test_errors_that_no_input_tells_of_cannot_be_looked_for_and_it_is_said_so() -> None:
    found = observe(without_wrong(minutes(seed=3, alike=True), 0.5))
    told = finding(found, "left-out-not-seen")
    assert told.weight is Weight.NOTE
    assert "not even a half" in told.summary
    assert "wrong-rows-missing" not in codes(found)


def _few() -> World:
    return without_wrong(lanes(seed=3, rows=400, live=250), 0.5)


def _hardly_wrong() -> World:
    made = lanes(seed=3, rows=1200, live=600)
    for table in ("evaluation", "scored.evaluation"):
        made.columns[table]["late"] = np.where(
            np.arange(1200) % 100 == 0, "north", made.columns["scored.evaluation"][PREDICTION]
        )
    return made


def _silent_live() -> World:
    made = lanes(seed=3, rows=1200, live=600, scored=False)
    made.columns["scored.live"][PREDICTION] = pa.nulls(600, pa.string())
    return made


@pytest.mark.parametrize("made", [_few, _hardly_wrong, _silent_live])
def test_too_little_to_look_at_is_said_and_blocks_nothing_by_itself(made: object) -> None:
    assert callable(made)
    assert finding(observe(made()), "left-out-not-seen").weight is Weight.NOTE


def test_a_binary_model_is_looked_at_elsewhere() -> None:
    assert {"left-out-not-seen", "wrong-rows-missing"} & codes(observe(world(n=1200, live=1000))) == set()


def test_strata_take_out_what_a_moved_input_alone_explains() -> None:
    rng = np.random.default_rng(5)
    place, other = rng.integers(0, 4, 6000), rng.integers(0, 4, 4000)
    other = np.where(rng.random(4000) < 0.4, 3, other)
    wrong = rng.random(6000) < 0.1 + 0.2 * place
    doubt, others = (np.asarray(0.1 + 0.2 * side, dtype=np.float64) for side in (place, other))
    fold = Fold(places=np.arange(6000), labelled=doubt, unlabelled=others)
    ones = np.ones(6000)
    assert left_out([fold], wrong, weights=ones, alpha=0.01).lower > 0.3
    here, there = (np.column_stack([side == k for k in range(1, 4)]).astype(np.float64) for side in (place, other))
    alone = within(fold, here, there, ones)
    assert left_out([alone], wrong, weights=ones, alpha=0.01).lower == 0.0


def test_rows_of_few_entities_are_no_more_certain_than_their_entities() -> None:
    rng = np.random.default_rng(6)
    groups = np.arange(6000) // 300
    doubt = np.linspace(0.05, 0.55, 20)[groups]
    wrong = rng.random(6000) < doubt
    fold = Fold(places=np.arange(6000), labelled=doubt, unlabelled=np.clip(rng.normal(0.4, 0.1, 4000), 0.0, 1.0))
    alone = left_out([fold], wrong, weights=np.ones(6000), alpha=0.01)
    together = left_out([fold], wrong, weights=np.ones(6000), alpha=0.01, groups=groups)
    assert alone.lower > 0.2
    assert together.lower < alone.lower
    assert together.detectable > 2 * alone.detectable


def test_weights_that_are_all_zero_are_refused() -> None:
    fold = Fold(places=np.arange(2), labelled=np.array([0.1, 0.2]), unlabelled=np.array([0.1]))
    with pytest.raises(ValueError, match="positive"):
        left_out([fold], np.array([True, False]), weights=np.zeros(2), alpha=0.01)
