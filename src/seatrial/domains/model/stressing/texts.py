"""Changes of a text that leave its meaning: spelling, space, look-alike characters, names, places, numbers, wording.

Each takes the text and a random generator, and gives another text, or None where the text has nothing to change.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

from seatrial.domains.model.beside_values import beside_values

_WORD = re.compile(r"[^\W\d_]{4,}")
_NUMBER = re.compile(r"\d+")
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEAR: Mapping[str, str] = {
    letter: row[max(0, at - 1) : at] + row[at + 1 : at + 2] for row in _KEYS for at, letter in enumerate(row)
}
"""Letter to its neighbours on the keyboard."""
_ALIKE: Mapping[str, str] = {"a": "а", "c": "с", "e": "е", "i": "і", "o": "о", "p": "р", "x": "х", "y": "у"}
"""Latin letter to the Cyrillic one that looks the same."""
_ZERO_WIDTH = "\u200b"
_CONTRACTIONS = (
    ("do not", "don't"),
    ("does not", "doesn't"),
    ("did not", "didn't"),
    ("is not", "isn't"),
    ("are not", "aren't"),
    ("was not", "wasn't"),
    ("cannot", "can't"),
    ("will not", "won't"),
    ("would not", "wouldn't"),
    ("have not", "haven't"),
    ("it is", "it's"),
    ("I am", "I'm"),
    ("I have", "I've"),
    ("we are", "we're"),
    ("you are", "you're"),
    ("they are", "they're"),
    ("what is", "what's"),
    ("there is", "there's"),
)
_PERSONS = ("Anna", "Maria", "Peter", "John", "James", "Mary", "David", "Michael", "Sarah", "Thomas", "Ahmed", "Wei")
_PLACES = ("London", "Paris", "Berlin", "Hamburg", "Madrid", "Rome", "Vienna", "Chicago", "Boston", "Denver", "Toronto")
_WORDS_PER_TYPO = 25
_MOST_TYPOS = 3

Change = Callable[[str, random.Random], str | None]


def _typo(text: str, drawn: random.Random) -> str | None:
    return _mistyped_at(text, [found.span() for found in _WORD.finditer(text)], drawn)


def typo_beside(kept: Sequence[str]) -> Change:
    """A typo or two in words that are no part of these values, which are read out of the text."""

    def typo(text: str, drawn: random.Random) -> str | None:
        return _mistyped_at(text, beside_values(text, [found.span() for found in _WORD.finditer(text)], kept), drawn)

    return typo


def _mistyped_at(text: str, places: Sequence[tuple[int, int]], drawn: random.Random) -> str | None:
    if not places:
        return None
    chosen = drawn.sample(places, min(len(places), _MOST_TYPOS, 1 + len(places) // _WORDS_PER_TYPO))
    for start, end in sorted(chosen, reverse=True):
        text = text[:start] + _mistyped(text[start:end], drawn) + text[end:]
    return text


def _mistyped(word: str, drawn: random.Random) -> str:
    at = drawn.randrange(1, len(word) - 1)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    ways = [swapped, word[:at] + word[at + 1 :], word[: at + 1] + word[at:]]
    near = _NEAR.get(word[at].lower())
    if near:
        ways.append(word[:at] + drawn.choice(near) + word[at + 1 :])
    return drawn.choice([way for way in ways if way != word])


def _case(text: str, drawn: random.Random) -> str | None:
    first = drawn.randrange(3)
    ways = (text.lower(), text.upper(), text.capitalize())
    return next((way for way in (*ways[first:], *ways[:first]) if way != text), None)


def _whitespace(text: str, drawn: random.Random) -> str | None:
    if not text:
        return None
    ways = [f"{text} ", f"  {text}", f"{text}\n"]
    gaps = [at for at, letter in enumerate(text) if letter == " "]
    if gaps:
        at = drawn.choice(gaps)
        ways += [f"{text[:at]} {text[at:]}", f"{text[:at]}\t{text[at + 1 :]}"]
    return drawn.choice(ways)


def _punctuation(text: str, drawn: random.Random) -> str | None:
    plain = text.rstrip(" .!?")
    if not plain:
        return None
    ways = [way for way in (plain, f"{plain}.", f"{plain}!") if way != text]
    return drawn.choice(ways)


def _homoglyph(text: str, drawn: random.Random) -> str | None:
    places = [at for at, letter in enumerate(text) if letter in _ALIKE]
    if not places:
        return None
    at = drawn.choice(places)
    return text[:at] + _ALIKE[text[at]] + text[at + 1 :]


def _zero_width(text: str, drawn: random.Random) -> str | None:
    places = list(_WORD.finditer(text))
    if not places:
        return None
    found = drawn.choice(places)
    at = drawn.randrange(found.start() + 1, found.end())
    return text[:at] + _ZERO_WIDTH + text[at:]


def _contraction(text: str, drawn: random.Random) -> str | None:
    return reworded(text, [*_CONTRACTIONS], drawn)


def _person(text: str, drawn: random.Random) -> str | None:
    return reworded(text, [_PERSONS], drawn)


def _place(text: str, drawn: random.Random) -> str | None:
    return reworded(text, [_PLACES], drawn)


def _number(text: str, drawn: random.Random) -> str | None:
    places = list(_NUMBER.finditer(text))
    if not places:
        return None
    found = drawn.choice(places)
    first = found[0][0]
    other = drawn.choice([d for d in "123456789" if d != first])
    return text[: found.start()] + other + text[found.start() + 1 :]


def reworded(text: str, lists: Sequence[Sequence[str]], drawn: random.Random) -> str | None:
    """The text with one wording of one of the lists replaced by another of the same list."""
    found = [
        (match, wording, others)
        for others in lists
        for wording in others
        if (match := re.search(rf"(?<!\w){re.escape(wording)}(?!\w)", text, re.IGNORECASE))
    ]
    if not found:
        return None
    match, wording, others = drawn.choice(found)
    new = drawn.choice([other for other in others if other != wording] or [wording])
    if match[0][:1].isupper():
        new = new[:1].upper() + new[1:]
    changed = text[: match.start()] + new + text[match.end() :]
    return changed if changed != text else None


def shuffled(text: str, between: str, drawn: random.Random) -> str | None:
    """The parts of the text in another order; None for a single part."""
    parts = text.split(between)
    if len(set(parts)) < 2:
        return None
    others = parts
    while others == parts:
        others = drawn.sample(parts, len(parts))
    return between.join(others)


CHANGES: Mapping[str, Change] = {
    "typo": _typo,
    "case": _case,
    "whitespace": _whitespace,
    "punctuation": _punctuation,
    "homoglyph": _homoglyph,
    "zero-width": _zero_width,
    "contraction": _contraction,
    "person": _person,
    "place": _place,
    "number": _number,
}
"""By the names that the system file has for them."""
