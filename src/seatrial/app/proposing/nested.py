"""Columns whose cells hold records or lists: what is in them, and how it becomes columns of its own.

A model input, a label, a time and a name of a row are each a column of plain values. What stands inside a record is
therefore named, with what to do, and never proposed as if it were one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from seatrial.core.errors import Malformed
from seatrial.domains.scored.extraction import is_record, record_of

Nested = Mapping[str, tuple[str, ...]]
"""Columns of records or lists, each with the paths of what is in its records."""
_SHOWN: Final = 6
_MOST_PATHS: Final = 100


def nested_in(schema: Any) -> dict[str, tuple[str, ...]]:
    """The nested columns of an Arrow schema, each with the paths of the plain values in its records.

    >>> import pyarrow as pa
    >>> nested_in(pa.schema([("a", pa.int64()), ("b", pa.struct([("c", pa.string()), ("d", pa.list_(pa.int8()))]))]))
    {'b': ('b.c', 'b.d')}
    """
    return {each.name: tuple(_paths(each.name, each.type))[:_MOST_PATHS] for each in schema if _is_nested(each.type)}


def nested_texts(columns: Sequence[str], sample: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Those of the columns of text whose every value is a record or a list in JSON, with the paths in the records."""
    found: dict[str, tuple[str, ...]] = {}
    for name in columns:
        given = [row[name] for row in sample if row[name] is not None]
        # A text that only begins like a list, such as "[URGENT] call back", is none.
        records = [record_of(value) for value in given]
        if given and all(is_record(record) for record in records):
            paths = dict.fromkeys(path for record in records for path in _paths_of(name, record))
            found[name] = tuple(paths)[:_MOST_PATHS]
    return found


def refuse_inside(name: str, nested: Nested, *, option: str) -> None:
    """Raises Malformed where what an option names stands inside the records of a column."""
    for column, paths in nested.items():
        if name != column and (name in paths or name.startswith(f"{column}.")):
            raise Malformed(
                f"{name!r}, which {option} names, stands inside the records of the column {column!r}",
                remedy=written_as_columns([name]),
            )


def not_a_label(name: str, nested: Nested) -> Malformed:
    """Why a column of records or lists cannot be taken for the label as it is, as a question with both ways out."""
    inside = nested.get(name, ())
    single = f"If one of them is the label, {_lower(written_as_columns(inside))} " if inside else ""
    return Malformed(
        f"the label column {name!r} holds records or lists{_holding(inside)}: is one value in them what was true, or "
        "is the whole record what the model is to extract?",
        remedy=f"{single}If the model is to extract the whole, write the column as JSON text, or give the rows as JSON "
        "lines.",
    )


def notes_of(
    nested: Nested, left_out: Sequence[str], inputs: Sequence[str], *, label: str, extracted: bool
) -> Iterator[str]:
    """What to look at in nested columns: those left out, those that are sent as JSON text, and records as the label."""
    for name in left_out:
        inside = nested.get(name)
        if inside is None:
            yield f"{name} holds neither numbers, texts, times nor true and false, and is left out"
        else:
            yield (
                f"{name} holds records or lists{_holding(inside)}, and is left out: if the model takes any of it, "
                f"{_lower(written_as_columns(inside or [name]))}"
            )
    for name in inputs:
        if name in nested:
            inside = nested[name]
            yield (
                f"{name} holds records or lists as JSON text{_holding(inside)}, and is sent as that text: if the model "
                f"takes values of them, {_lower(written_as_columns(inside or [name]))}"
            )
    if nested.get(label) and extracted:
        yield (
            f"{label} holds records{_holding(nested[label])}, taken for what the model is to extract: if one "
            f"value in them is the label, {_lower(written_as_columns(nested[label]))}"
        )


def written_as_columns(paths: Sequence[str]) -> str:
    """The remedy: these become columns of their own.

    >>> written_as_columns(["outcome.late"])
    "Write it as a column of its own, such as outcome_late (pandas.json_normalize, SQL's outcome.late AS outcome_late)."
    """
    if not paths:
        return "Write what is in it as columns of their own (such as by pandas.json_normalize)."
    path = paths[0]
    plain = path.replace(".", "_")
    what = "it as a column of its own" if len(paths) == 1 else "them as columns of their own"
    return f"Write {what}, such as {plain} (pandas.json_normalize, SQL's {path} AS {plain})."


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _holding(paths: Sequence[str]) -> str:
    if not paths:
        return ""
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f" ({', '.join(paths[:_SHOWN])}{more})"


def _is_nested(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_nested(kind))


def _paths(name: str, kind: Any) -> Iterator[str]:
    import pyarrow as pa

    if not pa.types.is_struct(kind):
        return
    for inner in kind:
        path = f"{name}.{inner.name}"
        if pa.types.is_struct(inner.type):
            yield from _paths(path, inner.type)
        else:
            yield path


def _paths_of(name: str, record: object) -> Iterator[str]:
    if isinstance(record, Mapping):
        for key, value in record.items():
            path = f"{name}.{key}"
            yield from _paths_of(path, value) if isinstance(value, Mapping) else (path,)
