"""The model in its plain form: word weights for each queue, readable as JSON, without a pickle."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.examples.mail_triage.words import words_of
from seatrial.examples.slips import slips

Floats = npt.NDArray[np.float64]
SUBJECT_COUNTS = 2
"""A word of the subject counts like so many in the body."""
_FEWEST, _LONGEST, _MOST_CORRECTED = 4, 40, 50_000
"""Letters from which and up to which a word is put right: shorter ones are too near to each other, and of what a longer
one may have been meant to be there is far too much to look at. Words that are remembered."""
FOOTER = "footer"
"""What the list's server writes under a mail that was routed already."""


def text_of(mail: Mapping[str, Any], *, leak: bool = False) -> str:
    """What the model reads of a mail."""
    footer = f"\n{mail.get(FOOTER) or ''}" if leak else ""
    return f"{mail['subject']}\n" * SUBJECT_COUNTS + f"{mail['body']}{footer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """One loaded version: logistic regression over words, weighted by how rare they are."""

    version: str
    queues: tuple[str, ...]
    place: Mapping[str, int]
    rarity: Floats
    weights: Floats
    """One row for each word, one column for each queue."""
    base: Floats
    digest: str
    words_digest: str
    words_version: str
    corrected: dict[str, str] = field(default_factory=dict)
    """What unknown words were taken for, so that each is looked for once."""

    @classmethod
    def load(cls, models: Path, version: str, *, words_version: str | None = None) -> Router:
        """From `models/<version>/`; another version's word list only for the defect that does that."""
        listed = words_version or version
        model = (models / version / "model.json").read_bytes()
        words = (models / listed / "words.json").read_bytes()
        told, known = json.loads(model), json.loads(words)
        size = len(told["weights"])
        names = list(known["words"])[:size]
        return cls(
            version=version,
            queues=tuple(told["queues"]),
            place={word: place for place, word in enumerate(names)},
            rarity=np.array(list(known["words"].values())[:size], dtype=np.float64),
            weights=np.array(told["weights"], dtype=np.float64),
            base=np.array(told["base"], dtype=np.float64),
            digest=hashlib.sha256(model).hexdigest(),
            words_digest=hashlib.sha256(words).hexdigest(),
            words_version=listed,
        )

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """One row for each text, one column for each queue."""
        return np.array([self._one(text) for text in texts])

    def words_in(self, text: str) -> list[str]:
        """The words of a text, each unknown one as the commonest known word that is a slip of the keyboard away."""
        return [self._right(word) for word in words_of(text)]

    def _right(self, word: str) -> str:
        if word in self.place or not _FEWEST <= len(word) <= _LONGEST:
            return word
        if word not in self.corrected:
            while len(self.corrected) >= _MOST_CORRECTED:
                self.corrected.pop(next(iter(self.corrected)))
            near = [each for each in set(slips(word)) if each in self.place]
            self.corrected[word] = min(near, key=lambda each: (self.rarity[self.place[each]], each), default=word)
        return self.corrected[word]

    def _one(self, text: str) -> Floats:
        counts = Counter(self.place[word] for word in self.words_in(text) if word in self.place)
        scores = self.base
        if counts:
            places = np.fromiter(counts, dtype=np.int64)
            heights = np.array([1.0 + math.log(count) for count in counts.values()]) * self.rarity[places]
            scores = scores + (heights / np.linalg.norm(heights)) @ self.weights[places]
        raised = np.exp(scores - scores.max())
        return np.asarray(raised / raised.sum(), dtype=np.float64)
