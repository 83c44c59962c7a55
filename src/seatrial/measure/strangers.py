"""Live numbers that training did not know, and whether one known change of unit makes them known.

A new season brings new numbers of the old kind: they stay strange under every transformation, or fit some only by the
chance that is computed here. Numbers in another unit become known all at once, be it in all rows or in a few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.measure.log_bins import LogBins
from seatrial.measure.transforms import candidates, difference, quantiles_of
from seatrial.measure.units import OPPOSITE, Transform, dimension_of
from seatrial.stats import proportions

Floats = npt.NDArray[np.float64]

_REPEATED, _SINGLE = 5, 0.03
"""So often each value occurs in training on average, and so rarely only once, before one that it lacks says anything.

The share of rows whose value occurs once is the chance that the next row brings a new one (Good 1953)."""
_FEWEST, _FEWEST_VALUES = 5, 5
_LEAST = 0.01
_EXPLAINED, _MOST_CHANCE, _SURE = 0.6, 0.7, 1e-6
_FEWEST_OWN = 20
_AT_ZERO, _SPARSE = 0.1, 0.3
_INSIDE, _APART, _WIDTHS, _WIDE = 0.9, 2.0, 2.0, 5.0
_ALIKE, _ALIKE_ELSEWHERE = 0.4, 1.5
"""Mean quantile difference, in spreads, up to which strange numbers look like training's once they are put back.

Numbers that all lie two widths of the range beyond it are of no season: they need only come back inside."""
_AS_TRAINING, _AS_WIDE = 0.2, 2.0
"""The same, and how much wider or narrower, where they lie next to the range: there a season brings a tail only."""
_MOST_DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Strangers:
    """`transform` makes the strange numbers known, which are `share` of all live numbers; `known` of them become so."""

    transform: Transform
    share: float
    known: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The distinct numbers of a side, rising, and how often each occurs; `exact` unless only bins are known."""

    values: Floats
    counts: npt.NDArray[np.int64]
    exact: bool

    @property
    def n(self) -> int:
        """How many numbers there are in all."""
        return int(self.counts.sum())

    @property
    def repeats(self) -> bool:
        """Whether so few values are seen only once that a new one would be a surprise."""
        often = self.exact and self.n >= _REPEATED * self.values.size
        return often and int((self.counts == 1).sum()) <= _SINGLE * self.n


def numbers_of(side: Mapping[str, Any]) -> Numbers:
    """From the counted values, else from the middles of the bins."""
    if side["values"] is not None:
        read = [(number, n) for text, n in side["values"].items() if (number := _read(text)) is not None]
        values, which = np.unique(np.array([number for number, _ in read], dtype=np.float64), return_inverse=True)
        counts = np.bincount(which, weights=[n for _, n in read], minlength=values.size).astype(np.int64)
        return Numbers(values=values, counts=counts, exact=True)
    low, high, counts = LogBins.of(side["bins"]).ordered()
    return Numbers(values=(low + high) / 2, counts=counts, exact=False)


def _read(text: str) -> float | None:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def told_by_values(training: Mapping[str, Any], live: Mapping[str, Any], *, unit: str | None) -> bool:
    """Whether values rather than quantiles tell a unit that is not declared.

    They do where training repeats its own, which take few of the places on their grid, and the live ones are counted.
    """
    known = numbers_of(training)
    if dimension_of(unit) is not None or live["values"] is None or not known.repeats:
        return False
    return known.values.size * step_of(training) <= _SPARSE * float(known.values[-1] - known.values[0])


def strange_to(known: Numbers, found: Numbers) -> Numbers:
    """What of `found` training did not know: values that it never had where it repeats its own, else its range."""
    if known.repeats and found.exact:
        strange = ~_near(found.values, known.values, 1e-9 * np.abs(found.values))
    else:
        strange = _outside(found.values, float(known.values[0]), float(known.values[-1]))
    return Numbers(values=found.values[strange], counts=found.counts[strange], exact=found.exact)


