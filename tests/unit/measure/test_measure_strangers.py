"""A part of the live numbers in another unit is no season, though their range lies next to training's."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from plants.format_worlds import fingerprints
from seatrial.core.vocabulary import Weight
from seatrial.measure.format_change import Change
from seatrial.measure.format_numbers import number_changes

Floats = npt.NDArray[np.float64]


def bearings(seed: int, n: int, *, hall: float = 18.0, machine: float = 0.0) -> Floats:
    """Temperatures in °C, to a tenth, of bearings that wear, in halls that the season moves."""
    chance = np.random.default_rng(seed)
    wear = chance.random(n) ** 2
    season = hall + 8.0 * chance.uniform(-1.0, 1.0, n)
    return np.round(0.6 * season + machine + chance.uniform(14.0, 40.0, n) + 17.0 * wear + chance.normal(0, 1.2, n), 1)


@cache
def training() -> Any:
    return fingerprints(pa.table({"bearing": bearings(1, 30_000)}))["bearing"]


def changes(live: Floats, *, unit: str = "degC") -> list[Change]:
    found = fingerprints(pa.table({"bearing": live}))["bearing"]
    return list(number_changes("bearing", training(), found, minimum=-20.0, maximum=150.0, unit=unit))


def gaps(live: Floats, *, unit: str = "degC") -> set[str]:
    return {change.code for change in changes(live, unit=unit) if change.weight is Weight.GAP}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.03, 0.1, 0.25, 0.5])
def test_a_few_topics_in_fahrenheit_are_named_with_their_share(share: float, seed: int) -> None:
    live = bearings(seed + 10, 4_000)
    some = np.random.default_rng(seed).random(live.size) < share
    live[some] = np.round(live[some] * 1.8 + 32.0, 1)
    (change,) = [each for each in changes(live) if each.weight is Weight.GAP]
    assert change.code == "unit-changed"
    assert "°F for °C" in change.summary
    assert change.evidence["share"] == pytest.approx(share, rel=0.2)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("warmer", [-30.0, -20.0, -10.0, 10.0, 20.0, 30.0, 45.0])
def test_another_season_is_no_other_unit(warmer: float, seed: int) -> None:
    assert gaps(bearings(seed + 10, 4_000, machine=warmer)) == set()


@pytest.mark.parametrize("seed", range(3))
def test_a_few_machines_that_run_hot_are_no_other_unit(seed: int) -> None:
    for hotter in (15.0, 30.0, 45.0):
        live = np.concatenate([bearings(seed + 10, 3_600), bearings(seed + 20, 400, machine=hotter)])
        assert gaps(live) == set()


@pytest.mark.parametrize("stand_in", [-999.0, -99.0, 999.0])
def test_a_stand_in_far_outside_is_one_however_seldom_it_comes(stand_in: float) -> None:
    live = bearings(10, 4_000)
    live[:3] = stand_in
    assert gaps(live) == {"sentinel-value"}
