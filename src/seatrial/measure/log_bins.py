"""Quantiles with a proven relative error, from logarithmic bins that are read off a number's own bits.

The order-preserving bits of a positive float32 are shifted right until the range seen fits into 32,768 bins; how far
depends on the smallest and largest value only, so the result is the same for every order of batches and merges (the
uniform collapse of UDDSketch, Epicoco et al. 2020, on the bins of DDSketch, Masson et al. 2019, without a logarithm).
At the widest possible range the shift is 16: a bin spans 1/128 of its value, and its middle is at most 1/256 off.
Narrower ranges are finer. Numbers beyond float32 count at its ends; their true extremes are kept exactly.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from seatrial.measure.accumulator import Plain, greater, lesser, packed, unpacked
from seatrial.measure.columns import Column

CAPACITY = 32_768
RELATIVE_ERROR = 1 / 256

_LARGEST = np.float64(np.finfo(np.float32).max)
_SIGN = np.uint32(0x8000_0000)
Ordered = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]


class Side:
    """Bins of the magnitudes of one sign. `least` and `most` are the raw bits seen; the shift follows from them."""

    def __init__(self) -> None:
        self.least = -1
        self.most = -1
        self.shift = 0
        self.counts: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def add(self, bits: npt.NDArray[np.int32], ends: tuple[int, int] | None = None) -> None:
        """Count these raw bits of positive floats; `ends` are their smallest and largest where known."""
        if bits.size:
            least, most = ends if ends is not None else (int(bits.min()), int(bits.max()))
            self._stretch(least, most)
            places = (bits >> self.shift) - (self.least >> self.shift)
            self.counts += np.bincount(places, minlength=self.counts.size)

    def merge(self, other: Side) -> None:
        """Add the other's counts."""
        if other.counts.size:
            self._stretch(other.least, other.most)
            self.counts += other.collapsed(self.shift, self.least, self.most)

    def _stretch(self, least: int, most: int) -> None:
        if self.counts.size and self.least <= least and most <= self.most:
            return
        least = min(least, self.least) if self.counts.size else least
        most = max(most, self.most)
        shift = shift_for(least, most)
        self.counts = self.collapsed(shift, least, most)
        self.least, self.most, self.shift = least, most, shift

    def collapsed(self, shift: int, least: int, most: int) -> npt.NDArray[np.int64]:
        """The same counts in coarser bins (or as many) over a range that includes this one's."""
        first = least >> shift
        counts = np.zeros((most >> shift) - first + 1, dtype=np.int64)
        if self.counts.size:
            places = ((np.arange(self.counts.size) + (self.least >> self.shift)) >> (shift - self.shift)) - first
            np.add.at(counts, places, self.counts)
        return counts

    def edges(self) -> npt.NDArray[np.float64]:
        """The values at which the bins begin, and where the last one ends; a single zero where there are none."""
        if not self.counts.size:
            return np.zeros(1)
        bits = (np.arange(self.counts.size + 1, dtype=np.int64) + (self.least >> self.shift)) << self.shift
        return np.asarray(np.minimum(bits, 0x7F7F_FFFF).astype(np.int32).view(np.float32), dtype=np.float64)

    def plain(self) -> Plain:
        """Only the bins that hold something."""
        held = np.flatnonzero(self.counts)
        return {
            "least": self.least,
            "most": self.most,
            "bins": packed(held.astype(np.int32)),
            "counts": packed(self.counts[held]),
        }

    @classmethod
    def of(cls, plain: Plain) -> Self:
        """From `plain`."""
        side = cls()
        if plain["most"] >= 0:
            side.least, side.most = int(plain["least"]), int(plain["most"])
            side.shift = shift_for(side.least, side.most)
            side.counts = side.collapsed(side.shift, side.least, side.most)
            side.counts[unpacked(plain["bins"])] = unpacked(plain["counts"])
        return side


def shift_for(least: int, most: int) -> int:
    """The smallest shift at which this range of bits fits into the bins."""
    shift = max(0, (most - least).bit_length() - CAPACITY.bit_length())
    while (most >> shift) - (least >> shift) >= CAPACITY:
        shift += 1
    return shift


