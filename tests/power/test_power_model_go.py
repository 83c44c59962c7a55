"""The model's requirements together: with one exactly at its limit they are hardly ever all met, with none they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from plants.scored_trial import World, world
from power.family import judged
from seatrial.core.check import PREDICTION, SCORE, Check
from seatrial.core.vocabulary import Outcome
from seatrial.domains.model import failure_modes, out_of_sample, threshold, trust
from seatrial.spec.system import System
from seatrial.stats import proportions

CHECKS: tuple[Check[System], ...] = (threshold.CHECK, out_of_sample.CHECK, failure_modes.CHECK, trust.CHECK)
WORLDS = 8
_ROWS = 10_000
_ACCURACY = 0.9
_RIGHT = (_ACCURACY - 0.1 * 0.6) / 0.9
"""In the nine tenths of the rows where it does not doubt; where it does, it is right in 0.6."""


def sound(seed: int, *, minimum: float = 0.85, sure: float = _RIGHT, unsure: float = 0.6) -> World:
    """A model that is right in nine of ten rows wherever it is asked, and says where it is `sure` and `unsure`."""
    made = world(n=_ROWS, live=4000, seed=1 + 11 * seed)
    made.declared["governance"] |= {
        "metric": "accuracy",
        "minimum": minimum,
        "metrics": [],
    }
    made.files["plan.md"] = f"---\nlimits:\n  accuracy: {minimum}\n---\n# Plan\n".encode()
    made.declared["do_not_trust"] = [{"when": "0.3 <= risk < 0.7", "handling": "by-hand.md"}]
    made.declared["model"]["output"]["act_at"] = 0.5
    rng = np.random.default_rng(seed)
    rows = made.columns["scored.evaluation"]
    late = (rng.random(_ROWS) < 0.4).astype(int)
    rows["late"] = late
    doubtful = rng.random(_ROWS) < 0.1
    right = rng.random(_ROWS) < np.where(doubtful, 0.6, _RIGHT)
    said = np.where(right, late, 1 - late)
    confidence = np.where(doubtful, unsure, sure)
    rows[PREDICTION] = said
    rows[SCORE] = np.where(said == 1, confidence, 1.0 - confidence)
    return made


def at_its_minimum(seed: int) -> World:
    """Its accuracy is exactly the plan's minimum."""
    return sound(seed, minimum=_ACCURACY)


def as_far_from_live_as_allowed(seed: int) -> World:
    """One input of live traffic is shifted by exactly the half standard deviation that a field may be."""
    made = sound(seed)
    live = made.columns["live"]
    live["temp"] = np.asarray(live["temp"]) + 0.5 * 8.0
    return made


def as_sure_of_itself_as_allowed(seed: int) -> World:
    """Where outputs are acted on its confidence lies above what comes true by exactly the 0.1 that the policy allows.

    Of the rows it calls late 0.8571 are: its confidence there is 0.9571, with 0.69 in the 0.1143 of them it doubts.
    """
    acted, doubted = 0.9 * (0.4 * _RIGHT + 0.6 * (1 - _RIGHT)), 0.1 * 0.48
    come_true = 0.9 * 0.4 * _RIGHT + 0.1 * 0.24
    goal = come_true / (acted + doubted) + 0.1
    return sound(seed, sure=(goal * (acted + doubted) - doubted * 0.69) / acted, unsure=0.69)


def unmet(made: World) -> list[str]:
    """The requirements that the gate would not find met."""
    system = made.system()
    trial = made.trial()
    trial.parts["failure-modes"] = "f1"
    trial.attest("olga", "failure-modes", "failure-modes.yaml", "failure-modes")
    outcomes = {c.requirement: judged(c, system, c.run(system, trial)) for c in CHECKS}
    return [requirement for requirement, outcome in outcomes.items() if outcome is not Outcome.MET]


@pytest.mark.slow
@pytest.mark.parametrize("make", [at_its_minimum, as_far_from_live_as_allowed, as_sure_of_itself_as_allowed])
def test_with_one_requirement_exactly_at_its_limit_hardly_any_world_is_go(make: Callable[[int], World]) -> None:
    gone = sum(not unmet(make(seed)) for seed in range(WORLDS))
    assert proportions.lower(gone, WORLDS, 0.01) <= 0.05


@pytest.mark.slow
def test_with_all_clearly_inside_most_worlds_are_go() -> None:
    gone = sum(not unmet(sound(seed)) for seed in range(WORLDS))
    assert proportions.upper(gone, WORLDS, 0.01) >= 0.8
