"""What may be said of a row that is labelled: one of some answers, or a number with its unit, range and tolerance."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from seatrial.measure.columns import plain_text
from seatrial.spec.system import System

CANNOT_TELL: Final = ""
MOST_OPTIONS: Final = 9
_MOST_LONG: Final = 100
_MOST_UNIT: Final = 20
_NUMBER: Final = re.compile(r"-?\d{1,15}(\.\d{1,12})?")
SCALE_FIELDS: Final = ("unit", "low", "high", "tolerance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Numbers of `unit` from `low` to `high`; two that lie no further apart than `tolerance` say the same."""

    unit: str
    low: float
    high: float
    tolerance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What may be said of each row of a round: `options`, or numbers on a `scale`."""

    options: tuple[str, ...] = ()
    scale: Scale | None = None

    def problem(self, said: str) -> str:
        """Why that is no answer here; empty where it is one."""
        if self.scale is None:
            return "" if said in self.options else f"{said[:40]!r} is none of the answers: {', '.join(self.options)}"
        scale = self.scale
        if not _NUMBER.fullmatch(said):
            return f"{said[:40]!r} is no number such as 12.5: digits, and a point before the decimals"
        if not Decimal(repr(scale.low)) <= Decimal(said) <= Decimal(repr(scale.high)):
            low, high = plain_text(scale.low), plain_text(scale.high)
            return f"{said[:40]} lies outside {low} to {high} {scale.unit}: is it of another unit?"
        return ""

    def plain(self, said: str) -> str:
        """An answer as it stands in the data: `12.50` and `12.5` are one number."""
        if self.scale is None:
            return said
        plain = f"{Decimal(said):f}"
        plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
        return "0" if plain == "-0" else plain

    def same(self, one: str, other: str) -> bool:
        """Whether two answers say the same; "cannot tell" is an answer of its own."""
        if self.scale is None or CANNOT_TELL in (one, other):
            return one == other
        return abs(Decimal(one) - Decimal(other)) <= Decimal(repr(self.scale.tolerance))


def numbers_of(system: System) -> bool:
    """Whether the rows of this system are labelled with numbers."""
    return system.model.task == "regression"


def options_of(system: System) -> tuple[str, ...]:
    """The answers to choose from that the system file tells of; none where it tells of none."""
    positive = system.model.output.positive
    if system.model.task != "binary" or positive is None:
        return ()
    name = plain_text(positive)
    return (name, "0") if name == "1" else (name, f"not {name}")


def read_options(text: str) -> list[tuple[str, str]]:
    r"""The answers to choose from, one a line, each with what it is called.

    >>> read_options("1 = late\n0")
    [('1', 'late'), ('0', '0')]
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    pairs = [line.partition(" = ") for line in lines]
    return [(value.strip(), title.strip() or value.strip()) for value, _, title in pairs]


def options_problem(options: Sequence[str]) -> str:
    """What is wrong with the answers to choose from; empty where nothing is."""
    if len(options) < 2:
        return "Give at least two answers, one a line."
    if len(options) > MOST_OPTIONS:
        return f"Give at most {MOST_OPTIONS} answers: each has a key of its own."
    if len(set(options)) != len(options):
        return "Give each answer once."
    if any(len(option) > _MOST_LONG or not option.isprintable() for option in options):
        return f"Keep each answer to {_MOST_LONG} characters."
    return ""


def read_scale(given: Mapping[str, str]) -> tuple[Scale | None, dict[str, str]]:
    """The scale that `unit`, `low`, `high` and `tolerance` tell of; else what is wrong, by field."""
    problems = {}
    if not given["unit"] or len(given["unit"]) > _MOST_UNIT or not given["unit"].isprintable():
        problems["unit"] = f"Say in up to {_MOST_UNIT} characters what is counted, such as min or EUR."
    for name in ("low", "high", "tolerance"):
        if not _NUMBER.fullmatch(given[name]):
            problems[name] = "Give a number such as 12.5: digits, and a point before the decimals."
    if problems:
        return None, problems
    low, high, tolerance = (Decimal(given[name]) for name in ("low", "high", "tolerance"))
    if low >= high:
        problems["high"] = "Give a number above the lowest one."
    elif not 0 <= tolerance < high - low:
        problems["tolerance"] = "Give a number from zero up, smaller than the whole range."
    if problems:
        return None, problems
    return Scale(unit=given["unit"], low=float(low), high=float(high), tolerance=float(tolerance)), {}
