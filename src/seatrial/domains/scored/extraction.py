"""Extracted records held against the expected ones, as whole records and field by field.

A record is a mapping of fields, or a list of values. Nested fields are named by their path; the values of a list belong
to one field and their order does not count. Texts are compared without regard to case, Unicode form and white space,
numbers by value. A number that is written as text says the same where every expected record holds a number in that
field: it is told. Where a text is expected, such as an id, the text counts. A field that is null or empty says the same
as one that is absent. A field that no expected record names, not even as null, was never asked for: it is told, and
counts for nothing.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from seatrial.core.observation import Finding, Reason
from seatrial.core.vocabulary import Weight
from seatrial.domains.scored.chat import scores_of, texts_of
from seatrial.domains.scored.labelled import (
    EXTRA,
    HIT,
    MISSED,
    Outcomes,
    Units,
    reason,
    silent_finding,
    unlabelled_finding,
)
from seatrial.domains.scored.rows import Ints, Mask, Rows
from seatrial.spec.system import System

_SHOWN = 3
_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")
"""A plain number: without separators of thousands, which differ by country, and without zeros before it."""
WHOLE = "value"
"""The name of the field of a record that is a plain list."""


def of_extraction(system: System, label: str, rows: Rows) -> Outcomes | Reason:
    """Every row with an expected record, with what the model extracted."""
    del system
    expected = [record_of(value) for value in rows.columns[label].array.to_pylist()]
    labelled = np.array([i for i, record in enumerate(expected) if record is not None], dtype=np.int64)
    if not labelled.size:
        return reason("no-labels", f"no row has an expected record in {label}", remedy="Give the expected records.")
    bad = [i for i in labelled if not is_record(expected[i])]
    if bad:
        return reason(
            "labels-outside-task",
            f"{len(bad)} of {labelled.size} values of {label} are no mapping of fields and no list, such as row "
            f"{bad[0] + 1}",
            remedy="Give each expected record as a JSON object or list, or as a nested column.",
            fields=(label,),
        )
    texts = texts_of(rows, labelled)
    asked = {path for i in labelled for path in paths_of(expected[i])}
    answers = [record_of(text) for text in texts]
    written: Counter[str] = Counter()
    numeric = _numeric(expected[i] for i in labelled)
    said = [_as_numbers(_of_these(record, asked), numeric, written) for record in answers]
    silent = np.array([text is None for text in texts], dtype=bool)
    formless = np.array([not is_record(record) for record in said], dtype=bool) & ~silent
    if (silent | formless).all() and formless.any():
        finding = _formless_finding(formless)[0]
        return reason("predictions-outside-task", finding.summary, remedy=finding.remedy)
    answered = ~silent & ~formless
    units, right = _compared([expected[i] for i in labelled], said, answered)
    return Outcomes(
        task="extraction",
        rows=labelled,
        truth=np.ones(labelled.size),
        predicted=right.astype(np.float64),
        answered=answered,
        score=scores_of(rows, labelled),
        classes=("wrong", "right"),
        positive=1,
        marks={"exact": right},
        units=units,
        findings=(
            *_formless_finding(formless),
            *_written_finding(label, written),
            *_unasked_finding(label, {path for record in answers for path in paths_of(record)} - asked),
            *unlabelled_finding(label, labelled, rows),
            *silent_finding(silent, rows, labelled),
        ),
    )


def fields_of(record: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every single field of a record, as its path and its normalised value.

    >>> sorted(fields_of({"total": 12.0, "items": [{"sku": "A 1"}, {"sku": "b"}], "note": None}))
    [('items.sku', 'a 1'), ('items.sku', 'b'), ('total', '12')]
    """
    if isinstance(record, Mapping):
        for name, value in record.items():
            yield from fields_of(value, f"{path}.{name}" if path else str(name))
    elif isinstance(record, Sequence) and not isinstance(record, str):
        for value in record:
            yield from fields_of(value, path)
    elif (value := _normal(record)) != "":
        yield path or WHOLE, value


def paths_of(record: object, path: str = "") -> Iterator[str]:
    """The path of every named field of a record, with those that are null and those that hold fields themselves.

    >>> sorted(paths_of({"total": 12.0, "items": [{"sku": "A 1"}], "note": None}))
    ['items', 'items.sku', 'note', 'total']
    """
    if isinstance(record, Mapping):
        for name, value in record.items():
            inner = f"{path}.{name}" if path else str(name)
            yield inner
            yield from paths_of(value, inner)
    elif isinstance(record, list):
        for value in record:
            yield from paths_of(value, path)


def _of_these(record: object, asked: AbstractSet[str], path: str = "") -> object:
    """The record without fields that were not asked for; whole where the records that are expected name no field."""
    if isinstance(record, Mapping) and asked:
        inner = {name: f"{path}.{name}" if path else str(name) for name in record}
        return {name: _of_these(record[name], asked, at) for name, at in inner.items() if at in asked}
    if isinstance(record, list):
        return [_of_these(value, asked, path) for value in record]
    return record


