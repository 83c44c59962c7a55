"""Whether what the exit tells of an input is what its source has, or what was put in with another record.

An input that comes from elsewhere may come out otherwise than it was put in, and a mix-up of whole records looks just
like it. Where hardly two records are put in with the same value, and many more values could be, a value of the source's
own hardly ever is another record's. More than that is a mix-up. Where values are few, nothing can be told, and nothing
is.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from seatrial.core.observation import Json
from seatrial.stats import proportions

_ALPHA = 0.01
_DIGITS = 6

Values = Sequence[Json]
"""Those of the same inputs of one record, in the same order."""


def of_others(told: Sequence[Values], put_in: Sequence[Values]) -> int:
    """How many different of the values `told` were put in with others, where that is beyond chance; else 0.

    `put_in` has each record once. Beyond chance: the exact lower bound (Clopper-Pearson, 99 %) of the share of
    different told values that are another record's lies above the upper bound of the share of records that were put in
    with the same values as another one, and above the share of all values between the least and the greatest that were
    put in. Assumes that the source's own values are spread like those that were put in, by chance or
    evenly. One value that is told of many records counts once.
    """
    counts = Counter(map(_spelled, put_in))
    if not counts:
        return 0
    different = {_spelled(each) for each in told}
    hit = sum(each in counts for each in different)
    alike = sum(count for count in counts.values() if count > 1)
    by_chance = max(proportions.upper(alike, counts.total(), _ALPHA), _density(len(counts), [*put_in, *told]))
    return hit if hit and proportions.lower(hit, len(different), _ALPHA) > by_chance else 0


def _density(put_in: int, values: Sequence[Values]) -> float:
    """The share of so many different values among all that there could be as their numbers are spelled; 0 for texts."""
    columns = [[value for value in column if value is not None] for column in zip(*values, strict=False)]
    numbers = [[v for v in column if isinstance(v, int | float) and not isinstance(v, bool)] for column in columns]
    if not any(numbers):
        return 0.0
    possible = math.prod(
        _between(found) if found else len(set(map(str, column)))
        for found, column in zip(numbers, columns, strict=True)
        if column
    )
    return min(1.0, put_in / possible)


def _between(numbers: Sequence[float]) -> float:
    """How many numbers lie between the least and the greatest, by the finest decimals with which one is spelled."""
    finite = [each for each in numbers if math.isfinite(each)]
    decimals = max((_decimals(each) for each in finite), default=0)
    return (max(finite) - min(finite)) * 10.0**decimals + 1.0 if finite else 1.0


def _decimals(number: float) -> int:
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _spelled(values: Values) -> str:
    """The same text for numbers that agree in as many digits as single precision keeps."""
    return json.dumps([_rounded(value) for value in values], sort_keys=True, default=str)


def _rounded(value: Json) -> Json:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{float(value):.{_DIGITS}g}"
    return value
