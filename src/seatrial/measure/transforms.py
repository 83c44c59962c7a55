"""How well each known change of a unit explains the live numbers by the training's.

The fit is affine-free: the training's quantiles go through the transformation as it is known and are held against the
live quantiles. Nothing is estimated, so a season cannot be fitted away by a free slope.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.measure.log_bins import LogBins
from seatrial.measure.units import CLOCKS, OPPOSITE, TRANSFORMS, Transform, dimension_of
from seatrial.stats import proportions

Floats = npt.NDArray[np.float64]

FEWEST = 50
"""With fewer live numbers than this nothing is said about units."""
_MANY_ZEROS = 0.2
_CLOSE, _CLOSE_GUESS, _BETTER = 0.2, 0.12, 3.0
_VERY_CLOSE, _MUCH_BETTER, _FAR = 0.08, 5.0, 0.25
_ROUGH, _RESCALED = 0.6, 8.0
_SIGNS = 0.05
_OUTSIDE = 0.02
_FAMILIAR, _UNKNOWN = 0.5, 0.1
_SPARSE = 0.3
_PATTERN = 0.1
_NARROW, _MOVED = 2.0, 1.3
_SKEWED, _MIDDLE = 0.4, 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How a transformation explains the live quantiles.

    `error` and `identity` are mean quantile differences, in ranges of 5 % to 95 % of what is expected; `outside` is a
    lower bound of the share of live numbers that training or the declaration rules out; `r` correlates the quantiles.
    """

    transform: Transform
    error: float
    identity: float
    outside: float
    r: float | None


def quantiles_of(side: Mapping[str, Any], *, without_zeros: bool = False) -> Floats | None:
    """The quantiles at 5 %, 10 %, … 95 % of a finished fingerprint, None where there are too few numbers."""
    values = side["without_zeros" if without_zeros else "quantiles"][1:-1]
    few = side["numbers"] - (side["zeros"] if without_zeros else 0) < FEWEST
    return None if few or any(v is None for v in values) else np.array(values, dtype=np.float64)


def difference(expected: Floats, found: Floats) -> float:
    """Mean absolute difference of quantiles, in ranges of the expected ones; infinite where those have no range."""
    spread = float(expected[-1] - expected[0])
    if spread < 0:
        expected, spread = expected[::-1], -spread
    return float(np.mean(np.abs(expected - found))) / spread if spread > 0 else float("inf")


def explanation(
    training: Mapping[str, Any],
    live: Mapping[str, Any],
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    unit: str | None = None,
    only_bold: bool = False,
) -> Fit | None:
    """The known transformation that explains the live numbers where identity does not; None when identity may do.

    Identity is implausible when at least 2 % of the live numbers (lower bound) lie outside the training's range or
    the declared one, when hardly any is one of the few values that training had, or when a bold transformation fits
    very closely and identity not at all, or brings back a range that is more than eightfold off. A real season moves
    numbers within what training has seen, or fits no known transformation, and it brings the very values (readings of
    the same instrument) that training had. A declared `unit` rules out transformations of another dimension; without
    one, only bold transformations count; neither do others where they are asked for as `only_bold`.
    """
    zeros = training["numbers"] and training["zeros"] > _MANY_ZEROS * training["numbers"]
    reference = quantiles_of(training, without_zeros=bool(zeros))
    found = quantiles_of(live, without_zeros=bool(zeros))
    moved = _magnitude(training, live, candidates(training, live, unit)) or _mirrored(reference, found)
    if moved is not None:
        return moved
    if reference is None or found is None or training["distinct"] < 5 or not reference[-1] > reference[0]:
        return None
    familiar = familiar_share(training, live)
    if familiar is not None and familiar >= _FAMILIAR and is_sparse(training):
        return None
    unknown = familiar is not None and familiar <= _UNKNOWN and training["n"] >= 20 * training["distinct"]
    identity = difference(reference, found)
    outside = outside_share(training, live, minimum, maximum)
    known = dimension_of(unit)
    # A factor moves no number across zero, a season does: asked of units that are only guessed.
    same_signs = abs(_negative_share(training) - _negative_share(live)) <= _SIGNS
    fits = [
        fit
        for t in candidates(training, live, unit)
        if (t.bold or not only_bold)
        and (t.bold or unknown or t.dimension == known)
        and (same_signs or not t.keeps_sign or t.dimension in ("", known))
        and (fit := _fit(t, reference, found, identity, outside))
    ]
    best = min(fits, key=lambda fit: fit.error, default=None)
    if best is None:
        return None
    ratio = float(found[-1] - found[0]) / float(reference[-1] - reference[0])
    guessed = known is None and best.transform.dimension != ""
    if guessed and not best.transform.bold and same_pattern(training, live):
        return None
    return best if _explains(best, guessed=guessed, unknown=unknown, ratio=ratio) else None


