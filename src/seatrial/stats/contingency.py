"""Whether one group fails more often than the other: the one-sided hypergeometric test.

Assumption: independent rows. Guarantee: the p-value is exact given the margins (to seven digits for tables of
millions). Source: Fisher, The Design of Experiments (1935).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
_NOTHING_MORE = 50.0
"""Terms smaller than the first by e to this power add nothing."""


def fisher_more(errors: Ints | int, rows: Ints | int, errors_all: int, rows_all: int) -> npt.NDArray[np.float64]:
    """P(at least so many of the errors fall into the group by chance), for one group or an array of groups.

    >>> round(float(fisher_more(3, 4, 4, 8)), 4)
    0.2429
    """
    pairs = np.broadcast(np.asarray(errors), np.asarray(rows))
    found = [_more(int(k), int(n), errors_all, rows_all) for k, n in pairs]
    return np.array(found, dtype=np.float64).reshape(pairs.shape)


def _more(errors: int, rows: int, errors_all: int, rows_all: int) -> float:
    least, most = max(0, rows + errors_all - rows_all), min(rows, errors_all)
    if errors <= least:
        return 1.0
    if errors > most:
        return 0.0
    mode = (rows + 1) * (errors_all + 1) // (rows_all + 2)
    if errors > mode:
        return min(1.0, _tail(errors, most, rows, errors_all, rows_all))
    return max(0.0, 1.0 - _tail(errors - 1, least, rows, errors_all, rows_all))


def _tail(first: int, last: int, rows: int, errors_all: int, rows_all: int) -> float:
    """The probability of all counts from `first`, the likeliest of them, on to `last`."""
    from scipy.special import gammaln

    # Beyond so many standard deviations there is nothing left to add.
    spread = np.sqrt(rows * (errors_all / rows_all) * (1.0 - errors_all / rows_all)) + 1.0
    reach = int(_NOTHING_MORE + 12.0 * spread)
    counts = (
        np.arange(first, min(last, first + reach) + 1)
        if last >= first
        else np.arange(first, max(last, first - reach) - 1, -1)
    )

    def ways(n: object, k: object) -> npt.NDArray[np.float64]:
        return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))  # type: ignore[operator]

    logs = ways(errors_all, counts) + ways(rows_all - errors_all, rows - counts) - ways(rows_all, rows)
    return float(np.exp(logs).sum())