def _numeric(expected: Iterable[object]) -> frozenset[str]:
    """The paths of the fields in which every expected record holds numbers, wherever it holds anything."""
    numbers: set[str] = set()
    others: set[str] = set()
    for record in expected:
        for path, value in _leaves(record):
            if value is not None:
                (numbers if isinstance(value, int | float) and not isinstance(value, bool) else others).add(path)
    return frozenset(numbers - others)


def _leaves(record: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(record, Mapping):
        for name, value in record.items():
            yield from _leaves(value, f"{path}.{name}" if path else str(name))
    elif isinstance(record, list):
        for value in record:
            yield from _leaves(value, path)
    else:
        yield path or WHOLE, record


def _as_numbers(record: object, numeric: AbstractSet[str], written: Counter[str], path: str = "") -> object:
    """The record with plain numbers that are written as text in these fields as numbers; counted by field."""
    if isinstance(record, Mapping):
        inner = {name: f"{path}.{name}" if path else str(name) for name in record}
        return {name: _as_numbers(value, numeric, written, inner[name]) for name, value in record.items()}
    if isinstance(record, list):
        return [_as_numbers(value, numeric, written, path) for value in record]
    name = path or WHOLE
    if isinstance(record, str) and name in numeric and _NUMBER.fullmatch(record.strip()):
        written[name] += 1
        return float(record)
    return record


def _compared(expected: Sequence[object], said: Sequence[object], answered: Mask) -> tuple[Units, Mask]:
    names: dict[str, int] = {}
    rows: list[int] = []
    codes: list[int] = []
    kinds: list[int] = []
    right = np.zeros(len(expected), dtype=bool)
    for i, (wanted, got) in enumerate(zip(expected, said, strict=True)):
        want = Counter(fields_of(wanted))
        have: Counter[tuple[str, str]] = Counter(fields_of(got)) if answered[i] else Counter()
        right[i] = bool(answered[i]) and canonical(wanted) == canonical(got)
        for kind, fields in ((HIT, want & have), (EXTRA, have - want), (MISSED, want - have)):
            for (name, _), count in fields.items():
                code = names.setdefault(name, len(names))
                rows += [i] * count
                codes += [code] * count
                kinds += [kind] * count
    units = Units(rows=_ints(rows), names=_ints(codes), kinds=_ints(kinds), labels=tuple(names))
    return units, right


def _ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def canonical(record: object) -> object:
    """A form in which two records are equal when they say the same; it keeps what belongs together in a list."""
    if isinstance(record, Mapping):
        inner = {str(name): canonical(value) for name, value in record.items()}
        return tuple(sorted((name, value) for name, value in inner.items() if value not in ("", ()))) or ()
    if isinstance(record, Sequence) and not isinstance(record, str):
        return tuple(sorted((v for v in map(canonical, record) if v not in ("", ())), key=repr))
    return _normal(record)


def _normal(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{float(value):.12g}"
    return " ".join(unicodedata.normalize("NFKC", str(value)).casefold().split())


def record_of(value: object) -> object:
    """The value itself, or what its text says as JSON, also where a model wrapped it into a string or a code fence."""
    for _ in range(2):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(_unfenced(value))
        except ValueError:
            break
    return value


def _unfenced(text: str) -> str:
    bare = text.strip()
    if bare.startswith("```") and bare.endswith("```"):
        return bare.removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    return bare


def is_record(value: object) -> bool:
    """Whether the value has a record's form."""
    return isinstance(value, Mapping | list)


def _written_finding(label: str, written: Mapping[str, int]) -> list[Finding]:
    if not written:
        return []
    named = ", ".join(f"{name} ({count})" for name, count in sorted(written.items())[:_SHOWN])
    more = " and others" if len(written) > _SHOWN else ""
    return [
        Finding(
            code="numbers-as-text",
            weight=Weight.NOTE,
            summary=f"The model writes numbers as text in {named}{more}, where {label} holds numbers; they are "
            "compared by value",
            fields=(label,),
            remedy="Let the model give numbers there, or see that whatever reads its answers takes both.",
            why="What reads the answers may refuse a text, or sort and add it as one.",
        )
    ]


def _unasked_finding(label: str, unasked: AbstractSet[str]) -> list[Finding]:
    if not unasked:
        return []
    named = ", ".join(sorted(unasked)[:_SHOWN]) + (" and others" if len(unasked) > _SHOWN else "")
    return [
        Finding(
            code="fields-not-expected",
            weight=Weight.NOTE,
            summary=f"The model also gives {named}, which no record in {label} names; what it says there is not "
            "counted, right or wrong",
            fields=(label,),
            remedy=f"Where it matters, name it in the records of {label}, as null where it is to be left empty.",
            why="Whether a value is right that nobody expected or ruled out, nobody can tell.",
        )
    ]


def _formless_finding(formless: Mask) -> list[Finding]:
    if not formless.any():
        return []
    return [
        Finding(
            code="predictions-outside-task",
            summary=f"{int(formless.sum())} of {formless.size} answers are no mapping of fields and no list; they "
            "count as wrong",
            remedy="Let the model answer with a JSON object, or name the right prediction field.",
            why="An answer without form cannot be processed further.",
        )
    ]
