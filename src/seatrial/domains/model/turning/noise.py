"""Whether an answer turns by itself: every measured input off at random, by as much as its source may be off."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

from seatrial.core.ports import Row
from seatrial.domains.model.turning.terrain import as_number
from seatrial.spec.model import InputField
from seatrial.spec.system import System

_MOST_DECIMALS = 6
_FEWEST_VALUES = 30


def reach_of(system: System, inputs: Mapping[str, InputField], rows: Sequence[Row]) -> dict[str, float]:
    """Input to how far it may be off: as `stress.noise` declares, and at least what its data leave open.

    That is half a unit of the last decimal, and one of a whole number; `model.stress` says where less is declared.
    """
    noise = system.stress.noise
    found = {}
    for name, declared in inputs.items():
        values = {n for row in rows if (n := as_number(row.get(name))) is not None}
        measured = declared.type == "number" and declared.values is None and len(values) >= _FEWEST_VALUES
        if name in noise or (measured and name not in system.stress.immutable):
            whole = declared.type == "integer"
            least = 1.0 if whole else 0.5 * 10.0 ** -max((_decimals(value) for value in values), default=0)
            found[name] = max(noise.get(name, 0.0), least)
    return found


def shaken(row: Row, reach: Mapping[str, float], inputs: Mapping[str, InputField], drawn: random.Random) -> Row:
    """The row with each of these inputs off at random, inside its declared range."""
    made = dict(row)
    for name, far in reach.items():
        declared, value = inputs[name], as_number(row.get(name))
        if value is None:
            continue
        low = -math.inf if declared.minimum is None else declared.minimum
        high = math.inf if declared.maximum is None else declared.maximum
        now = min(high, max(low, value + drawn.uniform(-far, far)))
        made[name] = round(now) if declared.type == "integer" else now
    return made


def _decimals(value: float) -> int:
    return len(f"{value:.{_MOST_DECIMALS}f}".rstrip("0").partition(".")[2])
