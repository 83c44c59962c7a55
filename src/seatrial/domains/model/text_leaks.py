"""Words that name the answer: one word or pair of words that stands in nearly all texts of a class and in no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from seatrial.core.observation import Finding
from seatrial.core.wording import percent
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Floats, Ints, Mask
from seatrial.domains.scored.text_features import Terms, Texts, term_lists, terms_of, vocabulary
from seatrial.stats import proportions

CODES: Mapping[str, str] = {
    "word-tells-label": "One word alone tells a class so well that it must come from the answer.",
}
MOST_TEXTS = 6_000
LEAST_MATCH = 0.90
"""Of the texts that have the word or belong to the class, so many have both, with certainty."""
_FEWEST = 30
_MOST_SHARE = 0.8


def telling_words(texts: Sequence[Texts], found: Outcomes, *, alpha: float, seed: int) -> Iterator[Finding]:
    """For each text field the words that name a class: chosen on one half of the rows and judged on the other."""
    if found.task not in {"binary", "multiclass"}:
        return
    rng = np.random.default_rng(seed)
    chosen = np.arange(found.n)
    if found.n > MOST_TEXTS:
        chosen = np.sort(rng.choice(found.n, MOST_TEXTS, replace=False))
    learn = rng.random(chosen.size) < 0.5
    truth = found.truth[chosen].astype(np.int64)
    for field in texts:
        lists = term_lists(field.at(found.rows[chosen]).all())
        terms = terms_of(lists, vocabulary(lists, fewest=_FEWEST // 2, most=20_000))
        hits = [hit for cls in np.unique(truth) for hit in _best(terms, truth == cls, learn, alpha, int(cls))]
        if hits:
            yield _finding(field.name, hits, found)


def _best(terms: Terms, member: Mask, learn: Mask, alpha: float, cls: int) -> list[tuple[int, str, float, float]]:
    if not terms.words or not _FEWEST <= int(member.sum()) <= _MOST_SHARE * member.size:
        return []
    both, has = _counts(terms, member & learn), _counts(terms, learn)
    place = int(np.argmax(both / np.maximum(1, has + int((member & learn).sum()) - both)))
    held = terms.held[:, place].toarray().ravel() > 0
    judged = ~learn & (held | member)
    agree, n = int((judged & held & member).sum()), int(judged.sum())
    least = float(proportions.lower(agree, n, alpha)) if n else 0.0
    return [(cls, terms.words[place], agree / n, least)] if least > LEAST_MATCH else []


def _counts(terms: Terms, rows: Mask) -> Floats:
    counts: Ints = np.asarray(terms.held[rows].sum(axis=0), dtype=np.int64).ravel()
    return counts.astype(np.float64)


def _finding(field: str, hits: Sequence[tuple[int, str, float, float]], found: Outcomes) -> Finding:
    told = "; ".join(
        f"“{word}” stands for {found.classes[cls]} in {percent(share)} of the texts that have either"
        for cls, word, share, _ in hits[:5]
    )
    return Finding(
        code="word-tells-label",
        summary=f"single words of {field} tell the label: {told}",
        fields=(field,),
        remedy=f"Find out what writes these words into {field}. If it is the routing or the outcome, strip them, "
        "train and evaluate anew; if people write them, a rule does what the model does.",
        why="Live, the words are not there yet, or the model learned a marker instead of the matter.",
        detail={"words": [word for _, word, _, _ in hits], "lower": [least for *_, least in hits]},
    )
