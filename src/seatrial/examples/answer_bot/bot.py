"""Answers with the manual's own words, or says that it does not know."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.examples.answer_bot.embedding import Embedder, Floats
from seatrial.examples.answer_bot.passages import Passage, names_in, passages_of
from seatrial.examples.answer_bot.spelling import Spelling, without_courtesies

UNKNOWN = "I do not know: the manual does not say."
_WORD = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The passage that is nearest to a question, and how near it is; None where it lacks a name of the question."""

    passage: Passage | None
    near: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was set on the tuning questions: how near a passage must be, and what nearness says of being right."""

    floor: float
    slope: float
    shift: float

    def chance(self, near: float) -> float:
        """How likely an answer that is so near is right."""
        return float(1.0 / (1.0 + np.exp(-(self.slope * near + self.shift))))


class Index:
    """The passages of one version of the manual with their directions."""

    def __init__(self, passages: Sequence[Passage], directions: Floats, embedder: Embedder) -> None:
        self._passages = list(passages)
        self._directions = directions
        self._embedder = embedder
        self._ways = (
            [_words(p.about) for p in passages],
            [_words(f"{p.about} {p.text.partition(':')[0]}") for p in passages],
            [_words(p.whole) for p in passages],
        )

    def nearest(self, questions: Sequence[str]) -> list[Found]:
        """The best passage for each question."""
        directions = self._embedder.directions(list(questions))
        # Each by itself: a product of all at once adds up in another order, and a confidence moves in its last digit.
        return [self._best(q, row @ self._directions.T) for q, row in zip(questions, directions, strict=True)]

    def closest(self, question: str, most: int) -> list[Passage]:
        """The passages that a language model may read for a question, nearest first."""
        near = self._embedder.directions([question])[0] @ self._directions.T
        return [self._passages[i] for i in np.argsort(-near, kind="stable")[:most]]

    def _best(self, question: str, near: Floats) -> Found:
        """The nearest of the passages whose heading, else first words, else text hold every name of the question."""
        names = names_in(question)
        for words in self._ways if names else ():
            named = np.array([names <= own for own in words])
            if named.any():
                near = np.where(named, near, -1.0)
                break
        else:
            if names:
                return Found(passage=None, near=0.0)
        best = int(near.argmax())
        return Found(passage=self._passages[best], near=float(min(1.0, max(0.0, near[best]))))


def normalised(text: str) -> str:
    """The words of a text with one blank between them, in lower case."""
    return " ".join(_WORD.findall(text.lower()))


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip(".-_") for word in _WORD.findall(text.lower()))


class Bot:
    """One version: index, settings, and the digests of what was read."""

    def __init__(self, models: Path, version: str, embedder: Embedder, *, settings_version: str | None = None) -> None:
        folder = models / version
        told = models / (settings_version or version) / "settings.json"
        self.version = version
        self.settings_version = settings_version or version
        directions = folder / "directions.npy"
        passages = passages_of(folder / "manual")
        self.digest = _digest([*sorted((folder / "manual").glob("*.md")), directions])
        self.settings_digest = _digest([told])
        self.settings = Settings(**json.loads(told.read_text(encoding="utf-8")))
        self.index = Index(passages, np.load(directions, allow_pickle=False), embedder)
        self.spelling = Spelling([passage.whole for passage in passages], embedder.words)

    def answers(self, questions: Sequence[str], *, floor: float | None = None) -> list[dict[str, Any]]:
        """The words of the nearest passage; UNKNOWN below the floor, and for a question with a name that nobody knows.

        `confidence` is that the answer is right.
        """
        least = self.settings.floor if floor is None else floor
        asked = [self.spelling.corrected(without_courtesies(question)) for question in questions]
        found = [
            Found(passage=None, near=0.0) if least > 0.0 and self.spelling.strange(question) else nearest
            for question, nearest in zip(asked, self.index.nearest(asked), strict=True)
        ]
        return [self._answer(each, least) for each in found]

    def _answer(self, found: Found, floor: float) -> dict[str, Any]:
        chance = self.settings.chance(found.near)
        if found.passage is None or found.near < floor:
            return {"answer": UNKNOWN, "confidence": round(1.0 - chance, 6), "page": None}
        told = f"{found.passage.text} ({found.passage.about})"
        return {"answer": told, "confidence": round(chance, 6), "page": found.passage.page}


def _digest(paths: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
