"""What can be said of free texts without any model: length, language, script, opening, and the words they hold.

Every feature depends on its text alone, never on the other texts, so that tables read apart can be compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from seatrial.domains.condition_words import called
from seatrial.domains.scored.languages import language_of
from seatrial.domains.scored.rows import Feature, Floats, Ints, Rows, aligned, features_of
from seatrial.domains.scored.written_dates import undated
from seatrial.measure.columns import Column
from seatrial.spec.model import InputField

OTHER = "(any other)"
NO_OPENING = "(no words)"
_FEWEST_WORDS = 3.0
_FEWEST_TEXTS = 20
_MOST_OPENINGS, _ALL_OPENINGS = 50, 200_000
_FEWEST_OF_LEVEL = 20
_OPENING_WORDS = 3
_LOOKED_AT = 400
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_DIGITS = re.compile(r"\d+")
_SPACES = re.compile(r"\s+")
_LETTER = re.compile(r"[A-Za-z]")
_WIDE = frozenset({"Han", "Hiragana", "Katakana", "Thai"})
"""Scripts that put no spaces between words."""
_SCRIPT_STARTS: tuple[tuple[int, str], ...] = (
    (0x0000, ""), (0x0041, "Latin"), (0x005B, ""), (0x0061, "Latin"), (0x007B, ""), (0x00AA, "Latin"), (0x00AB, ""),
    (0x00B5, "Latin"), (0x00B6, ""), (0x00BA, "Latin"), (0x00BB, ""), (0x00C0, "Latin"), (0x00D7, ""),
    (0x00D8, "Latin"), (0x00F7, ""), (0x00F8, "Latin"), (0x02B0, ""), (0x0370, "Greek"), (0x0400, "Cyrillic"),
    (0x0530, "Armenian"), (0x0590, "Hebrew"), (0x0600, "Arabic"), (0x0700, ""), (0x0750, "Arabic"), (0x0780, ""),
    (0x0900, "Devanagari"), (0x0980, "Bengali"), (0x0A00, "Gurmukhi"), (0x0A80, "Gujarati"), (0x0B00, "Oriya"),
    (0x0B80, "Tamil"), (0x0C00, "Telugu"), (0x0C80, "Kannada"), (0x0D00, "Malayalam"), (0x0D80, "Sinhala"),
    (0x0E00, "Thai"), (0x0E80, "Lao"), (0x0F00, "Tibetan"), (0x1000, "Myanmar"), (0x10A0, "Georgian"),
    (0x1100, "Hangul"), (0x1200, "Ethiopic"), (0x13A0, ""), (0x1E00, "Latin"), (0x1F00, "Greek"), (0x2000, ""),
    (0x3040, "Hiragana"), (0x30A0, "Katakana"), (0x3100, ""), (0x3400, "Han"), (0x4DC0, ""), (0x4E00, "Han"),
    (0xA000, ""), (0xAC00, "Hangul"), (0xD7A4, ""), (0xF900, "Han"), (0xFB00, "Latin"), (0xFB07, ""),
    (0xFB1D, "Hebrew"), (0xFB50, "Arabic"), (0xFE00, ""), (0xFE70, "Arabic"), (0xFEFF, ""), (0xFF21, "Latin"),
    (0xFF3B, ""), (0xFF41, "Latin"), (0xFF5B, ""), (0xFF66, "Katakana"), (0xFFA0, ""), (0x20000, "Han"),
    (0x30000, ""),
)  # fmt: skip
"""Where blocks of letters begin, after the block charts of Unicode; an empty name is no letter of any script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """A column of free text: its distinct texts, and each row's index there, -1 where there is none."""

    name: str
    distinct: tuple[str, ...]
    codes: Ints

    @property
    def n(self) -> int:
        """Rows, with or without a text."""
        return int(self.codes.size)

    def all(self) -> list[str]:
        """The text of every row, empty where there is none."""
        return [self.distinct[code] if code >= 0 else "" for code in self.codes.tolist()]

    def at(self, rows: Ints) -> Texts:
        """The same column for some of the rows."""
        return Texts(name=self.name, distinct=self.distinct, codes=self.codes[rows])


