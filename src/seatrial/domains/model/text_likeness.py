"""How far live texts lie from the evaluation texts: told apart by runs of letters, and in words that people know.

A linear classifier over hashed runs of three to five letters learns on one half of the texts and is judged on the
other (Lopez-Paz and Oquab 2017). Figures count by their form and months not at all, since a letter states its own day.
What it sees is then said in words: those that live texts hold far more often, and
those that hardly any evaluation text holds, which are parts of the live traffic that nothing was validated on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.domains.scored.rows import Floats, Ints, Mask
from seatrial.domains.scored.text_features import Terms, Texts, term_lists, terms_of, vocabulary
from seatrial.domains.scored.text_grams import gram_counts
from seatrial.domains.scored.written_dates import undated
from seatrial.stats import auc, proportions
from seatrial.stats.drift import js_distance
from seatrial.stats.interval import Interval

MOST_TEXTS = 3_000
"""Texts of each side that are compared."""
FEWEST_TEXTS = 30
_LETTERS = 600
_MOST_TERMS = 20_000
_FEWEST_EVALUATED = 5
_SMALLEST_REGION = 0.005
_REGION_ALPHA = 0.01
_SHOWN = 8
_STRENGTH = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word or a pair of neighbours, with the shares of live and of evaluation texts that hold it."""

    text: str
    live: float
    evaluated: float
    rows: int
    """Evaluation texts that hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLikeness:
    """How alike the texts of one field are.

    `separating` are the words whose shares differ most, `unknown` those that mark parts of the live traffic without
    evaluation texts, `unsupported` the share of live texts in these parts. `distance` is the Jensen-Shannon distance of
    the runs of letters, `by_chance` that of texts dealt out anew. `foreign` is the share of words in live texts that no
    evaluation text has, `foreign_at_home` the same between two halves of the evaluation texts.
    """

    field: str
    auc: Interval
    separating: tuple[Word, ...]
    unknown: tuple[Word, ...]
    unsupported: float
    distance: float
    by_chance: float
    foreign: float
    foreign_at_home: float
    texts: tuple[int, int]


def text_likeness(evaluation: Texts, live: Texts, *, alpha: float, seed: int) -> TextLikeness | None:
    """Compare one field of two tables. None where a side has too few texts."""
    rng = np.random.default_rng(seed)
    here, there = (_some(side, rng) for side in (evaluation, live))
    if min(len(here), len(there)) < FEWEST_TEXTS:
        return None
    here, there = ([undated(text) for text in side] for side in (here, there))
    grams = gram_counts([*here, *there], letters=_LETTERS)
    side = np.repeat([False, True], [len(here), len(there)])
    lists = term_lists([*here, *there])
    fewest = max(3, int(_SMALLEST_REGION * min(len(here), len(there))))
    terms = terms_of(lists, vocabulary(lists, fewest=fewest, most=_MOST_TERMS))
    unknown, unsupported = _unknown(terms, side)
    return TextLikeness(
        field=evaluation.name,
        auc=_told_apart(grams, side, alpha, rng),
        separating=_separating(terms, side),
        unknown=unknown,
        unsupported=unsupported,
        distance=_distance(grams, side),
        by_chance=_distance(grams, rng.permutation(side)),
        foreign=_foreign(lists[: len(here)], lists[len(here) :]),
        foreign_at_home=_foreign(lists[: len(here) : 2], lists[1 : len(here) : 2]),
        texts=(len(here), len(there)),
    )


def _some(texts: Texts, rng: np.random.Generator) -> list[str]:
    rows = np.flatnonzero(texts.codes >= 0)
    if rows.size > MOST_TEXTS:
        rows = np.sort(rng.choice(rows, MOST_TEXTS, replace=False))
    return texts.at(rows).all()


def _told_apart(grams: object, side: Mask, alpha: float, rng: np.random.Generator) -> Interval:
    """The AUC on the half that was not learned from, never below one half."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    table = csr_matrix(grams)
    learn = np.zeros(side.size, dtype=bool)
    for part in (side, ~side):
        places = rng.permutation(np.flatnonzero(part))
        learn[places[: places.size // 2]] = True
    with threadpool_limits(limits=1):
        fitted = LogisticRegression(C=_STRENGTH, solver="liblinear", random_state=0).fit(table[learn], side[learn])
    score = np.asarray(fitted.decision_function(table[~learn]), dtype=np.float64)
    found = auc.interval(score[side[~learn]], score[~side[~learn]], alpha)
    return Interval(
        value=found.value,
        lower=found.lower,
        upper=max(0.5, found.upper),
        n=found.n,
        n_effective=found.n_effective,
        method=f"logistic regression on runs of letters, learned on one half, {found.method}",
        approximate=True,
    )


def _separating(terms: Terms, side: Mask) -> tuple[Word, ...]:
    """The words whose share differs by most standard errors, one of several that stand in the same texts."""
    there, here = _counts(terms, side)
    n, m = int(side.sum()), int((~side).sum())
    p, q = there / n, here / m
    pooled = (there + here) / (n + m)
    error = np.sqrt(np.maximum(pooled * (1.0 - pooled), 1e-9) * (1.0 / n + 1.0 / m))
    strength = np.abs(p - q) / error
    order = np.argsort(-strength, kind="stable")[: 5 * _SHOWN]
    chosen: list[int] = []
    for i in order.tolist():
        if strength[i] < 4.0 or len(chosen) == _SHOWN:
            break
        if not any(_overlap(terms.words[i], terms.words[j]) for j in chosen):
            chosen.append(i)
    return tuple(_word(terms, i, there, here, side) for i in chosen)


def _overlap(a: str, b: str) -> bool:
    return bool(set(a.split()) & set(b.split()))


def _unknown(terms: Terms, side: Mask) -> tuple[tuple[Word, ...], float]:
    """Words of the live texts that hardly any evaluation text holds, each for the texts that no earlier one covers."""
    there, here = _counts(terms, side)
    n, m = int(side.sum()), int((~side).sum())
    alpha = _REGION_ALPHA / max(1, len(terms.words))
    rare = [
        i
        for i in np.flatnonzero((here < _FEWEST_EVALUATED) & (there >= max(10, _SMALLEST_REGION * n))).tolist()
        if proportions.lower(int(there[i]), n, alpha) > proportions.upper(int(here[i]), m, alpha)
    ]
    held = {i: terms.held[:, i].toarray().ravel()[side] > 0 for i in sorted(rare, key=lambda i: -there[i])[:200]}
    covered = np.zeros(n, dtype=bool)
    chosen: list[int] = []
    while held:
        best = max(held, key=lambda i: (int((held[i] & ~covered).sum()), -i))
        rows = held.pop(best)
        if int((rows & ~covered).sum()) < max(10, _SMALLEST_REGION * n):
            break
        chosen.append(best)
        covered |= rows
    return tuple(_word(terms, i, there, here, side) for i in chosen), float(covered.mean())


def _counts(terms: Terms, side: Mask) -> tuple[Ints, Ints]:
    there = np.asarray(terms.held[side].sum(axis=0), dtype=np.int64).ravel()
    here = np.asarray(terms.held[~side].sum(axis=0), dtype=np.int64).ravel()
    return there, here


def _word(terms: Terms, i: int, there: Ints, here: Ints, side: Mask) -> Word:
    return Word(
        text=terms.words[i],
        live=float(there[i] / side.sum()),
        evaluated=float(here[i] / (~side).sum()),
        rows=int(here[i]),
    )


def _distance(grams: object, side: Mask) -> float:
    """The Jensen-Shannon distance between the texts' runs of letters, each run counted once a text."""
    from scipy.sparse import csr_matrix

    held = csr_matrix(grams, copy=True)
    held.data = np.ones_like(held.data)
    first: Floats = np.asarray(held[side].sum(axis=0), dtype=np.float64).ravel()
    second: Floats = np.asarray(held[~side].sum(axis=0), dtype=np.float64).ravel()
    return js_distance(first, second) if first.sum() > 0 and second.sum() > 0 else 0.0


def _foreign(known: Sequence[set[str]], asked: Sequence[set[str]]) -> float:
    """The share of single words of the asked texts that no known one has, each counted once a text."""
    words = {term for terms in known for term in terms if " " not in term}
    met = [term for terms in asked for term in terms if " " not in term]
    return sum(term not in words for term in met) / len(met) if met else 0.0
