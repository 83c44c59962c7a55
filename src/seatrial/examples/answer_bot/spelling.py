"""Puts slips of the keyboard right before a question is searched, and finds the words that nobody knows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from collections.abc import Set as AbstractSet

from seatrial.examples.answer_bot.passages import names_in
from seatrial.examples.slips import slips

_LETTERS = re.compile(r"[^\W\d_]+")
_JOINED = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)+", re.IGNORECASE)
_PROPER = re.compile(r"[A-Z][a-z]+")
_BEFORE = re.compile(r"(?:.*[.?!:])?[\s`'\"]*", re.DOTALL)
"""What stands before a sentence."""
_GREETING = re.compile(
    r"^\s*(?:(?:hello|hi|good (?:morning|day|afternoon))\b[\s,.!]*)?(?:please\b[\s,:]*)?", re.IGNORECASE
)
_THANKS = re.compile(r"[\s,.!]*\b(?:thanks|thank you)(?: (?:very much|a lot|in advance))?[\s.!]*$", re.IGNORECASE)
_PLEASE = re.compile(r",? please([?.!]*)$", re.IGNORECASE)
_FEWEST = 4
"""Letters from which a word is put right, or is strange: shorter ones are too near to each other."""


class Spelling:
    """The words and names of a manual, and other common words.

    A word with a capital inside a sentence names something: it is only put right to what the manual writes so, too.

    >>> spelling = Spelling(["The tide table of Kiel, tide.low"], frozenset({"what", "does", "require", "tuba"}))
    >>> spelling.corrected("What does the tdie tabel require of tid.low?")
    'What does the tide table require of tide.low?'
    >>> spelling.strange("What does the Tuda of Keil require?")
    ['Tuda']
    """

    def __init__(self, manual: Collection[str], common: AbstractSet[str]) -> None:
        self._often = Counter(word for text in manual for word in _LETTERS.findall(text))
        self._manual = Counter(word for text in manual for word in _LETTERS.findall(text.lower()))
        self._joined = frozenset(name for text in manual for name in names_in(text))
        self._common = common

    def corrected(self, question: str) -> str:
        """The question with each unknown name and word replaced by the known one that is a slip away, if there is."""
        named = _JOINED.sub(lambda found: self._name(found[0]), question)
        return _LETTERS.sub(lambda found: self._word(found[0], begins=_begins(named, found.start())), named)

    def strange(self, question: str) -> list[str]:
        """The names in it that are neither known nor a slip away from one that is."""
        asked = self.corrected(question)
        return [
            found[0]
            for found in _LETTERS.finditer(asked)
            if _PROPER.fullmatch(found[0]) and not _begins(asked, found.start()) and not self._known(found[0])
        ]

    def _known(self, word: str) -> bool:
        low = word.lower()
        return len(low) < _FEWEST or low in self._manual or low in self._common

    def _name(self, name: str) -> str:
        low = name.lower()
        return name if low in self._joined else min((n for n in slips(low) if n in self._joined), default=name)

    def _word(self, word: str, *, begins: bool) -> str:
        if self._known(word):
            return word
        right = self._near(word, begins=begins)
        return right.capitalize() if word[0].isupper() else right

    def _near(self, word: str, *, begins: bool) -> str:
        near = sorted(set(slips(word.lower())))
        if _PROPER.fullmatch(word) and not begins:
            proper = [each.capitalize() for each in near if each.capitalize() in self._often]
            return next((each for each in proper if each.lower() not in self._often), word)
        own = [each for each in near if each in self._manual]
        if own:
            return max(own, key=lambda each: self._manual[each])
        return next((each for each in near if each in self._common), word)


def _begins(text: str, at: int) -> bool:
    """Whether a sentence begins there."""
    return _BEFORE.fullmatch(text[:at]) is not None


def without_courtesies(question: str) -> str:
    """The question without greeting, please and thanks at its ends, which ask for nothing.

    >>> without_courtesies("Hello, who reviews data.load, please? Thank you!"), without_courtesies("Thanks.")
    ('who reviews data.load?', 'Thanks.')
    """
    kept = _THANKS.sub("", _GREETING.sub("", question))
    return _PLEASE.sub(r"\1", kept) if kept.strip() else question