def free_texts(rows: Rows, inputs: Mapping[str, InputField]) -> tuple[Texts, ...]:
    """The inputs that people or machines write freely: texts of several words, hardly any of which repeat."""
    found = []
    for name, declared in inputs.items():
        if declared.type == "string" and not declared.values and name in rows.columns:
            texts = texts_of(rows.columns[name])
            if texts is not None and is_free(texts):
                found.append(texts)
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparable:
    """The features of two tables, by which they are compared, and the inputs that are free text on either side."""

    evaluation: tuple[Feature, ...]
    live: tuple[Feature, ...]
    prose: frozenset[str]

    def without_times(self) -> Comparable:
        """The same without the parts of times."""
        kept = [
            tuple(f for f in side if f.name == f.source or f.source in self.prose)
            for side in (self.evaluation, self.live)
        ]
        return Comparable(evaluation=kept[0], live=kept[1], prose=self.prose)

    def called(self, inputs: Mapping[str, InputField]) -> Comparable:
        """The same under the names that people have for the inputs, as it is told."""
        sides = [tuple(replace(f, name=called(f.name, inputs)) for f in side) for side in (self.evaluation, self.live)]
        return Comparable(evaluation=sides[0], live=sides[1], prose=self.prose)


def comparable(rows: Rows, live: Rows, inputs: Mapping[str, InputField]) -> Comparable:
    """Everything by which two tables are compared: inputs as features, parts of times, and parts of free texts.

    What is free text on either side is taken as such on both. Openings that are rare on both sides together are one.
    """
    prose = frozenset(t.name for side in (rows, live) for t in free_texts(side, inputs))
    plain = {name: declared for name, declared in inputs.items() if name not in prose}
    sides = []
    for side in (rows, live):
        columns = [texts_of(side.columns[name]) for name in inputs if name in prose and name in side.columns]
        sides.append([part for t in columns if t is not None for part in parts_of_text(t, most=_ALL_OPENINGS)])
    pairs = [_folded(a, b) for a, b in aligned(*sides)]
    alone = [[f for f in side if f.name not in {a.name for a, _ in pairs}] for side in sides]
    return Comparable(
        evaluation=(*features_of(rows, plain, parts_of_time=True), *(a for a, _ in pairs), *alone[0]),
        live=(*features_of(live, plain, parts_of_time=True), *(b for _, b in pairs), *alone[1]),
        prose=prose,
    )


def _folded(a: Feature, b: Feature) -> tuple[Feature, Feature]:
    """Both sides with the levels that are frequent on both together, and one for the rest."""
    if a.codes is None or b.codes is None:
        return a, b
    counts = np.bincount(np.concatenate([a.codes[a.codes >= 0], b.codes[b.codes >= 0]]), minlength=len(a.levels))
    order = np.argsort(-counts, kind="stable")[:_MOST_OPENINGS]
    kept = [int(i) for i in order if counts[i] >= max(_FEWEST_OF_LEVEL, 0.01 * counts.sum())]
    place = np.full(len(a.levels) + 1, len(kept), dtype=np.int64)
    place[kept] = np.arange(len(kept))
    place[-1] = -1
    levels = (*(a.levels[i] for i in kept), OTHER)
    first, second = (Feature(name=f.name, source=f.source, codes=place[f.codes], levels=levels) for f in (a, b))
    return first, second


def texts_of(column: Column) -> Texts | None:
    """The texts of a column, None where it holds something else."""
    if column.kind != "text":
        return None
    texts, codes = column.names
    return Texts(name=column.name, distinct=tuple(texts), codes=codes)


def is_free(texts: Texts) -> bool:
    """Whether the column holds prose rather than names of categories or of single rows."""
    some = [text for text in texts.distinct[: _LOOKED_AT * 5] if text.strip()][:_LOOKED_AT]
    if len(some) < _FEWEST_TEXTS:
        return False
    lengths = [_units(text) for text in some]
    return float(np.mean(lengths)) >= _FEWEST_WORDS


def parts_of_text(texts: Texts, *, most: int = 50) -> tuple[Feature, ...]:
    """Length in words, language, script and opening of each text, as features named such as `language of body`.

    `most` bounds the levels of each; the most frequent are kept.
    """
    distinct = texts.distinct
    length = np.array([float(_units(text)) for text in distinct] + [np.nan])
    scripts = [script_of(text) for text in distinct]
    languages = [language_of(words_of(text[:600]), script) for text, script in zip(distinct, scripts, strict=True)]
    return (
        Feature(name=f"length of {texts.name} in words", source=texts.name, numbers=length[texts.codes]),
        _coded(f"language of {texts.name}", texts, languages, most),
        _coded(f"script of {texts.name}", texts, scripts, most),
        _coded(f"opening of {texts.name}", texts, [opening_of(text) for text in distinct], most),
    )


