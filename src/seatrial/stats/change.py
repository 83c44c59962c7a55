"""When a rate that was `base` has risen: detectors that accumulate evidence for a change at an unknown time.

Assumption: before the change values lie in [0, 1] and have a mean of at most `base`, given the rows before them.
Guarantee: with the threshold `runs`, the mean number of rows until a false alarm is at least `runs`, and the chance of
a false alarm within T rows is at most T / `runs` (the mean of the Shiryaev-Roberts processes minus the row's number is
a supermartingale; Ville's inequality).
Source: Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change detection", NEJSDS 2024.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
RISES = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
"""By how much the rate may have risen: one process for each."""
_LEAST_BASE = 1e-4
_MOST = 1e290


_BLOCK = 64
"""Rows that are worked on at once, counted from the first of the stream, so that no batch's end changes a figure."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """All that is kept of a stream: one process for each rise, how many rows were taken, the most of their mean.

    `anchor` are the processes where the block of the newest row began, `product` the product of the factors since, and
    `inverse` the sum of the inverse products: (m + 1) f after (m + 1) f is product * (anchor + inverse).
    """

    processes: tuple[float, ...] = (0.0,) * len(RISES)
    rows: int = 0
    most: float = 0.0
    anchor: tuple[float, ...] | None = None
    product: tuple[float, ...] = (1.0,) * len(RISES)
    inverse: tuple[float, ...] = (0.0,) * len(RISES)


def factors(values: Floats, base: float) -> Floats:
    """For each value and each rise, how much likelier the value is after the rise than before: (rows, rises).

    For values between 0 and 1 the bets of the same rises, which have a mean of at most 1 as long as the mean is at most
    `base`. Raises ValueError for values outside [0, 1] and for a base that leaves no room for a rise.

    >>> factors(np.array([1.0, 0.0]), 0.1).shape
    (2, 6)
    """
    bets, r = _bets(values, base)
    return np.asarray(1.0 + np.outer(values - r, bets), dtype=np.float64)


def _bets(values: Floats, base: float) -> tuple[Floats, float]:
    """The bet of each rise, and the rate that it is made against. Raises ValueError as `factors` does."""
    if not 0.0 <= base < 1.0:
        raise ValueError("a base rate lies between 0 and 1")
    # NaN is neither the least nor the greatest of anything, and so fails both.
    if not (values.min(initial=1.0) >= 0.0 and values.max(initial=0.0) <= 1.0):
        raise ValueError("values must be finite and lie in [0, 1]")
    r = max(base, _LEAST_BASE)
    risen = np.minimum(r + np.array(RISES), (1.0 + r) / 2.0)
    # At 0 and 1 the line 1 + bet (x - r) is the likelihood ratio of the two rates; between them it stays a fair bet.
    return (risen - r) / (r * (1.0 - r)), r


def follow(suspicion: Suspicion, values: Floats, base: float) -> tuple[Suspicion, Floats]:
    """Take the next values in their order: the state after them, and the mean of the processes after each.

    An alarm is due where the mean reaches the threshold.

    >>> quiet, path = follow(Suspicion(), np.zeros(1000), 0.1)
    >>> bool(path.max() < 50)
    True
    >>> _, path = follow(quiet, np.ones(30), 0.1)
    >>> bool(path[-1] > 1e5)
    True
    """
    if not values.size:
        return suspicion, np.empty(0)
    bets, r = _bets(values, base)
    anchor = np.array(suspicion.processes if suspicion.anchor is None else suspicion.anchor)
    product, inverse, processes = np.array(suspicion.product), np.array(suspicion.inverse), anchor
    paths, taken, rows = [], 0, suspicion.rows
    with np.errstate(over="ignore"):
        while taken < values.size:
            if rows % _BLOCK == 0 and (blocks := (values.size - taken) // _BLOCK):
                upto = taken + blocks * _BLOCK
                path, processes = _blocks(values[taken:upto], bets, r, anchor)
            else:
                upto = min(values.size, taken + _BLOCK - rows % _BLOCK)
                path, processes, product, inverse = _begun(values[taken:upto], bets, r, anchor, product, inverse)
            paths.append(path)
            rows, taken = rows + upto - taken, upto
            if rows % _BLOCK == 0:
                anchor, product, inverse = processes, np.ones(len(RISES)), np.zeros(len(RISES))
    path = paths[0] if len(paths) == 1 else np.concatenate(paths)
    after = Suspicion(
        processes=_told(processes),
        rows=rows,
        most=max(suspicion.most, float(path.max())),
        anchor=_told(anchor),
        product=_told(product),
        inverse=_told(inverse),
    )
    return after, path


def _blocks(values: Floats, bets: Floats, r: float, anchor: Floats) -> tuple[Floats, Floats]:
    """The mean of the processes after each row of whole blocks, and the processes after the last.

    All blocks take their first row together, then all their second, so that numpy works along the blocks.
    """
    rows = np.ascontiguousarray(values.reshape(-1, _BLOCK).T - r)
    products = rows[:, None, :] * bets[:, None]
    products += 1.0
    for row in range(1, _BLOCK):
        np.multiply(products[row - 1], products[row], out=products[row])
    inverses = np.empty_like(products)
    inverses[0] = 1.0
    np.divide(1.0, products[:-1], out=inverses[1:])
    for row in range(1, _BLOCK):
        np.add(inverses[row - 1], inverses[row], out=inverses[row])
    anchors = np.empty(products.shape[1:])
    for number, first in enumerate(anchor.tolist()):
        start, begun = first, []
        for product, inverse in zip(products[-1, number].tolist(), inverses[-1, number].tolist(), strict=True):
            begun.append(start)
            start = product * (start + inverse)
            start = min(start, _MOST)
        anchors[number] = begun
    inverses += anchors
    inverses *= products
    means = _mean(inverses)
    if not means.max() < _MOST / len(RISES):
        means = _mean(np.minimum(inverses, _MOST, out=inverses))
    return means.T.ravel(), np.minimum(inverses[-1, :, -1], _MOST)


def _begun(
    values: Floats, bets: Floats, r: float, anchor: Floats, product: Floats, inverse: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """The same within one block: the mean, the processes, its products and its sum of inverse products so far."""
    steps = np.outer(values - r, bets) + 1.0
    products = np.cumprod(np.vstack([product, steps]), axis=0)
    inverses = np.cumsum(np.vstack([inverse, 1.0 / products[:-1]]), axis=0)[1:]
    processes = np.minimum(products[1:] * (anchor + inverses), _MOST)
    return _mean(processes), processes[-1], products[-1], inverses[-1]


def _mean(processes: Floats) -> Floats:
    """Over the processes, which lie along the second axis.

    Added one after the other: a sum that numpy arranges may depend on the shape of the whole.
    """
    mean = processes[:, 0].copy()
    for number in range(1, len(RISES)):
        mean += processes[:, number]
    mean /= len(RISES)
    return mean


def _told(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def threshold(rows: float, false_alarms: float = 0.1) -> float:
    """The threshold at which the chance of a false alarm within `rows` rows is at most `false_alarms`.

    >>> threshold(10_000)
    100000.0
    """
    if not (rows > 0 and 0.0 < false_alarms < 1.0):
        raise ValueError("a number of rows above 0, and a chance between 0 and 1")
    return rows / false_alarms


def ideal_delay(base: float, risen: float, runs: float) -> float:
    """About how many rows the best detector for exactly this rise would take: ln(runs) over the information in a row.

    >>> round(ideal_delay(0.1, 0.2, 1e5))
    259
    """
    if not 0.0 < base < risen < 1.0:
        raise ValueError("0 < base < risen < 1")
    information = risen * math.log(risen / base) + (1.0 - risen) * math.log((1.0 - risen) / (1.0 - base))
    return math.log(runs) / information
