"""Units that feeds really confuse: for each unit, the others in which the same quantity arrives by mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

Conversion = Callable[[float], float]


def scaled(factor: float) -> Conversion:
    """Multiplies by the factor."""
    return lambda value: value * factor


_SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "degF": ("degf", "f", "°f", "fahrenheit", "deg f"),
    "degC": ("degc", "c", "°c", "celsius", "deg c"),
    "K": ("k", "kelvin"),
    "hPa": ("hpa", "mbar", "millibar"),
    "Pa": ("pa", "pascal"),
    "kPa": ("kpa",),
    "bar": ("bar",),
    "psi": ("psi",),
    "mi": ("mi", "mile", "miles"),
    "km": ("km", "kilometer", "kilometre"),
    "m": ("m", "meter", "metre"),
    "cm": ("cm",),
    "mm": ("mm",),
    "ft": ("ft", "feet"),
    "in": ("in", "inch", "inches"),
    "mph": ("mph",),
    "km/h": ("km/h", "kmh", "kph"),
    "m/s": ("m/s", "mps"),
    "kn": ("kn", "kt", "knots"),
    "kg": ("kg",),
    "g": ("g",),
    "lb": ("lb", "lbs"),
    "t": ("t", "ton", "tonne"),
    "%": ("%", "percent", "pct"),
    "share": ("share", "fraction", "ratio"),
    "ms": ("ms",),
    "s": ("s", "sec", "second", "seconds"),
    "min": ("min", "minute", "minutes"),
    "h": ("h", "hour", "hours"),
    "d": ("d", "day", "days"),
    "HHMM": ("hhmm",),
    "kWh": ("kwh",),
    "kW": ("kw",),
    "W": ("w", "watt"),
    "V": ("v", "volt"),
    "l": ("l", "liter", "litre"),
    "EUR": ("eur", "€", "euro"),
    "USD": ("usd", "$"),
    "GBP": ("gbp", "£"),
}
_NAMES: Final = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings}

_CONVERSIONS: Final[Mapping[str, Mapping[str, Conversion]]] = {
    "degF": {"°C": lambda f: (f - 32.0) / 1.8, "K": lambda f: (f - 32.0) / 1.8 + 273.15},
    "degC": {"°F": lambda c: c * 1.8 + 32.0, "K": lambda c: c + 273.15},
    "K": {"°C": lambda k: k - 273.15, "°F": lambda k: (k - 273.15) * 1.8 + 32.0},
    "hPa": {"Pa": scaled(100.0), "kPa": scaled(0.1), "inHg": scaled(0.02953)},
    "Pa": {"hPa": scaled(0.01), "kPa": scaled(0.001)},
    "kPa": {"Pa": scaled(1000.0), "hPa": scaled(10.0)},
    "bar": {"psi": scaled(14.5038), "kPa": scaled(100.0)},
    "psi": {"bar": scaled(1 / 14.5038), "kPa": scaled(6.89476)},
    "mi": {"km": scaled(1.609344), "m": scaled(1609.344)},
    "km": {"mi": scaled(1 / 1.609344), "m": scaled(1000.0)},
    "m": {"ft": scaled(3.28084), "cm": scaled(100.0), "km": scaled(0.001)},
    "cm": {"in": scaled(1 / 2.54), "mm": scaled(10.0), "m": scaled(0.01)},
    "mm": {"in": scaled(1 / 25.4), "cm": scaled(0.1), "m": scaled(0.001)},
    "ft": {"m": scaled(0.3048)},
    "in": {"cm": scaled(2.54), "mm": scaled(25.4)},
    "mph": {"km/h": scaled(1.609344), "m/s": scaled(0.44704), "kn": scaled(0.868976)},
    "km/h": {"mph": scaled(1 / 1.609344), "m/s": scaled(1 / 3.6)},
    "m/s": {"km/h": scaled(3.6), "mph": scaled(2.236936)},
    "kn": {"mph": scaled(1.150779), "km/h": scaled(1.852)},
    "kg": {"lb": scaled(2.204623), "g": scaled(1000.0), "t": scaled(0.001)},
    "g": {"kg": scaled(0.001)},
    "lb": {"kg": scaled(0.453592)},
    "t": {"kg": scaled(1000.0)},
    "%": {"share": scaled(0.01)},
    "share": {"%": scaled(100.0)},
    "ms": {"s": scaled(0.001)},
    "s": {"ms": scaled(1000.0), "min": scaled(1 / 60)},
    "min": {"s": scaled(60.0), "h": scaled(1 / 60)},
    "h": {"min": scaled(60.0), "s": scaled(3600.0)},
    "d": {"h": scaled(24.0), "s": scaled(86_400.0)},
    "HHMM": {"minutes of the day": lambda t: t // 100 * 60 + t % 100, "hours": lambda t: t // 100},
    "kWh": {"Wh": scaled(1000.0)},
    "kW": {"W": scaled(1000.0)},
    "W": {"kW": scaled(0.001)},
    "V": {"mV": scaled(1000.0)},
    "l": {"ml": scaled(1000.0), "gal": scaled(0.264172)},
    "EUR": {"cents": scaled(100.0)},
    "USD": {"cents": scaled(100.0)},
    "GBP": {"pence": scaled(100.0)},
}


def confusions(unit: str | None) -> Mapping[str, Conversion]:
    """Name of another unit to how a value in `unit` reads in it; empty for no unit and for one that is not known."""
    if unit is None:
        return {}
    return _CONVERSIONS.get(_NAMES.get(unit.split(",")[0].strip().casefold(), ""), {})
