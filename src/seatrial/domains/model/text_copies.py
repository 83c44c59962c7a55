"""Free texts that stand in the training data, word for word or nearly so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from seatrial.domains.model.near_copies import NearSearch, Way
from seatrial.domains.scored.text_features import Texts, normalised
from seatrial.domains.scored.text_grams import signatures, similar

MOST_KNOWN = 100_000
"""Training texts that are held to be looked in."""
_MOST_PROBES = 5_000
_LETTERS = 3_000
_ALIKE = 0.75
_PLANTS = 100
_CHANGED_WORDS = 0.03
_MOST_COMMON = 0.5
"""The share of training texts that must be there once, for the others to be left out."""


def text_copies(
    training: Sequence[Texts], evaluation: Sequence[Texts], *, training_rows: int, seed: int
) -> NearSearch | None:
    """Look for the texts of each evaluation row, taken together, in training. None where there are none to compare.

    Texts are near when three quarters of their runs of five letters agree, after case, spaces and punctuation.
    """
    names = [t.name for t in evaluation if any(k.name == t.name for k in training)]
    if not names:
        return None
    known, asked = _telling(*(_joined([t for t in side if t.name in names]) for side in (training, evaluation)))
    if not known or not asked:
        return None
    rng = np.random.default_rng(seed)
    held = [known[i] for i in _some(len(known), MOST_KNOWN, rng)]
    wanted = [asked[i] for i in _some(len(asked), _MOST_PROBES, rng)]
    own = _some(len(held), _MOST_PROBES, rng)
    places = signatures(held)
    met = similar(places, signatures(wanted))
    natural = similar(places, places[own], without=own)
    planted = [_changed(held[i], held, rng) for i in rng.choice(len(held), min(len(held), _PLANTS), replace=False)]
    seen = similar(places, signatures(planted))
    ways = tuple(
        Way(
            changed=changed,
            noisy=False,
            copies=int((met >= least).sum()),
            rows=len(wanted),
            natural=int((natural >= least).sum()),
            natural_rows=int(own.size),
        )
        for changed, least in ((0, 1.0), (1, _ALIKE))
    )
    return NearSearch(
        ways=ways,
        fields=len(names),
        searched=len(held) / max(training_rows, len(held)),
        planted=len(planted),
        found=int((seen >= _ALIKE).sum()),
    )


def _telling(known: list[str], asked: list[str]) -> tuple[list[str], list[str]]:
    """Both without the texts that training holds several times, such as "Thank you.": to meet one says nothing.

    Where such texts are most of the training data, all are kept, and that they repeat is what is found.
    """
    times = Counter(known)
    single = [text for text in known if times[text] == 1]
    if len(single) < _MOST_COMMON * len(known):
        return known, asked
    return single, [text for text in asked if times[text] <= 1]


def _joined(columns: Sequence[Texts]) -> list[str]:
    """Per row the texts of all columns in the order of their names, normalised; rows without any text are left out."""
    ordered = sorted(columns, key=lambda t: t.name)
    ready = [Texts(name=t.name, distinct=tuple(normalised(x[:_LETTERS]) for x in t.distinct), codes=t.codes).all()
             for t in ordered]  # fmt: skip
    return [text for text in (" ".join(parts).strip() for parts in zip(*ready, strict=True)) if text]


def _some(n: int, most: int, rng: np.random.Generator) -> np.ndarray:
    return np.arange(n) if n <= most else np.sort(rng.choice(n, most, replace=False))


def _changed(text: str, others: Sequence[str], rng: np.random.Generator) -> str:
    """The text with some of its words, one at least, replaced by words of another text; a single word stays."""
    words = text.split()
    if len(words) < _FEWEST_WORDS:
        return text
    foreign = others[int(rng.integers(len(others)))].split() or ["x"]
    for i in rng.choice(len(words), max(1, int(_CHANGED_WORDS * len(words))), replace=False):
        words[int(i)] = foreign[int(rng.integers(len(foreign)))]
    return " ".join(words)


_FEWEST_WORDS = 12