def _coded(name: str, texts: Texts, values: Sequence[str], most: int) -> Feature:
    """A category with at most so many levels, the most frequent of the rows, ties by name."""
    of_row = np.bincount(texts.codes[texts.codes >= 0], minlength=len(values)) if values else np.zeros(0, dtype=int)
    counts: Counter[str] = Counter()
    for value, n in zip(values, of_row.tolist(), strict=True):
        counts[value] += n
    ranked = sorted((v for v, n in counts.items() if n), key=lambda v: (-counts[v], v))
    levels = ranked[:most]
    place = {level: i for i, level in enumerate(levels)}
    if len(ranked) > len(levels):
        levels = [*levels, OTHER]
    codes = np.array([place.get(value, len(levels) - 1) for value in values] + [-1], dtype=np.int64)
    return Feature(name=name, source=texts.name, codes=codes[texts.codes], levels=tuple(levels))


def words_of(text: str) -> list[str]:
    """The words in lower case, numbers as `#`; of scripts without spaces, single characters."""
    return [_DIGITS.sub("#", word) for word in _WORD.findall(text.lower())]


def opening_of(text: str) -> str:
    """The first three words, numbers and months as `#`: texts made from one template share it.

    >>> opening_of("Your order 4711 has been shipped.")
    'your order #'
    """
    return " ".join(words_of(undated(text[:200]))[:_OPENING_WORDS]) or NO_OPENING


def script_of(text: str) -> str:
    """The script of most of the letters.

    >>> script_of("Grüße"), script_of("Привет"), script_of("12:30")
    ('Latin', 'Cyrillic', 'none')
    """
    if text.isascii():
        return "Latin" if _LETTER.search(text) else "none"
    points = np.frombuffer(text[:2000].encode("utf-32-le", "replace"), dtype=np.uint32)
    block = np.searchsorted(_STARTS, points, side="right") - 1
    counts: Counter[str] = Counter()
    for number, n in zip(*np.unique(block, return_counts=True), strict=True):
        name = _SCRIPT_STARTS[int(number)][1]
        if name:
            counts[name] += int(n)
    if not counts:
        return "none"
    if counts["Hiragana"] or (counts["Katakana"] and counts["Han"]):
        return "Japanese"
    return max(counts, key=lambda name: (counts[name], name))


_STARTS = np.array([start for start, _ in _SCRIPT_STARTS], dtype=np.uint32)


def _units(text: str) -> int:
    """Words; where a script has no spaces, half the letters stand for them."""
    words = len(text.split())
    if text.isascii():
        return words
    wide = sum(_is_wide(letter) for letter in text[:2000])
    return max(words, wide // 2)


def _is_wide(letter: str) -> bool:
    return (
        ord(letter) > 0x0E00
        and _SCRIPT_STARTS[int(np.searchsorted(_STARTS, ord(letter), side="right")) - 1][1] in _WIDE
    )


def normalised(text: str) -> str:
    """The text as near copies share it: compatibility forms, lower case, single spaces, no punctuation."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return _SPACES.sub(" ", " ".join(_WORD.findall(folded))).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Which of `words` (single words and pairs of neighbours) each text holds: `held` is texts by words, 0 or 1."""

    words: tuple[str, ...]
    held: Any

    def share(self) -> Floats:
        """For each word the share of texts that hold it."""
        n = self.held.shape[0]
        shares: Floats = np.asarray(self.held.sum(axis=0), dtype=np.float64).ravel() / max(1, n)
        return shares


def term_lists(texts: Iterable[str]) -> list[set[str]]:
    """For each text its words and its pairs of neighbouring words."""
    lists = []
    for text in texts:
        words = words_of(text[:4000])
        lists.append({*words, *(f"{a} {b}" for a, b in pairwise(words))})
    return lists


def vocabulary(lists: Sequence[set[str]], *, fewest: int, most: int) -> tuple[str, ...]:
    """The words and pairs that at least `fewest` texts hold, the most frequent first."""
    counts = Counter(term for terms in lists for term in terms)
    ranked = sorted((t for t, n in counts.items() if n >= fewest), key=lambda t: (-counts[t], t))
    return tuple(ranked[:most])


def terms_of(lists: Sequence[set[str]], words: Sequence[str]) -> Terms:
    """Which of these words each of the texts holds."""
    from scipy.sparse import csr_matrix

    place = {word: i for i, word in enumerate(words)}
    columns = [sorted(place[t] for t in terms if t in place) for terms in lists]
    starts = np.concatenate([[0], np.cumsum([len(c) for c in columns])])
    flat = np.array([i for c in columns for i in c], dtype=np.int32)
    held = csr_matrix((np.ones(flat.size, dtype=np.int8), flat, starts), shape=(len(lists), len(words)))
    return Terms(words=tuple(words), held=held)
