"""Whether the inputs still look like the rows that GO was given for: where each lies, and what is strange in it.

Every input is held by shares of rows, since a share needs no model of the input: how many of its numbers lie above the
reference's middle, how many of its texts are each of the most frequent ones, how many values are missing, unreadable,
new, or beyond all but the outermost of the reference. A share has moved where it lies farther off than a shift of half
a standard deviation would carry it: the distance at which the gate calls evaluation and live rows too far apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from seatrial.app.watched.budget import Budget
from seatrial.app.watched.frames import Decodes
from seatrial.app.watched.performance import NOTHING
from seatrial.app.watched.reference import Base, Reference
from seatrial.domains.condition_words import called
from seatrial.domains.scored.rows import REST, Feature, Floats, Mask, Rows, features_of, numbers_of
from seatrial.measure.columns import Columns
from seatrial.stats.drift import FAIL_D, beside
from seatrial.watch.batch import Batch, Values
from seatrial.watch.detectors import Detector
from seatrial.watch.stream import Stream

_OUTERMOST = 0.01
_MOST_LEVELS = 3
_KEEPS = 200
"""There are many inputs, and what is kept of each is written with every step."""
_SAYS = f"it has moved by more than {FAIL_D:g} standard deviations since the reference rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """A share of the values of one input. `given` tells which values count, where not all do."""

    name: str
    words: str
    held: Callable[[Columns], Mask]
    given: Callable[[Columns], Mask] | None = None
    both_ways: bool = True


def moved(reference: Reference, known: Columns, decoding: Decodes, budget: Budget) -> Iterator[Stream]:
    """The streams over single inputs. They ask to look: an input that moved need not make an answer wrong."""
    shares = [
        share
        for feature in features_of(Rows(columns=known, total=known.rows), reference.inputs)
        for share in _shares(feature, called(feature.source, reference.inputs))
    ]
    among = sum(1 + share.both_ways for share in shares)
    for share in shares:
        yield _stream(share, reference, known, decoding, budget, among=among)


def _stream(
    share: _Share, reference: Reference, known: Columns, decoding: Decodes, budget: Budget, *, among: int
) -> Stream:
    held = share.held(known)
    places = np.arange(held.size) if share.given is None else np.flatnonzero(share.given(known))
    base = reference.share(held[places], places)

    def take(seen: Batch) -> Values:
        decoded = decoding(seen, needs_inputs=True)
        if decoded is None:
            return NOTHING
        values = share.held(decoded.columns).astype(np.float64)
        return decoded.values(values, None if share.given is None else share.given(decoded.columns))

    return Stream(
        name=share.name,
        words=share.words,
        take=take,
        detectors=tuple(_detectors(share, base, budget, among)),
        base=base.share,
        by_day=base.by_day,
        keeps=_KEEPS,
    )


def _detectors(share: _Share, base: Base, budget: Budget, among: int) -> Iterator[Detector]:
    units = budget.units(labelled=False, by_day=base.by_day)
    yield budget.look("rises", beside(base.high, FAIL_D), _SAYS, units=units, among=among)
    if share.both_ways:
        yield budget.look("falls", beside(base.low, -FAIL_D), _SAYS, units=units, among=among)


def _shares(feature: Feature, said: str) -> Iterator[_Share]:
    if feature.numbers is None:
        yield from _of_texts(feature, said)
        return
    given = feature.numbers[np.isfinite(feature.numbers)]
    if given.size:
        yield from _of_numbers(feature.name, said, given)


def _of_numbers(name: str, said: str, given: Floats) -> Iterator[_Share]:
    low, high = (float(q) for q in np.quantile(given, (_OUTERMOST, 1.0 - _OUTERMOST), method="nearest"))
    yield _Share(
        name=f"input.{name}.strange",
        words=f"share of {said} that is no number from {low:.4g} to {high:.4g}",
        held=lambda columns: ~_between(numbers_of(columns[name]), low, high),
        both_ways=False,
    )
    values, counts = np.unique(given, return_counts=True)
    if values.size == 1:
        return
    above = 1.0 - np.cumsum(counts)[:-1] / given.size
    middle = float(values[int(np.argmin(np.abs(above - 0.5)))])
    yield _Share(
        name=f"input.{name}",
        words=f"share of {said} above {middle:.4g}",
        held=lambda columns: _above(numbers_of(columns[name]), middle),
        given=lambda columns: ~np.isnan(numbers_of(columns[name])),
    )


def _of_texts(feature: Feature, said: str) -> Iterator[_Share]:
    name, levels = feature.name, tuple(level for level in feature.levels if level != REST)
    if len(levels) == len(feature.levels):
        known = frozenset(levels)
        yield _Share(
            name=f"input.{name}.strange",
            words=f"share of {said} that is missing or was never there before",
            held=lambda columns: ~_one_of(columns, name, known),
            both_ways=False,
        )
    # Of the last one the others tell.
    for level in levels[: min(_MOST_LEVELS, len(levels) - 1)]:
        yield _Share(
            name=f"input.{name}.{level}",
            words=f"share of {said} that is {level}",
            held=_that_is(name, level),
        )


def _that_is(name: str, level: str) -> Callable[[Columns], Mask]:
    return lambda columns: _one_of(columns, name, frozenset((level,)))


def _between(numbers: Floats, low: float, high: float) -> Mask:
    with np.errstate(invalid="ignore"):
        return np.asarray((numbers >= low) & (numbers <= high), dtype=np.bool_)


def _above(numbers: Floats, middle: float) -> Mask:
    with np.errstate(invalid="ignore"):
        return np.asarray(numbers > middle, dtype=np.bool_)


def _one_of(columns: Columns, name: str, wanted: frozenset[str]) -> Mask:
    texts, codes = columns[name].names
    hits = np.array([text in wanted for text in texts] + [False], dtype=np.bool_)
    return np.asarray(hits[codes], dtype=np.bool_)
