"""model.failure-modes over many samples: what it finds of a weak slice, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from plants.scored_trial import World, world
from seatrial.core.check import PREDICTION
from seatrial.core.observation import Observation
from seatrial.domains.model import search_power
from seatrial.domains.model.failure_modes import CHECK
from seatrial.stats import proportions

RUNS = 60


@pytest.fixture(autouse=True)
def _no_plants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_power, "PLANTS", (1,))


def confirmed(made: World) -> list[str]:
    found = CHECK.run(made.system(), made.trial())
    assert isinstance(found, Observation)
    return [f.summary for f in found.findings if "failure-mode" in f.code]


def noisy(n: int, seed: int, *, harm: float) -> World:
    """A model that is wrong in a tenth of the rows, and in more of them for heavily loaded green ones (about 6 %)."""
    made = world(n=n, live=200, seed=seed)
    columns = made.columns["scored.evaluation"]
    slice_ = (columns["carrier"] == "green") & (columns["load"] > 0.66)
    wrong = np.random.default_rng(seed).random(n) < 0.1 + harm * slice_
    columns[PREDICTION] = np.where(wrong, 1 - columns["late"], columns["late"])
    return made


@pytest.mark.slow
def test_where_nothing_is_weak_hardly_a_slice_is_confirmed() -> None:
    alarms = sum(bool(confirmed(noisy(4000, seed, harm=0.0))) for seed in range(RUNS))
    assert proportions.lower(alarms, RUNS, 0.01) <= 0.05


@pytest.mark.slow
def test_a_weak_slice_of_the_smallest_harm_is_found_in_most_samples_of_ten_thousand_rows() -> None:
    found = sum(any("green" in s or "load" in s for s in confirmed(noisy(10_000, s, harm=0.1))) for s in range(RUNS))
    assert found >= 0.8 * RUNS


@pytest.mark.slow
def test_the_power_that_is_recorded_is_about_the_power_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_power, "PLANTS", (100,))
    made = noisy(3000, 1, harm=0.0)
    observed = CHECK.run(made.system(), made.trial())
    assert isinstance(observed, Observation)
    (power,) = observed.measures
    monkeypatch.setattr(search_power, "PLANTS", (1,))
    runs = [any("green" in s or "load" in s for s in confirmed(noisy(3000, s, harm=0.1))) for s in range(RUNS)]
    assert power.value == pytest.approx(sum(runs) / RUNS, abs=0.3)
