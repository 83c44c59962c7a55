"""A file of JSON objects, one a line."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from seatrial.adapters.tables.files import BATCH_ROWS, filled, known, present, sha256
from seatrial.core.errors import Malformed

_MOST_BYTES = 16 << 20


class JsonLinesTable:
    """Rows of a JSON-lines file. A key that an object lacks is null there.

    A column is of whole numbers, numbers, true and false, or text; a column of several of these is text, and nested
    values are JSON text.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._kinds: dict[str, pa.DataType] | None = None

    def columns(self) -> tuple[str, ...]:
        """All keys in order of appearance. Reads the file once. Raises Malformed on a key twice in one object."""
        return tuple(self._agreed())

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """Record batches of at most 65,536 rows."""
        chosen = known(columns, self.columns(), self._name)
        yield from filled(self._read({name: self._agreed()[name] for name in chosen}), self._name)

    def digest(self) -> str:
        """SHA-256 of the file."""
        return sha256(self._path, self._name)

    def _agreed(self) -> dict[str, pa.DataType]:
        if self._kinds is None:
            seen: dict[str, set[type]] = {}
            for row in self._rows():
                for key, value in row.items():
                    seen.setdefault(key, set()).add(type(value))
            self._kinds = {key: _type(kinds - {type(None)}) for key, kinds in seen.items()}
        return self._kinds

    def _read(self, kinds: dict[str, pa.DataType]) -> Generator[Any, None, None]:
        rows: list[dict[str, Any]] = []
        for row in self._rows():
            rows.append(row)
            if len(rows) == BATCH_ROWS:
                yield _batch(rows, kinds)
                rows = []
        yield _batch(rows, kinds)

    def _rows(self) -> Iterator[dict[str, Any]]:
        with present(self._path, self._name).open("rb") as file:
            number = 0
            while line := file.readline(_MOST_BYTES):
                number += 1
                if line.strip():
                    yield self._object(line, number)

    def _object(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"), object_pairs_hook=_once)
        except UnicodeDecodeError:
            raise Malformed(f"{self._name}: line {number} is not UTF-8", remedy="Write the file as UTF-8.") from None
        except json.JSONDecodeError as error:
            raise Malformed(
                f"{self._name}: line {number}, column {error.colno}: {error.msg}; this is no JSON object on one line",
                remedy="Write one JSON object a line; a file cut short ends in the middle of one.",
            ) from None
        except (RecursionError, ValueError) as error:
            said = str(error) if isinstance(error, _Twice) else "this cannot be read"
            raise Malformed(f"{self._name}: line {number}: {said}", remedy="Give every key its own name.") from None
        if not isinstance(value, dict):
            raise Malformed(
                f"{self._name}: line {number} holds {type(value).__name__}, not an object",
                remedy='Write one object a line, such as {"temp": 21.5}.',
            )
        return value


class _Twice(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise _Twice(f"key {', '.join(map(repr, twice))} occurs more than once")
    return found


def _type(kinds: set[type]) -> pa.DataType:
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        return pa.int64()
    if kinds <= {int, float}:
        return pa.float64()
    return pa.string()


def _batch(rows: list[dict[str, Any]], kinds: dict[str, pa.DataType]) -> pa.RecordBatch:
    arrays = [_column([row.get(name) for row in rows], kind) for name, kind in kinds.items()]
    return pa.record_batch(arrays, names=list(kinds))


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind == pa.string():
        return pa.array([None if v is None else _text(v) for v in values], type=kind)
    if kind == pa.int64() and any(v is not None and abs(v) >= 1 << 63 for v in values):
        return pa.array([None if v is None else float(v) for v in values], type=pa.float64())
    if kind == pa.float64():
        return pa.array([None if v is None else float(v) for v in values], type=kind)
    return pa.array(values, type=kind)


def _text(value: object) -> str:
    if isinstance(value, str):
        # Lone surrogates are valid JSON escapes and no UTF-8.
        return value.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(value, sort_keys=True)
