"""model.out-of-sample over many samples: planted defects are caught, sound data pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from plants.scored_trial import World, deliveries, scored, world
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Sense, Weight
from seatrial.domains.model.out_of_sample import CHECK
from seatrial.stats import proportions

RUNS = 40


def verdict(made: World) -> tuple[bool, set[str]]:
    """Whether everything clears, and the codes of what does not."""
    found = CHECK.run(made.system(), made.trial())
    assert isinstance(found, Observation)
    codes = {f.code for f in found.findings if f.weight is not Weight.NOTE}
    for m in found.measures:
        if m.limit is None:
            continue
        clear = m.bound is not None and (m.bound >= m.limit if m.sense is Sense.AT_LEAST else m.bound <= m.limit)
        if not clear:
            codes.add(m.name)
    return not codes, codes


def _random_split(made: World, seed: int) -> None:
    rows = deliveries(2000, seed=seed, start_day=0)
    made.columns["evaluation"], made.columns["scored.evaluation"] = rows, scored(rows)


def _leak(made: World, seed: int) -> None:
    made.declared["model"]["inputs"]["actual"] = {"type": "number"}
    for i, table in enumerate(("evaluation", "live")):
        columns = made.columns[table]
        noise = np.random.default_rng(seed + i).normal(0, 1, len(columns["late"]))
        columns["actual"] = np.round(2.4 * columns["late"] + noise, 2)
    made.columns["scored.evaluation"]["actual"] = made.columns["evaluation"]["actual"]


def _another_season(made: World, seed: int) -> None:
    live = made.columns["live"]
    live["temp"] = np.asarray(live["temp"]) + 9.0


def _new_carrier(made: World, seed: int) -> None:
    live = made.columns["live"]
    joined = np.random.default_rng(seed).random(len(live["late"])) < 0.1
    live["carrier"] = np.where(joined, "violet", live["carrier"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plant", "codes"),
    [
        (_random_split, {"time-overlap"}),
        (_leak, {"target-leak"}),
        (
            _another_season,
            {
                "distance of the farthest field between evaluation and live rows",
                "how well live rows can be told from evaluation rows (AUC)",
            },
        ),
        (_new_carrier, {"not-validated"}),
    ],
)
def test_a_planted_defect_is_caught_in_every_sample(plant: Callable[[World, int], None], codes: set[str]) -> None:
    caught = 0
    for seed in range(RUNS // 2):
        made = world(n=2000, live=1500, seed=seed)
        plant(made, seed)
        caught += bool(codes & verdict(made)[1])
    assert caught == RUNS // 2


@pytest.mark.slow
def test_sound_data_pass_in_nearly_every_sample() -> None:
    passed = [verdict(world(n=2000, live=1500, seed=seed)) for seed in range(RUNS)]
    assert proportions.upper(sum(ok for ok, _ in passed), RUNS, 0.01) >= 0.95, [c for ok, c in passed if not ok]


@pytest.mark.slow
@pytest.mark.parametrize("strength", [1.0, 1.5])
def test_a_strong_but_sane_feature_is_no_leak(strength: float) -> None:
    for seed in range(10):
        made = world(n=2000, live=1500, seed=seed)
        for table in ("evaluation", "scored.evaluation", "live"):
            columns = made.columns[table]
            noise = np.random.default_rng(seed).normal(0, 1, len(columns["late"]))
            columns["temp"] = strength * np.asarray(columns["late"]) + noise
        assert "target-leak" not in verdict(made)[1]
