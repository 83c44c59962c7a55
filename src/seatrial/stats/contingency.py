"""Whether one group fails more often than the other: the one-sided hypergeometric test.

Assumption: independent rows. Guarantee: the p-value is exact given the margins. Source: Fisher, The Design of
Experiments (1935).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def fisher_more(errors: Ints | int, rows: Ints | int, errors_all: int, rows_all: int) -> npt.NDArray[np.float64]:
    """P(at least so many of the errors fall into the group by chance), for one group or an array of groups.

    >>> round(float(fisher_more(3, 4, 4, 8)), 4)
    0.2429
    """
    from scipy.stats import hypergeom

    return np.asarray(hypergeom.sf(np.asarray(errors) - 1, rows_all, errors_all, np.asarray(rows)), dtype=np.float64)