def fit_of(transform: Transform, training: Mapping[str, Any], live: Mapping[str, Any]) -> Fit | None:
    """How closely one transformation fits as a whole; None where there are too few numbers to tell."""
    reference, found = quantiles_of(training), quantiles_of(live)
    if reference is None or found is None or not reference[-1] > reference[0]:
        return None
    return _fit(transform, reference, found, difference(reference, found), 0.0)


def same_pattern(training: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether live numbers need as many decimals as the training's, which had some: a conversion would change that."""
    before, now = (np.array(side["decimals"], dtype=np.float64) for side in (training, live))
    if not before.sum() or not now.sum() or before[0] > 0.5 * before.sum():
        return False
    return float(np.abs(before / before.sum() - now / now.sum()).sum()) / 2 <= _PATTERN


def _magnitude(training: Mapping[str, Any], live: Mapping[str, Any], tried: Sequence[Transform]) -> Fit | None:
    """Where training's numbers are all of about one size, another size altogether is another unit."""
    low, high = training["min"], training["max"]
    if live["min"] is None or low is None or live["numbers"] < FEWEST or not 0 < low <= high <= _NARROW * low:
        return None
    ends = np.array([live["min"], live["max"]], dtype=np.float64)
    if ends[0] <= 0 or (low / _NARROW < ends[1] and ends[0] < high * _NARROW):
        return None
    for transform in tried:
        undone = np.sort(transform.back(ends))
        if transform.bold and low / _MOVED <= undone[0] and undone[1] <= high * _MOVED:
            off = float(abs(np.log(undone.mean() / ((low + high) / 2))))
            as_is = float(abs(np.log(ends.mean() / ((low + high) / 2))))
            return Fit(transform=transform, error=off, identity=as_is, outside=1.0, r=None)
    return None


def _mirrored(reference: Floats | None, found: Floats | None) -> Fit | None:
    """A long tail that lies on the other side of zero: no season turns a distribution round."""
    if reference is None or found is None or not (reference[0] < 0 < reference[-1] and found[0] < 0 < found[-1]):
        return None
    before, now = _skew(reference), _skew(found)
    middle = float(abs(reference[9] + found[9])) / float(reference[-1] - reference[0])
    if before * now >= 0 or min(abs(before), abs(now)) < _SKEWED or middle > _MIDDLE:
        return None
    sign = next(t for t in TRANSFORMS if t.name == OPPOSITE)
    return _fit(sign, reference, found, difference(reference, found), 0.0)


def _skew(quantiles: Floats) -> float:
    """Kelly's skewness, from -1 to 1: how much farther one end lies from the middle than the other."""
    spread = float(quantiles[-1] - quantiles[0])
    return float(quantiles[-1] + quantiles[0] - 2 * quantiles[9]) / spread if spread > 0 else 0.0


def _negative_share(side: Mapping[str, Any]) -> float:
    return float(LogBins.of(side["bins"]).negative.counts.sum()) / max(int(side["numbers"]), 1)


def _explains(fit: Fit, *, guessed: bool, unknown: bool, ratio: float) -> bool:
    """Of a unit whose dimension is only guessed, a closer fit is asked for."""
    close = (
        fit.error <= (_CLOSE_GUESS if guessed else _CLOSE)
        and fit.identity >= _BETTER * fit.error
        and (fit.outside >= _OUTSIDE or unknown)
    )
    striking = fit.error <= _VERY_CLOSE and fit.identity >= max(_FAR, _MUCH_BETTER * fit.error)
    rescaled = fit.error <= _ROUGH and not 1 / _RESCALED < ratio < _RESCALED
    return close or (fit.transform.bold and (striking or rescaled))


def candidates(training: Mapping[str, Any], live: Mapping[str, Any], unit: str | None) -> Sequence[Transform]:
    """Every known transformation that the two sides allow; between clock notations only where one side is a clock."""
    to_minutes = is_clock(training) and not is_clock(live)
    to_clock = is_clock(live) and not is_clock(training)
    dimension = dimension_of(unit)
    fitting = [t for t in TRANSFORMS if dimension is None or t.dimension in ("", dimension)]
    return [*fitting, *CLOCKS[:1] * to_minutes, *CLOCKS[1:] * to_clock]


def familiar_share(training: Mapping[str, Any], live: Mapping[str, Any]) -> float | None:
    """Share of the live numbers, within training's range and not zero, that are values which training had.

    None where that tells nothing: when there are too many values to know, or hardly any live number is within range.
    """
    known, found = training["values"], live["values"]
    if known is None or found is None or training["min"] is None:
        return None
    inside = {text: n for text, n in found.items() if training["min"] <= float(text) <= training["max"] and text != "0"}
    count = sum(int(n) for n in inside.values())
    if 2 * count < live["numbers"] - live["zeros"]:
        return None
    return sum(int(n) for text, n in inside.items() if text in known) / max(count, 1)


def is_sparse(side: Mapping[str, Any]) -> bool:
    """Whether values take few of the places that their decimals allow, so that another unit would not hit them."""
    numbers = max(int(side["numbers"]), 1)
    enough = [i for i, n in enumerate(np.cumsum(side["decimals"])) if n >= 0.95 * numbers]
    places = enough[0] if enough else len(side["decimals"])
    return bool(side["distinct"] < _SPARSE * (side["max"] - side["min"]) * 10.0**places)


def is_clock(side: Mapping[str, Any]) -> bool:
    """Whether these are times of the day written as numbers, HHMM: no minute beyond 59 among many distinct values."""
    values = side["values"]
    if values is None or len(values) < 30 or side["max"] is None or not 0 <= side["min"] <= side["max"] <= 2400:
        return False
    if side["max"] < 1000:
        return False
    try:
        numbers = np.array([float(text) for text in values])
    except ValueError:
        return False
    counts = np.array(list(values.values()), dtype=np.float64)
    odd = (np.mod(numbers, 100) >= 60) | (numbers != np.floor(numbers))
    return float(counts[odd].sum()) <= 0.002 * float(counts.sum())


def outside_share(
    training: Mapping[str, Any], live: Mapping[str, Any], minimum: float | None, maximum: float | None
) -> float:
    """Lower bound of the share of live numbers beyond the training's extremes, or beyond the declared ones."""
    bins = LogBins.of(live["bins"])
    low, high, counts = bins.ordered()
    n = int(counts.sum())
    if not n or training["min"] is None:
        return 0.0
    worst = 0.0
    for least, most in ((training["min"], training["max"]), (minimum, maximum)):
        beyond = 0
        if least is not None:
            beyond += int(counts[high < least].sum())
        if most is not None:
            beyond += int(counts[low > most].sum())
        worst = max(worst, proportions.lower(beyond, n))
    return worst


def _fit(transform: Transform, reference: Floats, found: Floats, identity: float, outside: float) -> Fit | None:
    expected = transform.apply(reference)
    expected = expected[::-1] if expected[-1] < expected[0] else expected
    spread = float(expected[-1] - expected[0])
    ratio = float(found[-1] - found[0]) / spread if spread > 0 else 0.0
    if not 0.4 < ratio < 2.5:
        return None
    error = difference(expected, found)
    r = float(np.corrcoef(expected, found)[0, 1])
    return Fit(transform=transform, error=error, identity=identity, outside=outside, r=r)