def known_share(known: Numbers, found: Numbers) -> tuple[float, float]:
    """The share of `found` that is known, and about how much of it would be by chance."""
    if not found.n:
        return 0.0, 0.0
    if known.exact and found.exact:
        hit = _near(found.values, known.values, 1e-9 * np.abs(found.values))
        # Of numbers without a common grid none is hit by chance; of whole ones, every place that is taken.
        steps = np.diff(known.values)
        chance = _taken(known.values, found.values, 0.5 * float(steps.min()) if steps.size else 0.0)
    else:
        hit = ~_outside(found.values, float(known.values[0]), float(known.values[-1]))
        chance = 0.0
    return float(found.counts[hit].sum()) / max(found.n, 1), chance


def strangers(training: Mapping[str, Any], live: Mapping[str, Any], *, unit: str | None) -> Strangers | None:
    """The change of unit that makes strange live numbers known, None where none does beyond chance.

    Where training repeats its values, a number is strange that it never had; else one that lies outside its range.
    """
    known, found = numbers_of(training), numbers_of(live)
    if not known.n or not found.n:
        return None
    # A winter brings negative numbers that summer had as positive ones; amounts, from zero on, do not turn round.
    amounts = 0 <= known.values[0] <= _AT_ZERO * (known.values[-1] - known.values[0]) and found.values[-1] <= 0
    tried = [t for t in candidates(training, live, unit) if t.name != OPPOSITE or amounts]
    own = dimension_of(unit)
    if known.repeats and found.exact:
        best = _by_values(training, live, (known, found), tried, own)
        if best is not None:
            return best
    return _by_range(training, found, tried, own)


def _by_values(
    training: Mapping[str, Any],
    live: Mapping[str, Any],
    sides: tuple[Numbers, Numbers],
    tried: Sequence[Transform],
    own: str | None,
) -> Strangers | None:
    known, found = sides
    step, live_step = step_of(training), step_of(live)
    strange = ~_near(found.values, known.values, 1e-9 * np.abs(found.values))
    values, counts = found.values[strange], found.counts[strange]
    share = _surely(int(counts.sum()), found.n)
    if share is None or values.size < _FEWEST_VALUES:
        return None
    fits: list[tuple[bool, float, Transform]] = []
    for transform in tried:
        undone = transform.back(values)
        tolerance = np.full(values.size, 0.5 * live_step / transform.slope) + 1e-9 * np.abs(undone)
        hit = _near(undone, known.values, tolerance)
        # By chance a number hits as many of the places on training's own grid as are taken, near where it lands.
        chance = _taken(known.values, undone, max(0.5 * step, float(tolerance.max())))
        chance = max(chance, _own_hits(transform, known.values, float(tolerance.max())))
        explained = float(counts[hit].sum()) / float(counts.sum())
        sure = proportions.lower(int(hit.sum()), values.size, _SURE) > chance
        if explained >= _EXPLAINED and chance <= _MOST_CHANCE and sure:
            fits.append((transform.dimension == own, explained - chance, transform))
    if not fits:
        return None
    _, gained, transform = max(fits, key=lambda fit: (fit[1] + 0.05 * fit[0], fit[0]))
    return Strangers(transform=transform, share=share, known=gained)


def step_of(side: Mapping[str, Any]) -> float:
    """The distance between the numbers that the decimals of 95 % of them allow; 0 where they have more than counted."""
    total = max(int(sum(side["decimals"])), 1)
    enough = [places for places, n in enumerate(np.cumsum(side["decimals"])) if n >= 0.95 * total]
    places = enough[0] if enough else len(side["decimals"])
    return 10.0**-places if places <= _MOST_DECIMALS else 0.0


def _near(values: Floats, known: Floats, tolerance: Floats) -> npt.NDArray[np.bool_]:
    place = np.clip(np.searchsorted(known, values), 1, max(known.size - 1, 1))
    nearest = np.minimum(np.abs(values - known[place - 1]), np.abs(values - known[np.minimum(place, known.size - 1)]))
    return np.asarray(nearest <= tolerance)


