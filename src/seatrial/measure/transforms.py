"""Known ways in which a number's unit or notation changes, and how well each explains live numbers by the training's.

The fit is affine-free: the training's quantiles go through the transformation as it is known and are held against the
live quantiles. Nothing is estimated, so a season cannot be fitted away by a free slope.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.measure.log_bins import LogBins
from seatrial.stats import proportions

Floats = npt.NDArray[np.float64]

FEWEST = 50
"""With fewer live numbers than this nothing is said about units."""
_MANY_ZEROS = 0.2
_CLOSE, _CLOSE_GUESS, _BETTER = 0.2, 0.12, 3.0
_VERY_CLOSE, _MUCH_BETTER, _FAR = 0.08, 5.0, 0.25
_ROUGH, _RESCALED = 0.6, 8.0
_BOLD = 2.0
_SIGNS = 0.05
_OUTSIDE = 0.02
_FAMILIAR, _UNKNOWN = 0.5, 0.1
_SPARSE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """`apply` turns the training's numbers into what live ones would be; `formula` says so in words.

    `bold` ones change numbers so much that a season cannot be mistaken for them; factors keep the sign. `dimension` is
    what it measures, empty for a change of scale, which can happen to anything.
    """

    name: str
    formula: str
    apply: Callable[[Floats], Floats]
    dimension: str = ""
    bold: bool = True
    keeps_sign: bool = False


def _times(name: str, factor: float, formula: str = "", dimension: str = "") -> Transform:
    return Transform(
        name=name,
        formula=formula or f"× {factor:g}",
        apply=lambda x: x * factor,
        dimension=dimension,
        bold=not 1 / _BOLD < factor < _BOLD,
        keeps_sign=factor > 0,
    )


def _pair(name: str, factor: float, dimension: str) -> tuple[Transform, Transform]:
    there, back = name.split(" for ")
    return (
        _times(name, factor, dimension=dimension),
        _times(f"{back} for {there}", 1 / factor, f"/ {factor:g}", dimension),
    )


def minutes_of_clock(x: Floats) -> Floats:
    """Minutes of the day for a clock time written as a number, 1730 for half past five."""
    return np.asarray(np.floor(x / 100) * 60 + np.mod(x, 100))


def clock_of_minutes(x: Floats) -> Floats:
    """The inverse of `minutes_of_clock`."""
    return np.asarray(np.floor(x / 60) * 100 + np.mod(x, 60))


CLOCKS = (
    Transform(name="minutes of the day for HHMM", formula="HH × 60 + MM", apply=minutes_of_clock),
    Transform(name="HHMM for minutes of the day", formula="the inverse of HH × 60 + MM", apply=clock_of_minutes),
)
TRANSFORMS = (
    Transform(name="°C for °F", formula="(x − 32) / 1.8", apply=lambda x: (x - 32.0) / 1.8, dimension="temperature"),
    Transform(name="°F for °C", formula="× 1.8 + 32", apply=lambda x: x * 1.8 + 32.0, dimension="temperature"),
    Transform(name="K for °C", formula="+ 273.15", apply=lambda x: x + 273.15, dimension="temperature"),
    Transform(name="°C for K", formula="− 273.15", apply=lambda x: x - 273.15, dimension="temperature"),
    _times("Pa for hPa (or per cent for a share)", 100.0),
    _times("hPa for Pa (or a share for per cent)", 0.01, "/ 100"),
    _times("thousandths for units", 1000.0),
    _times("units for thousandths", 0.001, "/ 1000"),
    *(t for k in (1, 4, 5, 6, 9) for t in _pair(f"10^-{k} units for units", 10.0**k, "")),
    *_pair("cm for in", 2.54, "length"),
    *_pair("km for miles", 1.609344, "length"),
    *_pair("ft for m", 1 / 0.3048, "length"),
    *_pair("lb for kg", 1 / 0.45359237, "mass"),
    *_pair("km/h for m/s", 3.6, "speed"),
    *_pair("km/h for mph", 1.609344, "speed"),
    *_pair("mph for m/s", 2.236936, "speed"),
    *_pair("hPa for mmHg", 1.333224, "pressure"),
    *_pair("hPa for inHg", 33.86389, "pressure"),
    *_pair("seconds for minutes", 60.0, "time"),
    *_pair("seconds for hours", 3600.0, "time"),
    *_pair("seconds for days", 86_400.0, "time"),
    *_pair("hours for days", 24.0, "time"),
    _times("the opposite sign", -1.0),
)
_UNITS = {
    "temperature": "c f k celsius fahrenheit kelvin degc degf",
    "length": "mm cm m km in inch ft mi mile miles yd metre meter",
    "mass": "mg g kg t lb lbs oz pound",
    "speed": "m/s km/h kmh kph mph kn kt knot knots",
    "pressure": "pa hpa kpa mbar bar psi mmhg inhg atm",
    "time": "ms s sec min minute minutes h hour hours d day days",
    "share": "% percent share ratio",
    "clock": "hhmm",
}


def dimension_of(unit: str | None) -> str | None:
    """What a declared unit measures, None where it is not declared or not known."""
    plain = (unit or "").strip().lower().replace("°", "")
    return next((dimension for dimension, units in _UNITS.items() if plain in units.split()), None)


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
    r: float


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
) -> Fit | None:
    """The known transformation that explains the live numbers where identity does not; None when identity may do.

    Identity is implausible when at least 2 % of the live numbers (lower bound) lie outside the training's range or
    the declared one, when hardly any is one of the few values that training had, or when a bold transformation fits
    very closely and identity not at all, or brings back a range that is more than eightfold off. A real season moves
    numbers within what training has seen, or fits no known transformation, and it brings the very values (readings of
    the same instrument) that training had. A declared `unit` rules out transformations of another dimension; without
    one, only bold transformations count.
    """
    zeros = training["numbers"] and training["zeros"] > _MANY_ZEROS * training["numbers"]
    reference = quantiles_of(training, without_zeros=bool(zeros))
    found = quantiles_of(live, without_zeros=bool(zeros))
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
        if (t.bold or unknown or t.dimension == known)
        and (same_signs or not t.keeps_sign or t.dimension in ("", known))
        and (fit := _fit(t, reference, found, identity, outside))
    ]
    best = min(fits, key=lambda fit: fit.error, default=None)
    if best is None:
        return None
    ratio = float(found[-1] - found[0]) / float(reference[-1] - reference[0])
    guessed = known is None and best.transform.dimension != ""
    return best if _explains(best, guessed=guessed, unknown=unknown, ratio=ratio) else None


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
