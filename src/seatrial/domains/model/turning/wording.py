"""Small changes of words that a person reads over: what a typist, a spammer or a careful adversary would do."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence

_WORD = re.compile(r"\S+")
_ZERO_WIDTH = "\N{ZERO WIDTH SPACE}"
_CYRILLIC = (
    "\u0430\u0441\u0435\u0456\u043e\u0440\u0455\u0445\u0443\u0410\u0421\u0415\u041d\u041a\u041c\u041e\u0420\u0422\u0425"
)
_HOMOGLYPHS = dict(zip("aceiopsxyACEHKMOPTX", _CYRILLIC, strict=True))
"""Latin letters and the Cyrillic ones that look like them."""
_NEAR = {
    "a": "s", "b": "v", "c": "x", "d": "f", "e": "r", "f": "g", "g": "h", "h": "j", "i": "o", "j": "k", "k": "l",
    "l": "k", "m": "n", "n": "m", "o": "p", "p": "o", "q": "w", "r": "t", "s": "d", "t": "y", "u": "i", "v": "b",
    "w": "e", "x": "c", "y": "u", "z": "x",
}  # fmt: skip
"""A neighbour on the keyboard."""
_SHORTEST = 3
_SYNONYMS = (
    "buy,purchase,get", "free,complimentary", "money,cash,funds", "offer,deal", "win,gain", "urgent,pressing",
    "help,assist,support", "error,fault,failure", "broken,defective,damaged", "late,delayed,overdue", "price,cost",
    "order,purchase order", "cancel,revoke,withdraw", "refund,repayment", "invoice,bill", "pay,settle",
    "good,fine,great", "bad,poor,awful", "big,large", "small,little", "fast,quick", "slow,sluggish", "begin,start",
    "end,finish", "question,query", "answer,reply", "problem,issue,trouble", "change,alter,modify", "send,ship",
    "receive,get", "customer,client", "meeting,appointment", "today,this day", "please,kindly", "immediately,at once",
)  # fmt: skip
"""Words that mean much the same in the mail of a company, each group the same word in other words."""


def groups_of(text: str | None) -> Mapping[str, tuple[str, ...]]:
    """Word to the words that can stand for it: the user's groups, one a line, else those that come with the product."""
    lines = _SYNONYMS if text is None else tuple(line for line in text.splitlines() if line.strip())
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        group = [word.strip().lower() for word in line.split(",") if word.strip()]
        for word in group:
            found[word] = (*found.get(word, ()), *(other for other in group if other != word))
    return found


def places_of(text: str) -> list[tuple[int, int]]:
    """Where the words of the text begin and end."""
    return [match.span() for match in _WORD.finditer(text)]


def without(text: str, place: tuple[int, int]) -> str:
    """The text without the word at that place."""
    return text[: place[0]].rstrip() + " " + text[place[1] :].lstrip() if place[0] else text[place[1] :].lstrip()


def replaced(text: str, changes: Mapping[tuple[int, int], str]) -> str:
    """The text with other words at these places."""
    made = text
    for start, end in sorted(changes, reverse=True):
        made = made[:start] + changes[start, end] + made[end:]
    return made


def forms_of(word: str, synonyms: Mapping[str, Sequence[str]], drawn: random.Random) -> list[str]:
    """Other forms of the word, each once: letters swapped, left out, of another alphabet, split, or a synonym."""
    return list(dict.fromkeys(form for form in _forms(word, synonyms, drawn) if form != word))


def _forms(word: str, synonyms: Mapping[str, Sequence[str]], drawn: random.Random) -> Iterator[str]:
    bare = word.strip(".,;:!?\"'()[]").lower()
    for other in synonyms.get(bare, ()):
        yield word.lower().replace(bare, other)
    similar = "".join(_HOMOGLYPHS.get(letter, letter) for letter in word)
    yield similar
    if len(word) < _SHORTEST:
        return
    inner = drawn.randrange(1, len(word) - 1)
    yield word[:inner] + word[inner + 1] + word[inner] + word[inner + 2 :]
    yield word[:inner] + word[inner + 1 :]
    yield word[:inner] + word[inner] + word[inner:]
    yield word[:inner] + _ZERO_WIDTH + word[inner:]
    yield word[:inner] + _NEAR.get(word[inner].lower(), word[inner]) + word[inner + 1 :]


def typed_wrong(text: str, drawn: random.Random) -> str:
    """The text with one typing mistake in one word, as anybody makes them."""
    places = [place for place in places_of(text) if place[1] - place[0] > _SHORTEST]
    if not places:
        return text
    start, end = drawn.choice(places)
    word = text[start:end]
    inner = drawn.randrange(1, len(word) - 1)
    kinds = (
        word[:inner] + word[inner + 1] + word[inner] + word[inner + 2 :],
        word[:inner] + word[inner + 1 :],
        word[:inner] + _NEAR.get(word[inner].lower(), word[inner]) + word[inner + 1 :],
    )
    return text[:start] + drawn.choice(kinds) + text[end:]
