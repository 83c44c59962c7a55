"""Parts of fields in which an answer can hide: digits, characters, pieces between delimiters, lengths, seconds.

A field of many values tells nothing as a whole where hardly any value occurs twice, although one of its digits may be
the label. Each part is a feature of its own, looked at like any field. Parts of a measurement, such as its leading
digit, tell less than the measurement does: what is looked for is a part that tells what no measurement would.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b

import numpy as np

from seatrial.domains.scored.rows import MOST_LEVELS, Feature, Floats, Ints, Rows, numbers_of, times_of
from seatrial.domains.scored.text_features import is_free, texts_of
from seatrial.measure.columns import Column
from seatrial.spec.model import InputField

_FEW = 20
"""Numbers of no more distinct values are looked at value by value already."""
_PLACES, _PLACES_OF_PROSE = 16, 3
_PIECES = 4
_DECIMALS = 6
_PIECE = re.compile(r"[^\W\d_]+|\d+")
_LONGEST = 4000
_TIMES: tuple[tuple[str, float, int], ...] = (
    ("millisecond", 1e-3, 1000),
    ("second", 1.0, 60),
    ("minute", 60.0, 60),
    ("hour", 3600.0, 24),
    ("weekday", 86_400.0, 7),
)


def parts_of(rows: Rows, inputs: Mapping[str, InputField]) -> tuple[Feature, ...]:
    """The parts of the inputs that have more values than can be looked at one by one, each as a feature."""
    found: list[Feature] = []
    for name, declared in inputs.items():
        if name in rows.columns and not declared.values:
            found += _distinct(_parts(rows.columns[name], declared))
    return tuple(found)


def whole_numbers(column: Column) -> bool:
    """Whether a column of numbers holds none with decimals."""
    if column.kind != "number":
        return False
    numbers = column.rows_as_numbers
    given = numbers[np.isfinite(numbers)]
    return bool(given.size) and bool((given == np.floor(given)).all())


def _parts(column: Column, declared: InputField) -> Iterator[Feature]:
    seconds = times_of(column) if declared.type == "time" or column.kind == "time" else None
    if seconds is not None:
        yield from _of_times(column.name, seconds)
    if column.kind == "number":
        if len(column.uniques[0]) <= _FEW:
            return
        if not whole_numbers(column):
            yield from _of_decimals(column.name, numbers_of(column))
        yield from _of_texts(column.name, *column.names, prose=False)
    elif column.kind == "text":
        texts, codes = column.names
        if len(texts) > (_FEW if declared.type in ("number", "integer") else MOST_LEVELS):
            free = texts_of(column)
            yield from _of_texts(column.name, texts, codes, prose=free is not None and is_free(free))


def _of_times(name: str, seconds: Floats) -> Iterator[Feature]:
    for part, unit, period in _TIMES:
        # A thousandth of the unit: what a double leaves of a time that is given in microseconds.
        yield Feature(name=f"{part} of {name}", source=name, numbers=np.floor(seconds / unit + 1e-3) % period)


def _of_decimals(name: str, numbers: Floats) -> Iterator[Feature]:
    """The digits before and behind the point, each by itself and the hundredths and thousandths as a whole."""
    size = np.abs(np.where(np.isfinite(numbers), numbers, np.nan))
    whole = np.floor(np.round(size, _DECIMALS))
    behind = np.round((size - whole) * 10.0**_DECIMALS)
    for place in range(1, _DECIMALS + 1):
        digit = np.floor(behind / 10.0 ** (_DECIMALS - place)) % 10
        yield Feature(name=f"decimal {place} of {name}", source=name, numbers=digit)
    for together in (2, 3):
        digits = np.floor(behind / 10.0 ** (_DECIMALS - together))
        yield Feature(name=f"the first {together} decimals of {name}", source=name, numbers=digits)
    yield Feature(name=f"last digit before the point of {name}", source=name, numbers=whole % 10)


def _of_texts(name: str, texts: Sequence[str], codes: Ints, *, prose: bool) -> Iterator[Feature]:
    seen = [text[:_LONGEST] for text in texts]
    for part, values in _text_parts(seen, prose=prose):
        feature = _feature(f"{part} of {name}", name, values, codes)
        if feature is not None:
            yield feature


def _text_parts(texts: Sequence[str], *, prose: bool) -> Iterator[tuple[str, list[str]]]:
    """Each part with its value for every text, empty where a text has no such part."""
    yield "length", [str(len(text)) for text in texts]
    for place in range(_PLACES_OF_PROSE if prose else _PLACES):
        yield f"character {place + 1}", [text[place : place + 1] for text in texts]
        words = "last character" if place == 0 else f"character {place + 1} from the end"
        yield words, [text[-1 - place] if len(text) > place else "" for text in texts]
    if prose:
        return
    for size in (2, 3):
        yield f"the first {size} characters", [text[:size] for text in texts]
        yield f"the last {size} characters", [text[-size:] for text in texts]
    pieces = [_PIECE.findall(text) for text in texts]
    for place in range(_PIECES):
        yield from _piece(f"piece {place + 1}", [each[place] if len(each) > place else "" for each in pieces])
        words = "last piece" if place == 0 else f"piece {place + 1} from the end"
        yield from _piece(words, [each[-1 - place] if len(each) > place else "" for each in pieces])


def _piece(words: str, values: list[str]) -> Iterator[tuple[str, list[str]]]:
    yield words, values
    yield f"length of the {words}", [str(len(value)) for value in values]
    yield f"first character of the {words}", [value[:1] for value in values]
    yield f"last character of the {words}", [value[-1:] for value in values]


def _feature(name: str, source: str, values: Sequence[str], codes: Ints) -> Feature | None:
    """A category of few values, else a number where all are; None where it is neither, or says the same of all."""
    levels = tuple(dict.fromkeys(value for value in values if value))
    if len(levels) + ("" in values) < 2:
        return None
    if len(levels) <= MOST_LEVELS:
        place = {level: i for i, level in enumerate(levels)}
        of_text = np.array([place.get(value, len(levels)) for value in values] + [-1], dtype=np.int16)
        return Feature(name=name, source=source, codes=of_text[codes], levels=(*levels, "(none)"))
    if not all(value.isdecimal() for value in levels):
        return None
    numbers = np.array([float(value) if value else np.nan for value in values] + [np.nan])
    return Feature(name=name, source=source, numbers=numbers[codes])


def _distinct(features: Iterator[Feature]) -> Iterator[Feature]:
    """Each part once, where several are the same: the last piece of two is the second."""
    known: set[bytes] = set()
    for feature in features:
        values = feature.numbers if feature.numbers is not None else np.asarray(feature.codes)
        content = blake2b(values.tobytes(), digest_size=16).digest()
        if content not in known:
            known.add(content)
            yield feature
