"""Fields that conditions may name beside the columns: the hour of a time, the language of a text, words it mentions.

Each is a function of its row alone, so that a condition means the same on every table:

- `hour of AT` (0 to 23), `weekday of AT` (Monday to Sunday), in UTC;
- `length of BODY in words`, `language of BODY`, `script of BODY`, `opening of BODY` (its first three words);
- `question word of BODY`: what, how, when …, or `none`;
- `BODY mentions refund`: whether the word, or the two neighbouring words, stand in it, in any case.

Since such names are no plain words, they stand in backticks in a condition: `` `length of body in words` > 120 ``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seatrial.domains.condition_words import PART_OF, source_of
from seatrial.domains.scored.languages import language_of
from seatrial.domains.scored.rows import times_of
from seatrial.domains.scored.text_features import Texts, opening_of, script_of, texts_of, words_of
from seatrial.measure.columns import Column, Columns

WEEKDAYS = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")
"""From the first of January 1970 on."""
NO_QUESTION = "none"
_LONGEST = 4000
_QUESTION_WORDS = (
    "what which who whom whose when where why how",
    "was welche welcher welches wer wen wem wann wo warum wieso wie",
    "quoi quel quelle qui quand pourquoi comment combien où",
    "qué cuál quién cuándo dónde cómo cuánto",
    "che chi quando dove perché come quanto",
)
"""English, German, French, Spanish, Italian."""
_ASKING = frozenset(word for words in _QUESTION_WORDS for word in words.split())


def mention(source: str, word: str) -> str:
    """The name of the field that says whether a text mentions a word."""
    return f"{source} mentions {word}"


def derived(columns: Columns, name: str) -> Column | None:
    """The derived field as a column; None where there is no such field, or no such column to derive it from."""
    source = source_of(name)
    if source is None or source not in columns:
        return None
    column = columns[source]
    match = PART_OF.fullmatch(name)
    if match is not None and match[1] in {"hour", "weekday"}:
        return _time_part(name, column, match[1])
    texts = texts_of(column)
    if texts is None:
        return None
    if match is not None:
        return _of_texts(name, texts, _PARTS[match[1]])
    word = f" {name.removeprefix(source).removeprefix(' mentions ').strip().lower()} "
    return _of_texts(name, texts, lambda text: word in f" {' '.join(words_of(text[:_LONGEST]))} ")


def question_word_of(text: str) -> str:
    """The first word that asks, in five languages.

    >>> question_word_of("Please tell me how to rebook"), question_word_of("Rebook it.")
    ('how', 'none')
    """
    return next((word for word in words_of(text[:_LONGEST]) if word in _ASKING), NO_QUESTION)


def _language(text: str) -> str:
    return language_of(words_of(text[:2000]), script_of(text))


def _length(text: str) -> float:
    return float(len(text.split()))


_PARTS: dict[str, Callable[[str], Any]] = {
    "length": _length,
    "language": _language,
    "script": script_of,
    "opening": opening_of,
    "question word": question_word_of,
}


def _time_part(name: str, column: Column, part: str) -> Column | None:
    import pyarrow as pa

    seconds = times_of(column)
    if seconds is None:
        return None
    missing = np.isnan(seconds)
    if part == "hour":
        return Column(name, pa.array(np.floor(seconds / 3600.0) % 24, mask=missing))
    day = np.where(missing, 0, np.floor(np.where(missing, 0.0, seconds) / 86_400.0) % 7).astype(np.int8)
    return Column(name, pa.DictionaryArray.from_arrays(pa.array(day, mask=missing), pa.array(WEEKDAYS)))


def _of_texts(name: str, texts: Texts, part: Callable[[str], Any]) -> Column:
    import pyarrow as pa

    of_each: Sequence[Any] = [part(text) for text in texts.distinct]
    missing = texts.codes < 0
    if not of_each:
        return Column(name, pa.nulls(texts.n, pa.string()))
    return Column(name, pa.array(of_each).take(pa.array(np.where(missing, 0, texts.codes), mask=missing)))