def _own_hits(transform: Transform, known: Floats, tolerance: float) -> float:
    """How many of training's own numbers the transformation takes to others of them: all, where they are symmetric."""
    landed = transform.back(known)
    inside = landed[(landed >= known[0]) & (landed <= known[-1])]
    if inside.size < _FEWEST_OWN:
        return 0.0
    return float(_near(inside, known, np.full(inside.size, tolerance)).mean())


def _taken(known: Floats, landed: Floats, tolerance: float) -> float:
    low, high = float(landed.min()), float(landed.max())
    there = known[(known >= low - tolerance) & (known <= high + tolerance)]
    if not there.size:
        return 0.0
    covered = float(np.minimum(np.diff(there), 2 * tolerance).sum()) + 2 * tolerance
    return min(1.0, covered / (high - low + 2 * tolerance))


def _by_range(
    training: Mapping[str, Any], found: Numbers, tried: Sequence[Transform], own: str | None
) -> Strangers | None:
    """Strange numbers that lie far outside, at twice the end of the range or more than its width beyond it.

    Nearer ones are no tail of a season where another unit of the declared kind gives them back training's whole shape,
    and the others have it as they are.
    """
    low, high = float(training["min"]), float(training["max"])
    quantiles = quantiles_of(training)
    width = max(high - low, 1e-12)
    strange = _outside(found.values, low, high)
    values, counts = found.values[strange], found.counts[strange]
    share = _surely(int(counts.sum()), found.n)
    far = _far(values, low, high, width)
    elsewhere = bool(((values > high + _WIDTHS * width) | (values < low - _WIDTHS * width)).all())
    if share is None or quantiles is None:
        return None
    apart = bool(2 * counts[far].sum() >= counts.sum())
    others = found.counts[~strange]
    rest = _quantiles(found.values[~strange], others) if others.sum() else None
    mixed = rest is not None and difference(quantiles, rest) <= _AS_TRAINING
    fits: list[tuple[float, Transform]] = []
    for transform in tried:
        undone = transform.back(values)
        inside = ~_outside(undone, low, high)
        telling = apart and (transform.bold or elsewhere)
        of_its_kind = mixed and own is not None and transform.dimension == own
        if not (telling or of_its_kind) or float(counts[inside].sum()) < _INSIDE * float(counts.sum()):
            continue
        shape = _quantiles(undone, counts)
        error = difference(quantiles, shape)
        wide = abs(float(shape[-1] - shape[0])) / max(float(quantiles[-1] - quantiles[0]), 1e-12)
        alike = error <= (_ALIKE_ELSEWHERE if elsewhere else _ALIKE) and 1 / _WIDE <= wide <= _WIDE
        as_training = error <= _AS_TRAINING and 1 / _AS_WIDE <= wide <= _AS_WIDE
        if (telling and alike) or (of_its_kind and as_training):
            fits.append((error, transform))
    if not fits:
        return None
    return Strangers(transform=min(fits, key=lambda fit: fit[0])[1], share=share, known=1.0)


def _outside(values: Floats, low: float, high: float) -> npt.NDArray[np.bool_]:
    return np.asarray((values < low) | (values > high))


def _far(values: Floats, low: float, high: float, width: float) -> npt.NDArray[np.bool_]:
    beyond = (values > high + width) | (values < low - width)
    if low > 0:
        beyond |= ((values > _APART * high) | (values < low / _APART)) & (values > 0)
    return np.asarray(beyond)


def _quantiles(values: Floats, counts: npt.NDArray[np.int64]) -> Floats:
    order = np.argsort(values)
    reached = np.cumsum(counts[order])
    places = np.searchsorted(reached, np.linspace(0.05, 0.95, 19) * reached[-1])
    return np.asarray(values[order][np.minimum(places, values.size - 1)])


def _surely(count: int, n: int) -> float | None:
    """The share, where it is surely one that matters."""
    if count < _FEWEST or proportions.lower(count, n) < _LEAST / 2:
        return None
    return count / n
