"""How many rows have each combination of values: of one column, of two, of three.

Exact counts, no assumption. Mergeable: the counts of two sets of rows add up to those of both, so that they may be
taken in any order, in parts, and on several machines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.integer[Any]]
Counts = npt.NDArray[np.int64]
Sums = npt.NDArray[np.float64]
_WORTH_PAIRING = 1 << 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A column in cells: `codes` holds a whole number from 0 to `size` - 1 for every row."""

    codes: Codes
    size: int

    def at(self, rows: npt.NDArray[Any] | slice) -> Cells:
        """The same column for some of the rows, given by their places, a mask or a range."""
        return Cells(codes=self.codes[rows], size=self.size)


def crossed(first: Cells, second: Cells) -> Cells:
    """Both columns as one, whose cell is `first * second.size + second`.

    >>> import numpy as np
    >>> both = crossed(Cells(codes=np.array([0, 1]), size=2), Cells(codes=np.array([2, 0]), size=3))
    >>> both.codes.tolist(), both.size
    ([2, 3], 6)
    """
    size = first.size * second.size
    codes = first.codes.astype(np.min_scalar_type(size))
    codes *= codes.dtype.type(second.size)
    codes += second.codes.astype(codes.dtype, copy=False)
    return Cells(codes=codes, size=size)


def counts(cells: Cells) -> Counts:
    """The rows in each cell.

    >>> import numpy as np
    >>> counts(Cells(codes=np.array([0, 2, 2]), size=4)).tolist()
    [1, 0, 2, 0]
    """
    codes = cells.codes
    if codes.dtype != np.uint8 or codes.size < _WORTH_PAIRING:
        return np.bincount(codes, minlength=cells.size).astype(np.int64, copy=False)
    even = codes.size & ~1
    # Two neighbouring rows are one number below 2^16: half as many steps.
    both = np.bincount(np.ascontiguousarray(codes[:even]).view(np.uint16), minlength=1 << 16).reshape(256, 256)
    found = both.sum(axis=0) + both.sum(axis=1)
    found[codes[even:]] += 1
    return np.asarray(found[: cells.size], dtype=np.int64)


def sums(cells: Cells, values: npt.NDArray[Any]) -> Sums:
    """The sum of `values` over the rows in each cell; sums of counts below 2^53 are exact.

    >>> import numpy as np
    >>> sums(Cells(codes=np.array([0, 2, 2]), size=3), np.array([1.0, 2.0, 3.0])).tolist()
    [1.0, 0.0, 5.0]
    """
    return np.asarray(np.bincount(cells.codes, weights=values, minlength=cells.size), dtype=np.float64)
