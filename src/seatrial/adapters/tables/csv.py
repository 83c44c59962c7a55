"""A CSV file (comma), or TSV (tab): UTF-8, with a header."""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from seatrial.adapters.tables.files import BATCH_ROWS, filled, known, present, sha256, unique
from seatrial.core.errors import Malformed

_BLOCK = 32 << 20
_WIDTH = re.compile(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)")
_COLUMN = re.compile(r"In CSV column #(\d+)")
_OTHERS = ";\t|"
_WIDER = {"int64": pa.float64(), "double": pa.string(), "null": pa.float64()}


class CsvTable:
    """Rows of a CSV file. Empty fields and `NA`, `null`, `NaN`, … unquoted are null.

    A column is of the narrowest type that all its values have: whole numbers, numbers, true and false, dates, times,
    else text.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        self._types: dict[str, Any] | None = None

    def columns(self) -> tuple[str, ...]:
        """The header. Raises Malformed on duplicates and on anything but UTF-8."""
        with present(self._path, self._name).open("rb") as file:
            line = file.readline(1 << 20)
        try:
            text = line.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise self._not_utf8(1) from None
        header = next(csv.reader([text], delimiter=self._delimiter), [])
        self._refuse_another_delimiter(header)
        return unique(header, self._name)

    def _refuse_another_delimiter(self, header: Sequence[str]) -> None:
        """Raises Malformed for a header of one name that holds what stands between names elsewhere."""
        other = next((mark for mark in _OTHERS if len(header) == 1 and header[0].count(mark) > 1), None)
        if other is not None:
            raise Malformed(
                f"{self._name}: its header has no {self._delimiter!r}, and seems to be apart by {other!r}",
                remedy="Write the data as Parquet, or as UTF-8 CSV with commas between fields and points in numbers.",
            )

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """Record batches of at most 65,536 rows."""
        chosen = known(columns, self.columns(), self._name)
        if self._types is None:
            self._types = self._agreed_types()
        yield from filled(self._sliced(self._types, chosen), self._name)

    def digest(self) -> str:
        """SHA-256 of the file."""
        return sha256(self._path, self._name)

    def _agreed_types(self) -> dict[str, Any]:
        """Types that hold for the whole file; more than one block is read through once for it."""
        self.columns()
        types: dict[str, Any] = {}
        while True:
            try:
                with self._opened(types, None) as reader:
                    found = {field.name: field.type for field in reader.schema}
                    if self._path.stat().st_size > _BLOCK:
                        for _ in reader:
                            pass
                break
            except pa.ArrowInvalid as error:
                types = self._widened(error, types)
        if any(pa.types.is_binary(kind) for kind in found.values()):
            raise self._not_utf8(self._first_bad_line())
        # A column without any value has no type; the checks see it as empty numbers.
        return {name: pa.float64() if pa.types.is_null(kind) else kind for name, kind in found.items()}

    def _widened(self, error: pa.ArrowInvalid, types: dict[str, Any]) -> dict[str, Any]:
        match = _COLUMN.search(str(error))
        if match is None or "invalid UTF8" in str(error):
            raise self._malformed(error) from None
        name = self.columns()[int(match[1])]
        if types.get(name) == pa.string():
            raise self._malformed(error) from None
        wider = pa.string() if name in types else _WIDER.get(self._first_type(name), pa.string())
        return {**types, name: wider}

    def _first_type(self, name: str) -> str:
        with self._opened({}, [name]) as reader:
            return str(reader.schema.field(name).type)

    def _opened(self, types: dict[str, Any], columns: Sequence[str] | None) -> Any:
        return arrow_csv.open_csv(
            self._path,
            read_options=arrow_csv.ReadOptions(block_size=_BLOCK, use_threads=False),
            parse_options=arrow_csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types,
                include_columns=columns,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )

    def _sliced(self, types: dict[str, Any], columns: Sequence[str]) -> Generator[Any, None, None]:
        try:
            with self._opened(types, columns) as reader:
                for batch in reader:
                    for start in range(0, batch.num_rows, BATCH_ROWS):
                        yield batch.slice(start, BATCH_ROWS)
        except pa.ArrowInvalid as error:
            raise self._malformed(error) from None

    def _malformed(self, error: pa.ArrowInvalid) -> Malformed:
        said = str(error)
        if "UTF8" in said:
            return self._not_utf8(self._first_bad_line())
        if width := _WIDTH.search(said):
            line = width[1] or self._first_odd_row(int(width[2]))
            return Malformed(
                f"{self._name}: row {line} has {width[3]} fields where the header has {width[2]}",
                remedy="A cut-off file or an unquoted comma: write the file again.",
            )
        # What Arrow says quotes the value; a value may be confidential, the place is enough.
        place = _COLUMN.search(said)
        where = f"column {self.columns()[int(place[1])]!r}" if place else said.split(":", maxsplit=1)[0][:80]
        return Malformed(f"{self._name}: {where} cannot be read", remedy="Write the file again as UTF-8 CSV.")

    def _not_utf8(self, line: int) -> Malformed:
        return Malformed(
            f"{self._name}: line {line} is not UTF-8",
            remedy="Write the file as UTF-8 (it may be Windows-1252 or UTF-16).",
        )

    def _first_bad_line(self) -> int:
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError:
                    return number
        return 1

    def _first_odd_row(self, width: int) -> str:
        with self._path.open(encoding="utf-8", errors="replace", newline="") as file:
            for number, row in enumerate(csv.reader(file, delimiter=self._delimiter), 1):
                if row and len(row) != width:
                    return str(number)
        return "?"