class LogBins:
    """Bins of both signs, zeros, and the exact extremes, of the finite numbers of one column."""

    def __init__(self) -> None:
        self.positive = Side()
        self.negative = Side()
        self.zeros = 0
        self.low: float | None = None
        self.high: float | None = None

    @property
    def n(self) -> int:
        """Numbers counted."""
        return int(self.positive.counts.sum() + self.negative.counts.sum()) + self.zeros

    def update(self, column: Column) -> None:
        """Add the finite numbers of one column of one batch."""
        if column.ends is not None:
            self._add(column.split[0], *column.ends)

    def add(self, values: npt.NDArray[Any]) -> None:
        """Add finite numbers."""
        if values.size:
            self._add(values, float(values.min()), float(values.max()))

    def _add(self, values: npt.NDArray[Any], low: float, high: float) -> None:
        self.low, self.high = lesser(self.low, low + 0.0), greater(self.high, high + 0.0)
        if values.dtype != np.float32:
            beyond = max(-low, high) > _LARGEST
            values = (np.clip(values, -_LARGEST, _LARGEST) if beyond else values).astype(np.float32)
        bits = np.ascontiguousarray(values).view(np.int32)
        if low > 0.0 and values.dtype == np.float32:
            least, most = np.float32(min(low, _LARGEST)).view(np.int32), np.float32(min(high, _LARGEST)).view(np.int32)
            if least > 0:
                self.positive.add(bits, (int(least), int(most)))
                return
        above = bits[bits > 0]
        below = bits.view(np.uint32)[bits < 0] ^ _SIGN
        below = below[below > 0]
        self.zeros += int(bits.size - above.size - below.size)
        self.positive.add(above)
        self.negative.add(below.view(np.int32))

    def merge(self, other: LogBins) -> None:
        """Add the other's counts."""
        self.positive.merge(other.positive)
        self.negative.merge(other.negative)
        self.zeros += other.zeros
        self.low, self.high = lesser(self.low, other.low), greater(self.high, other.high)

    def ordered(self) -> Ordered:
        """Bins in ascending order of value: where each begins, where it ends, and its count (none empty)."""
        up, down = self.positive.edges(), -self.negative.edges()[::-1]
        low = np.concatenate([down[:-1], [0.0], up[:-1]])
        high = np.concatenate([down[1:], [0.0], up[1:]])
        counts = np.concatenate([self.negative.counts[::-1], [self.zeros], self.positive.counts])
        held = counts > 0
        return low[held], high[held], counts[held]

    def quantile(self, share: float) -> float | None:
        """The value below which that share of the numbers lies, by the middle of its bin; None where there are none."""
        return self.quantiles([share])[0]

    def quantiles(self, shares: list[float]) -> list[float | None]:
        """`quantile` of each share."""
        low, high, counts = self.ordered()
        if not counts.size or self.low is None or self.high is None:
            return [None] * len(shares)
        total = np.cumsum(counts)
        middle = np.clip((low + high) / 2, self.low, self.high)
        found = []
        for share in shares:
            rank = min(max(int(np.ceil(share * total[-1])), 1), int(total[-1]))
            found.append(float(middle[np.searchsorted(total, rank)]))
            if rank == 1:
                found[-1] = self.low
            elif rank == total[-1]:
                found[-1] = self.high
        return list(found)

    def plain(self) -> Plain:
        """Everything, as plain data."""
        return {
            "positive": self.positive.plain(),
            "negative": self.negative.plain(),
            "zeros": self.zeros,
            "min": self.low,
            "max": self.high,
        }

    @classmethod
    def of(cls, plain: Plain) -> Self:
        """From `plain`."""
        bins = cls()
        bins.positive, bins.negative = Side.of(plain["positive"]), Side.of(plain["negative"])
        bins.zeros, bins.low, bins.high = int(plain["zeros"]), plain["min"], plain["max"]
        return bins


def aligned(a: LogBins, b: LogBins) -> tuple[Ordered, Ordered]:
    """Both in exactly the same bins, so that their counts can be compared one by one (some empty)."""
    pair = [LogBins(), LogBins()]
    for new, old in zip(pair, (a, b), strict=True):
        new.merge(old)
        for side in ("positive", "negative"):
            _widen(getattr(new, side), getattr(a, side), getattr(b, side))
    return _full(pair[0]), _full(pair[1])


def _widen(side: Side, one: Side, two: Side) -> None:
    held = [s for s in (one, two) if s.counts.size]
    if held:
        least, most = min(s.least for s in held), max(s.most for s in held)
        shift = shift_for(least, most)
        side.counts = side.collapsed(shift, least, most)
        side.least, side.most, side.shift = least, most, shift


def _full(bins: LogBins) -> Ordered:
    up, down = bins.positive.edges(), -bins.negative.edges()[::-1]
    return (
        np.concatenate([down[:-1], [0.0], up[:-1]]),
        np.concatenate([down[1:], [0.0], up[1:]]),
        np.concatenate([bins.negative.counts[::-1], [bins.zeros], bins.positive.counts]),
    )
