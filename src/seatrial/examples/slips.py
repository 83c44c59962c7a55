"""Slips of the keyboard: what a word may have been meant to be, or have become."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_lowercase


def slips(word: str) -> Iterator[str]:
    """Everything that is one letter more, less or another one, or two neighbours swapped, away."""
    for at in range(len(word) + 1):
        before, after = word[:at], word[at:]
        yield from (f"{before}{letter}{after}" for letter in ascii_lowercase)
        if after:
            yield f"{before}{after[1:]}"
            yield from (f"{before}{letter}{after[1:]}" for letter in ascii_lowercase)
        if len(after) > 1:
            yield f"{before}{after[1]}{after[0]}{after[2:]}"
