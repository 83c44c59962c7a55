"""model.adversarial, results of other tools: what passes too rarely or is about something else, and what is fine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np

from plants.imported_trial import AFTER, BEFORE, CHECK, NOW, REQUIREMENT, body, filed, observed, served, system
from power.family import Family, judged
from seatrial.core.record import Record
from seatrial.core.vocabulary import Outcome

_UNITS = 300


def _passing(rate: float) -> Callable[[int], tuple[Record, ...]]:
    def held(seed: int) -> tuple[Record, ...]:
        passed = int(np.random.default_rng(seed).binomial(_UNITS, rate))
        return BEFORE, filed(body(passed, _UNITS - passed)), AFTER

    return held


def _with(**changed: Any) -> Callable[[int], tuple[Record, ...]]:
    def held(seed: int) -> tuple[Record, ...]:
        return BEFORE, filed(body(_UNITS - seed % 3, seed % 3, **changed)), AFTER

    return held


def _swapped(seed: int) -> tuple[Record, ...]:
    """Another model was served at some moment of the tool's run."""
    during = served("v2", NOW - timedelta(minutes=121 + seed % 58))
    return BEFORE, during, filed(body(_UNITS)), AFTER


def _undecided(seed: int) -> tuple[Record, ...]:
    """Everything that was judged passed; one in eight was not judged."""
    open_ones = _UNITS // 8 + seed % 5
    return BEFORE, filed(body(_UNITS - open_ones, inconclusive=open_ones)), AFTER


def _caught(held: Callable[[int], tuple[Record, ...]]) -> Callable[[int], bool]:
    declared = system()
    return lambda seed: judged(CHECK, declared, observed(declared, *held(seed))) is not Outcome.MET


def _family(name: str, held: Callable[[int], tuple[Record, ...]], *, harmful: bool) -> Family:
    return Family(requirement=REQUIREMENT, name=name, harmful=harmful, caught=_caught(held))


FAMILIES: tuple[Family, ...] = (
    _family("imported: 88 % pass where 90 % must", _passing(0.88), harmful=True),
    _family("imported: exactly 90 % pass where 90 % must", _passing(0.90), harmful=True),
    _family("imported: another model was served during the run", _swapped, harmful=True),
    _family("imported: one prompt in eight was not judged", _undecided, harmful=True),
    _family("imported: the tool tested another target", _with(target="rest:staging"), harmful=True),
    _family("imported: the run was cut off", _with(problems=("the run did not end",)), harmful=True),
    _family("imported: 96 % pass where 90 % must", _passing(0.96), harmful=False),
    _family("imported: another version of the tool", _with(tool_version="0.18.0"), harmful=False),
)
