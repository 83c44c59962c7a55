"""What rows are sliced by: the inputs, parts of times and texts, words that texts mention, and kinds of question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.model.derived_fields import mention
from seatrial.domains.model.slice_search import deviations
from seatrial.domains.scored.rows import REST, Feature, Ints, Mask, Rows, category, features_of, numbers_of
from seatrial.domains.scored.text_features import Texts, free_texts, term_lists, terms_of, vocabulary
from seatrial.spec.model import InputField
from seatrial.spec.system import System

_PROSE = frozenset({"text", "chat", "extraction"})
_FEWEST_MENTIONS, _SMALLEST_MENTION = 20, 0.01
_MOST_WORDS = 3000
_TELLING, _FREQUENT = 30, 20
_MOST_KINDS = 40
_TEXT_PARTS = ("language", "script", "opening", "question word")


def kinds_of_row(system: System, columns: Sequence[str], inputs: Mapping[str, InputField]) -> list[str]:
    """The columns beside the inputs that may say of what kind a text or a question is."""
    source = system.data.evaluation
    if system.model.task not in _PROSE or source is None:
        return []
    known = {*inputs, *(column for key, column in source.named.items() if key != "answerable")}
    return [name for name in columns if name not in known and not name.startswith("seatrial.")]


def features(
    rows: Rows,
    conditions: RowConditions,
    inputs: Mapping[str, InputField],
    kinds: Sequence[str],
    *,
    wrong: Mask,
    find: Ints,
) -> Iterator[Feature]:
    """Everything that the rows are sliced by, one after the other.

    Which words may tell is learned from the rows `find` only; `wrong` has one entry for each of them.
    """
    texts = free_texts(rows, inputs)
    prose = {each.name for each in texts}
    for name, field in inputs.items():
        if name not in prose:
            yield from features_of(replace(rows, columns=rows.columns.anew()), {name: field})
    for name, field in inputs.items():
        if field.type == "time" or (name in rows.columns and rows.columns[name].kind == "time"):
            yield from _derived(conditions, (f"hour of {name}", f"weekday of {name}"))
    for each in texts:
        parts = (*(f"{part} of {each.name}" for part in _TEXT_PARTS), f"length of {each.name} in words")
        yield from _derived(conditions, parts)
        yield from _mentions(each, wrong, find)
    yield from (feature for feature in _derived(conditions, kinds) if 2 <= len(feature.levels) <= _MOST_KINDS)


def _derived(conditions: RowConditions, names: Iterable[str]) -> Iterator[Feature]:
    """Derived fields and plain columns as features, by the type of what they hold."""
    for name in names:
        column = conditions.column(name)
        if column is None or column.kind in {"empty", "other", "time"}:
            continue
        feature = (
            category(name, column)
            if column.kind == "text"
            else Feature(name=name, source=name, numbers=numbers_of(column))
        )
        if feature is not None:
            yield feature


def _mentions(texts: Texts, wrong: Mask, find: Ints) -> Iterator[Feature]:
    """Words and pairs of words: those that go with errors on the rows `find`, and the most frequent ones."""
    codes = texts.codes[find]
    given = codes >= 0
    if not given.any():
        return
    lists = term_lists(texts.distinct)
    fewest = max(_FEWEST_MENTIONS, int(_SMALLEST_MENTION * find.size))
    words = vocabulary([lists[code] for code in codes[given]], fewest=fewest, most=_MOST_WORDS)
    if not words:
        return
    held = terms_of(lists, words).held
    of_text, wrong_of_text = (np.bincount(codes[given & chosen], minlength=len(lists)) for chosen in (given, wrong))
    n, errors = held.T @ of_text, held.T @ wrong_of_text
    z = deviations(n, errors, max(1e-9, min(1.0 - 1e-9, float(wrong.mean()))))
    telling = np.argsort(-z, kind="stable")[:_TELLING]
    for i in dict.fromkeys([*telling.tolist(), *range(min(_FREQUENT, len(words)))]):
        name = mention(texts.name, words[i])
        # Not to mention a word is no condition that people would form.
        place = np.append(np.where(held[:, [i]].toarray().ravel() > 0, 0, 1), -1).astype(np.int64)
        yield Feature(name=name, source=name, codes=place[texts.codes], levels=("true", REST))
