"""Figures of a confusion matrix that are neither a share nor a mean, such as macro-F1, kappa and MCC, with bounds.

Assumption: independent rows (or, for `linear_interval`, independent clusters, or weights right up to a factor).
Guarantee: approximate. The BCa bootstrap of the multinomial is too tight in small samples (it covered 89 % of a nominal
95 % at n = 20), so no bound is ever tighter than what the exact bounds of each class's recall and share allow when they
are combined as independent errors (`box`). Source: Efron, JASA 82 (1987) 171 for BCa; Zou and Donner, Statistics in
Medicine 27 (2008) 1693 for recovering variances from exact bounds; Gorodkin, Computational Biology and Chemistry 28
(2004) 367 for MCC of many classes; Cohen, Educational and Psychological Measurement 20 (1960) 37 for kappa.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seatrial.stats.interval import Interval

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Figure = Callable[[Floats], Floats]
REPLICATES = 10_000
_MOST_DRAWN = 40_000_000
_AT_ONCE = 500
_NUDGE = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A figure over confusion matrices, vectorised over leading axes, and the least and greatest that it can be.

    Rows are true classes, columns said ones; a further last column counts rows without an answer.
    """

    of: Figure
    least: float = 0.0
    greatest: float = 1.0


def macro_f1(table: Floats) -> Floats:
    """The mean F1 over the classes that occur or are said.

    >>> import numpy as np
    >>> round(float(macro_f1(np.array([[2.0, 1.0], [0.0, 3.0]]))), 4)
    0.8286
    """
    hit, true, said = _sides(table)
    return _mean_ratio(2.0 * hit, true + said)


def macro_recall(table: Floats) -> Floats:
    """The mean recall over the classes that occur, also called balanced accuracy.

    >>> import numpy as np
    >>> float(macro_recall(np.array([[90.0, 10.0], [5.0, 15.0]])))
    0.825
    """
    hit, true, _ = _sides(table)
    return _mean_ratio(hit, true)


def macro_precision(table: Floats) -> Floats:
    """The mean precision over the classes that are said; what has no answer counts as said wrongly of its class.

    >>> import numpy as np
    >>> float(macro_precision(np.array([[8.0, 0.0, 2.0], [0.0, 9.0, 0.0]])))
    0.9
    """
    hit, _, said = _sides(table)
    classes = table.shape[-2]
    silent = table[..., :, classes] if table.shape[-1] > classes else 0.0
    return _mean_ratio(hit, said + silent)


def kappa(table: Floats) -> Floats:
    """Cohen's kappa; 0 where everything is of one class and said to be.

    >>> import numpy as np
    >>> round(float(kappa(np.array([[20.0, 5.0], [10.0, 15.0]]))), 4)
    0.4
    """
    hit, true, said = _sides(table)
    total = table.sum(axis=(-2, -1))
    agreed, chance = hit.sum(-1) / total, (true * said).sum(-1) / total**2
    return _ratio(agreed - chance, 1.0 - chance)


def mcc(table: Floats) -> Floats:
    """Matthews' correlation coefficient, for any number of classes; 0 where one side has a single class.

    >>> import numpy as np
    >>> round(float(mcc(np.array([[90.0, 10.0], [5.0, 45.0]]))), 4)
    0.7826
    """
    hit, true, _ = _sides(table)
    said = table.sum(-2)
    total = table.sum(axis=(-2, -1))
    both = (true * said[..., : true.shape[-1]]).sum(-1)
    spread = np.sqrt((total**2 - (said**2).sum(-1)) * (total**2 - (true**2).sum(-1)))
    return _ratio(hit.sum(-1) * total - both, spread)


def f_beta(beta: float, positive: int = 1) -> Figure:
    """F-beta of one class, as a figure of the table.

    >>> import numpy as np
    >>> round(float(f_beta(2.0)(np.array([[90.0, 10.0], [5.0, 45.0]]))), 4)
    0.8824
    """
    square = beta * beta

    def of(table: Floats) -> Floats:
        hit = table[..., positive, positive]
        missed = table[..., positive, :].sum(-1) - hit
        extra = table[..., :, positive].sum(-1) - hit
        return _ratio((1.0 + square) * hit, (1.0 + square) * hit + square * missed + extra)

    return of


FIGURES: Mapping[str, Named] = {
    "macro-f1": Named(of=macro_f1),
    "macro-recall": Named(of=macro_recall),
    "balanced-accuracy": Named(of=macro_recall),
    "macro-precision": Named(of=macro_precision),
    "kappa": Named(of=kappa, least=-1.0),
    "mcc": Named(of=mcc, least=-1.0),
}


