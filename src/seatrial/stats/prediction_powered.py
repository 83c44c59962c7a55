"""The mean of labelled rows, sharpened by what the model itself expects on many rows without a label (PPI++).

Assumption: labelled and unlabelled rows are independent random samples of the same traffic, and the expectation was not
fitted to these labels. Guarantee: approximate (central limit theorem), so only from `FEWEST` labels on with at least
`FEWEST_OF_EACH` ones and zeros' worth of both sides; the expectation need not be right, a wrong one only helps less.
Source: Angelopoulos, Bates, Fannjiang, Jordan and Zrnic, Science 382 (2023) 669; Angelopoulos, Duchi and Zrnic,
arXiv 2311.01453.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seatrial.stats.interval import Interval

Floats = npt.NDArray[np.float64]
FEWEST, FEWEST_OF_EACH = 200, 20


def interval(values: Floats, expected: Floats, unlabelled: Floats, alpha: float = 0.05) -> Interval:
    """The mean of values in [0, 1], from `expected` on the same rows and on the `unlabelled` ones.

    Raises ValueError for too few rows (`enough`), or values outside [0, 1].

    >>> import numpy as np
    >>> y = np.tile([1.0, 1.0, 1.0, 0.0], 100)
    >>> found = interval(y, y, np.tile([1.0, 1.0, 1.0, 0.0], 10_000))
    >>> round(found.value, 3), 0.74 < found.lower
    (0.75, True)
    """
    from scipy.stats import t

    y, f, more = (np.asarray(v, dtype=np.float64) for v in (values, expected, unlabelled))
    if not enough(y) or more.size < y.size:
        raise ValueError("too few rows for a bound that rests on many")
    if not all(v.min() >= 0.0 and v.max() <= 1.0 for v in (y, f, more)):
        raise ValueError("values must be finite and lie in [0, 1]")
    n, rest = y.size, more.size
    trust = best_trust(y, f, more)
    value = trust * float(more.mean()) + float(np.mean(y - trust * f))
    error = math.sqrt(trust**2 * float(more.var()) / rest + float(np.var(y - trust * f, ddof=1)) / n)
    reach = float(t.ppf(1.0 - alpha, n - 1)) * error
    return Interval(
        value=value,
        lower=max(0.0, value - reach),
        upper=min(1.0, value + reach),
        n=int(n),
        n_effective=float(y.var()) / error**2 if error > 0.0 else float(n),
        method="prediction-powered (PPI++)",
        approximate=True,
    )


def enough(values: Floats) -> bool:
    """Whether there are labels enough for a bound that rests on many.

    >>> import numpy as np
    >>> enough(np.tile([0.0, 1.0], 100)), enough(np.ones(1000))
    (True, False)
    """
    total = float(np.sum(values))
    return values.size >= FEWEST and min(total, values.size - total) >= FEWEST_OF_EACH


def best_trust(values: Floats, expected: Floats, unlabelled: Floats) -> float:
    """How far the expectation is followed, from 0 to 1, for the smallest variance.

    >>> import numpy as np
    >>> best_trust(np.array([0.0, 1.0] * 9), np.array([0.5, 0.5] * 9), np.array([0.2, 0.8]))
    0.0
    """
    n, rest = values.size, unlabelled.size
    spread = float(np.var(np.concatenate([expected, unlabelled])))
    if spread <= 0.0:
        return 0.0
    together = float(np.mean((values - values.mean()) * (expected - expected.mean())))
    return min(1.0, max(0.0, together / ((1.0 + n / rest) * spread)))
