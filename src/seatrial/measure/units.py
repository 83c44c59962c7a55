"""Known ways in which a number's unit or notation changes: between units of one dimension, scales, clock notations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_BOLD = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """`apply` turns the training's numbers into what live ones would be, `back` undoes it; `formula` says so in words.

    `slope` is by how much `apply` stretches. `bold` ones change numbers so much that a season cannot be mistaken for
    them; factors keep the sign. `dimension` is what it measures, empty for a change of scale, which can happen to
    anything.
    """

    name: str
    formula: str
    apply: Callable[[Floats], Floats]
    back: Callable[[Floats], Floats]
    slope: float = 1.0
    dimension: str = ""
    bold: bool = True
    keeps_sign: bool = False


def _line(name: str, formula: str, factor: float, plus: float, *, dimension: str, bold: bool) -> Transform:
    return Transform(
        name=name,
        formula=formula,
        apply=lambda x: x * factor + plus,
        back=lambda y: (y - plus) / factor,
        slope=abs(factor),
        dimension=dimension,
        bold=bold,
        keeps_sign=plus == 0 and factor > 0,
    )


def _times(name: str, factor: float, formula: str = "", dimension: str = "") -> Transform:
    return _line(
        name,
        formula or f"× {factor:g}",
        factor,
        0.0,
        dimension=dimension,
        bold=not 1 / _BOLD < factor < _BOLD,
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
    Transform(
        name="minutes of the day for HHMM", formula="HH × 60 + MM", apply=minutes_of_clock, back=clock_of_minutes
    ),
    Transform(
        name="HHMM for minutes of the day",
        formula="the inverse of HH × 60 + MM",
        apply=clock_of_minutes,
        back=minutes_of_clock,
    ),
)
_DEGREES = 180.0 / np.pi
OPPOSITE = "the opposite sign"
TRANSFORMS = (
    _line("°C for °F", "(x − 32) / 1.8", 1 / 1.8, -32.0 / 1.8, dimension="temperature", bold=False),
    _line("°F for °C", "× 1.8 + 32", 1.8, 32.0, dimension="temperature", bold=False),
    _line("K for °C", "+ 273.15", 1.0, 273.15, dimension="temperature", bold=True),
    _line("°C for K", "− 273.15", 1.0, -273.15, dimension="temperature", bold=True),
    _line("K for °F", "(x + 459.67) / 1.8", 1 / 1.8, 459.67 / 1.8, dimension="temperature", bold=True),
    _times("hundredths for units (cents, Pa for hPa, per cent for a share)", 100.0),
    _times("units for hundredths (hPa for Pa, a share for per cent)", 0.01, "/ 100"),
    _times("thousandths for units", 1000.0),
    _times("units for thousandths", 0.001, "/ 1000"),
    *(t for k in (1, 4, 5, 6, 9) for t in _pair(f"10^-{k} units for units", 10.0**k, "")),
    _times("amounts of a year for amounts of a month", 12.0),
    _times("amounts of a month for amounts of a year", 1 / 12.0, "/ 12"),
    *_pair("amounts of a year for amounts of a week", 52.0, "amount"),
    *_pair("degrees for radians", _DEGREES, "angle"),
    *_pair("cm for in", 2.54, "length"),
    *_pair("km for miles", 1.609344, "length"),
    *_pair("m for miles", 1609.344, "length"),
    *_pair("ft for m", 1 / 0.3048, "length"),
    *_pair("ft for miles", 5280.0, "length"),
    *_pair("nautical miles for miles", 0.868976, "length"),
    *_pair("lb for kg", 1 / 0.45359237, "mass"),
    *_pair("oz for g", 1 / 28.349523, "mass"),
    *_pair("km/h for m/s", 3.6, "speed"),
    *_pair("km/h for mph", 1.609344, "speed"),
    *_pair("mph for m/s", 2.236936, "speed"),
    *_pair("knots for m/s", 1.943844, "speed"),
    *_pair("km/h for knots", 1.852, "speed"),
    *_pair("mph for knots", 1.150779, "speed"),
    *_pair("hPa for mmHg", 1.333224, "pressure"),
    *_pair("hPa for inHg", 33.86389, "pressure"),
    *_pair("kPa for psi", 6.894757, "pressure"),
    *_pair("psi for bar", 14.503774, "pressure"),
    *_pair("litres for US gallons", 3.785412, "volume"),
    *_pair("litres for imperial gallons", 4.54609, "volume"),
    *_pair("kWh for MJ", 1 / 3.6, "energy"),
    *_pair("kJ for kcal", 4.184, "energy"),
    *_pair("seconds for minutes", 60.0, "time"),
    *_pair("seconds for hours", 3600.0, "time"),
    *_pair("seconds for days", 86_400.0, "time"),
    *_pair("hours for days", 24.0, "time"),
    _line(OPPOSITE, "× −1", -1.0, 0.0, dimension="", bold=True),
)
"""Sixty seconds to a minute are sixty minutes to an hour: a factor that stands for several units is listed once."""
_UNITS = {
    "temperature": "c f k celsius fahrenheit kelvin degc degf",
    "length": "mm cm m km in inch ft mi mile miles nmi yd metre meter",
    "mass": "mg g kg t lb lbs oz pound",
    "speed": "m/s km/h kmh kph mph kn kt knot knots",
    "pressure": "pa hpa kpa mbar bar psi mmhg inhg atm",
    "angle": "deg degree degrees rad radian radians",
    "volume": "ml l litre liter gal gallon gallons m3",
    "energy": "j kj mj wh kwh mwh cal kcal",
    "time": "ms s sec min minute minutes h hour hours d day days",
    "share": "% percent share ratio",
    "clock": "hhmm",
}


def dimension_of(unit: str | None) -> str | None:
    """What a declared unit measures, None where it is not declared or not known."""
    plain = (unit or "").strip().lower().replace("°", "")
    return next((dimension for dimension, units in _UNITS.items() if plain in units.split()), None)