def interval(table: Floats, figure: Named, alpha: float = 0.05, *, seed: int = 0) -> Interval:
    """The figure with BCa bounds over resampled tables, never tighter than `box`. Raises ValueError for no rows.

    >>> import numpy as np
    >>> found = interval(np.array([[450.0, 50.0], [30.0, 470.0]]), FIGURES["mcc"])
    >>> round(found.value, 3), found.lower < 0.84 < found.upper
    (0.841, True)
    """
    counts = np.asarray(table, dtype=np.float64)
    n = round(float(counts.sum()))
    if n < 1:
        raise ValueError("a figure of a confusion matrix needs at least one row")
    value = float(figure.of(counts))
    low, high = box(counts, figure, alpha)
    bootstrapped = _bca(counts, figure.of, value, alpha, seed)
    if bootstrapped is not None:
        low, high = min(low, bootstrapped[0]), max(high, bootstrapped[1])
    return Interval(
        value=value, lower=low, upper=high, n=n, n_effective=float(n), method="BCa over the table", approximate=True
    )


def linear_interval(
    cells: Ints,
    shape: tuple[int, int],
    figure: Named,
    alpha: float = 0.05,
    *,
    weights: Floats | None = None,
    groups: Ints | None = None,
    unsupported: float = 0.0,
) -> Interval:
    """The figure over weighted or clustered rows, with bounds from its linear approximation, never tighter than `box`.

    `cells` has each row's place in the flattened table. `unsupported` is the share of the target mix that no row stands
    for: there the figure is taken to be at its least for the lower bound, and at its greatest for the upper one.

    >>> import numpy as np
    >>> found = linear_interval(np.repeat([0, 1, 3], [45, 5, 50]), (2, 2), FIGURES["kappa"])
    >>> round(found.value, 2), found.lower < 0.9 < found.upper
    (0.9, True)
    """
    from scipy.stats import t

    n = cells.size
    weight: Floats = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    share: Floats = weight / float(weight.sum())
    table: Floats = np.bincount(cells, weights=share, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    value = float(figure.of(table))
    pull = share * _influence(table, figure.of)[cells]
    parts = pull if groups is None else np.bincount(np.unique(groups, return_inverse=True)[1], weights=pull)
    count = int(parts.size)
    error = math.sqrt(count / max(1, count - 1) * float(np.sum(parts**2)))
    plain = math.sqrt(float(np.sum(pull**2)))
    effective = 1.0 / float(np.sum(share**2)) / max(1.0, (error / plain) ** 2 if plain > 0.0 else n / count)
    low, high = box(np.asarray(table * effective, dtype=np.float64), figure, alpha)
    reach = float(t.ppf(1.0 - alpha, max(1, min(count, math.floor(effective)) - 1))) * error
    seen = 1.0 - unsupported
    return Interval(
        value=seen * value + unsupported * figure.least,
        lower=seen * max(figure.least, min(low, value - reach)) + unsupported * figure.least,
        upper=seen * min(figure.greatest, max(high, value + reach)) + unsupported * figure.greatest,
        n=int(n),
        n_effective=effective,
        method="linear approximation over the table",
        approximate=True,
    )


def box(table: Floats, figure: Named, alpha: float = 0.05) -> tuple[float, float]:
    """What the exact bounds of the recall and the share of each class allow, combined as independent errors.

    A class without a row can be anything, so the figure can then be anything too.

    >>> import numpy as np
    >>> box(np.array([[20.0, 0.0], [0.0, 0.0]]), FIGURES["macro-recall"])
    (0.0, 1.0)
    """
    if not table.sum(axis=1).all():
        return figure.least, figure.greatest
    value = float(figure.of(table))
    moved = np.array([float(figure.of(each)) for each in _moved(table, alpha)]).reshape(-1, 2)
    below = np.maximum(0.0, value - moved.min(axis=1, initial=value))
    above = np.maximum(0.0, moved.max(axis=1, initial=value) - value)
    return (
        max(figure.least, value - math.sqrt(float(np.sum(below**2)))),
        min(figure.greatest, value + math.sqrt(float(np.sum(above**2)))),
    )


def _moved(table: Floats, alpha: float) -> list[Floats]:
    """Pairs of tables: one class's recall, or its share of all rows, at its lower and at its upper exact bound."""
    total, true = float(table.sum()), table.sum(axis=1)
    found = []
    for k in np.flatnonzero(true):
        size, hit = float(true[k]), float(table[k, k])
        found += [_with_recall(table, int(k), recall) for recall in _exact(hit, size, alpha)]
        if 0.0 < size < total:
            found += [_with_share(table, int(k), share) for share in _exact(size, total, alpha)]
    return found


def _exact(hits: float, n: float, alpha: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    low = float(betaincinv(hits, n - hits + 1.0, alpha)) if hits > 0.0 else 0.0
    high = float(betaincinv(hits + 1.0, n - hits, 1.0 - alpha)) if hits < n else 1.0
    return low, high


def _with_recall(table: Floats, k: int, recall: float) -> Floats:
    row = table[k]
    size = float(row.sum())
    others = np.delete(np.arange(row.size), k)
    missed = row[others]
    parts = missed / missed.sum() if missed.sum() > 0.0 else np.full(others.size, 1.0 / others.size)
    moved = table.copy()
    moved[k, k] = recall * size
    moved[k, others] = (1.0 - recall) * size * parts
    return moved


def _with_share(table: Floats, k: int, share: float) -> Floats:
    total, size = float(table.sum()), float(table[k].sum())
    moved = table * ((1.0 - share) * total / (total - size))
    moved[k] = table[k] * (share * total / size)
    return moved


def _bca(counts: Floats, of: Figure, value: float, alpha: float, seed: int) -> tuple[float, float] | None:
    """The bias-corrected and accelerated bounds, or None where resampling moves nothing."""
    from scipy.special import ndtr, ndtri

    flat = counts.ravel()
    filled = np.flatnonzero(flat)
    drawn = max(1000, min(REPLICATES, _MOST_DRAWN // max(1, filled.size)))
    rng = np.random.default_rng(seed)
    chance = flat[filled] / flat.sum()
    found = np.empty(drawn)
    for start in range(0, drawn, _AT_ONCE):
        size = min(_AT_ONCE, drawn - start)
        tables = np.zeros((size, flat.size))
        tables[:, filled] = rng.multinomial(int(flat.sum()), chance, size=size)
        found[start : start + size] = of(tables.reshape(size, *counts.shape))
    if not np.isfinite(found).all() or np.ptp(found) == 0.0:
        return None
    below = (np.count_nonzero(found < value) + 0.5 * np.count_nonzero(found == value)) / drawn
    bias = float(ndtri(min(max(below, 0.5 / drawn), 1.0 - 0.5 / drawn)))
    pull = _left_out(counts, of, filled)
    weight = flat[filled]
    pull = np.sum(weight * pull) / weight.sum() - pull
    spread = float(np.sum(weight * pull**2))
    acceleration = float(np.sum(weight * pull**3)) / (6.0 * spread**1.5) if spread > 0.0 else 0.0

    def at(level: float) -> float:
        z = bias + float(ndtri(level))
        shifted = bias + z / max(1e-3, 1.0 - acceleration * z)
        return float(np.quantile(found, float(ndtr(shifted))))

    return at(alpha), at(1.0 - alpha)


def _left_out(counts: Floats, of: Figure, filled: Ints) -> Floats:
    """The figure without one row of each filled cell."""
    found = np.empty(filled.size)
    for start in range(0, filled.size, _AT_ONCE):
        part = filled[start : start + _AT_ONCE]
        tables = np.repeat(counts.reshape(1, -1), part.size, axis=0)
        tables[np.arange(part.size), part] -= 1.0
        found[start : start + part.size] = of(tables.reshape(part.size, *counts.shape))
    return np.nan_to_num(found)


def _influence(table: Floats, of: Figure) -> Floats:
    """How the figure moves when a little more mass comes to each cell."""
    flat = table.ravel()
    base = float(of(table))
    found = np.empty(flat.size)
    for start in range(0, flat.size, _AT_ONCE):
        size = min(_AT_ONCE, flat.size - start)
        tables = np.repeat(flat[None] * (1.0 - _NUDGE), size, axis=0)
        tables[np.arange(size), start + np.arange(size)] += _NUDGE
        found[start : start + size] = (of(tables.reshape(size, *table.shape)) - base) / _NUDGE
    return found


def _sides(table: Floats) -> tuple[Floats, Floats, Floats]:
    """Hits, true rows and said rows of each class."""
    classes = table.shape[-2]
    square = table[..., :classes]
    return np.diagonal(square, axis1=-2, axis2=-1), table.sum(-1), square.sum(-2)


def _mean_ratio(top: Floats, bottom: Floats) -> Floats:
    """The mean of the ratios over the classes where there is something to divide by; 0 where there is none."""
    counted = bottom > 0.0
    ratios = np.where(counted, top / np.where(counted, bottom, 1.0), 0.0)
    return np.asarray(ratios.sum(-1) / np.maximum(1, counted.sum(-1)), dtype=np.float64)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    positive = bottom > 0.0
    return np.where(positive, top / np.where(positive, bottom, 1.0), 0.0)
