"""Answers in free text held against the expected ones, and whether the system abstained where nothing can be known.

Both texts are normalised first: Unicode compatibility forms, case, punctuation and white space do not count; signs
and separators inside numbers do.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from datetime import time

import numpy as np

from seatrial.core.check import PREDICTION
from seatrial.core.observation import Reason
from seatrial.domains.scored.labelled import Outcomes, reason, silent_finding, unlabelled_finding
from seatrial.domains.scored.rows import Floats, Ints, Mask, Rows, numbers_of
from seatrial.spec.data import Evaluation
from seatrial.spec.system import System

ABSTAINING = (
    "i don't know",
    "i do not know",
    "don't have that information",
    "do not have that information",
    "not in the provided",
    "cannot answer",
    "can't answer",
    "unable to answer",
    "cannot be answered",
    "no information about",
)
"""What counts as saying that one does not know, where the system file declares no phrases."""
_YES = frozenset({"true", "1", "yes"})
_NO = frozenset({"false", "0", "no"})
_WORD = re.compile(r"[+-]?\d+(?:[.,:]\d+)*%?|[^\W_]+(?:'[^\W_]+)*")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "´": "'", "`": "'", "−": "-", "–": "-"})


def words_of(text: str) -> tuple[str, ...]:
    """The normalised words of a text.

    >>> words_of("About  30.5%, “more” or less: I don’t know.")
    ('about', '30.5%', 'more', 'or', 'less', 'i', "don't", 'know')
    """
    plain = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold()
    return tuple(_WORD.findall(plain))


def holds(words: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether `wanted` stands in `words` as they are, one word after the other; nothing stands nowhere.

    >>> holds(("within", "30", "minutes"), ("30", "minutes"))
    True
    """
    size = len(wanted)
    if not size:
        return False
    return any(tuple(words[i : i + size]) == tuple(wanted) for i in range(len(words) - size + 1))


def abstains(answer: str, phrases: Sequence[str] = ()) -> bool:
    """Whether the answer says that it does not know, by one of the phrases, or by the common English ones.

    >>> abstains("Sorry, I don't know that."), abstains("Das steht nicht im Handbuch.", ["steht nicht im Handbuch"])
    (True, True)
    """
    words = words_of(answer)
    return any(holds(words, words_of(phrase)) for phrase in phrases or ABSTAINING)


def of_chat(system: System, label: str, rows: Rows) -> Outcomes | Reason:
    """Every row with an expected answer, or declared unanswerable, with what the system answered."""
    source = system.data.evaluation or Evaluation(source="")
    answerable = _answerable(source, rows)
    if isinstance(answerable, Reason):
        return answerable
    expected = [accepted_answers(value) for value in rows.columns[label].array.to_pylist()]
    given = np.array([bool(each) for each in expected], dtype=bool)
    labelled = np.flatnonzero(given | ~answerable)
    if not labelled.size:
        return reason("no-labels", f"no row has an expected answer in {label}", remedy="Give the expected answers.")
    answers = texts_of(rows, labelled)
    silent = np.array([answer is None or not words_of(answer) for answer in answers], dtype=bool)
    can = answerable[labelled]
    marks = _marks(answers, [expected[i] for i in labelled], system.model.output.abstains, can)
    matched = marks["contains" if source.match == "contains" else "exact"]
    right = np.where(can, matched, marks["abstained"]) & ~silent
    return Outcomes(
        task="chat",
        rows=labelled,
        truth=np.ones(labelled.size),
        predicted=right.astype(np.float64),
        answered=~silent,
        score=scores_of(rows, labelled),
        classes=("wrong", "right"),
        positive=1,
        marks=marks,
        findings=(*unlabelled_finding(label, labelled, rows), *silent_finding(silent, rows, labelled)),
    )


def texts_of(rows: Rows, chosen: Ints) -> list[str | None]:
    """What the model answered on the chosen rows as text, None where it did not answer."""
    if PREDICTION not in rows.columns:
        return [None] * int(chosen.size)
    texts, codes = rows.columns[PREDICTION].names
    return [texts[code] if code >= 0 else None for code in codes[chosen]]


def scores_of(rows: Rows, chosen: Ints) -> Floats:
    """The scores from 0 to 1 of the chosen rows; NaN where there is none."""
    from seatrial.core.check import SCORE

    if SCORE not in rows.columns:
        return np.full(chosen.size, np.nan)
    score = numbers_of(rows.columns[SCORE])[chosen]
    with np.errstate(invalid="ignore"):
        return np.where((score >= 0.0) & (score <= 1.0), score, np.nan)


def _answerable(source: Evaluation, rows: Rows) -> Mask | Reason:
    """Which rows can be answered; a row that does not say is answerable."""
    column = source.answerable
    if column is None:
        return np.ones(rows.n, dtype=bool)
    if column not in rows.columns:
        return reason("no-labels", f"the evaluation data has no column {column}", fields=(column,))
    texts, codes = rows.columns[column].names
    odd = sorted({text for text in texts if text.casefold() not in _YES | _NO})
    if odd:
        return reason(
            "labels-outside-task",
            f"{column} says whether a question can be answered; it holds {', '.join(odd[:5])}",
            remedy=f"Let {column} be true or false.",
            fields=(column,),
        )
    yes = np.array([text.casefold() in _YES for text in texts] + [True], dtype=bool)
    return np.asarray(yes[codes], dtype=bool)


def said_no(value: object) -> bool:
    """Whether a cell of `answerable` says that the question cannot be answered."""
    return value is not None and str(value).strip().casefold() in _NO


def accepted_answers(value: object) -> list[tuple[str, ...]]:
    """The normalised accepted answers: of a list, of a JSON list in text, or the one text."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return []
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            value = [value]
    every = value if isinstance(value, list) else [value]
    spelled = [text for each in every if each is not None for text in _spellings(each)]
    return [words for words in map(words_of, spelled) if words]


def _spellings(value: object) -> tuple[str, ...]:
    """How the answer may be written: a CSV file's 05:30 is read as a time of day, which has seconds too."""
    if isinstance(value, time):
        return (value.isoformat(), *(() if value.second else (value.isoformat("minutes"),)))
    return (value if isinstance(value, str) else json.dumps(value, default=str),)


def _marks(
    answers: Sequence[str | None], expected: Sequence[list[tuple[str, ...]]], phrases: Sequence[str], can: Mask
) -> dict[str, Mask]:
    known = [words_of(phrase) for phrase in phrases or ABSTAINING]
    exact, contains, abstained = [], [], []
    for answer, accepted in zip(answers, expected, strict=True):
        words = words_of(answer or "")
        exact.append(words in accepted)
        contains.append(any(holds(words, each) for each in accepted))
        abstained.append(any(holds(words, phrase) for phrase in known))
    return {
        "answerable": can,
        "exact": np.array(exact, dtype=bool),
        "contains": np.array(contains, dtype=bool),
        "abstained": np.array(abstained, dtype=bool),
    }
