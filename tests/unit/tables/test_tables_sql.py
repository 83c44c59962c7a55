"""Rows of a query."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from seatrial.adapters.databases import Described
from seatrial.adapters.tables.catalogue import open_table
from seatrial.adapters.tables.sql import _declared
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.core.ports import Table

URL = "sqlite:///live.db"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "live.db") as db:
        db.execute("CREATE TABLE live (id INTEGER, temp NUMERIC, carrier TEXT, empty TEXT, at TEXT)")
        db.executemany(
            "INSERT INTO live VALUES (?, ?, ?, NULL, ?)",
            [(i, i + (0.5 if i == 9_999 else 0), f"c{i % 3}", "2013-01-05T07:00:00Z") for i in range(10_000)],
        )
    db.close()
    return tmp_path


def query(folder: Path, text: str, url: str = URL) -> Table:
    return open_table(url, text, base_dir=folder)


def rows_of(table: Table) -> list[dict[str, Any]]:
    return [row for batch in table.batches() for row in batch.to_pylist()]


def test_types_hold_for_the_whole_result(folder: Path) -> None:
    table = query(folder, "SELECT id, temp, carrier, empty FROM live ORDER BY id;")
    assert table.columns() == ("id", "temp", "carrier", "empty")
    batches = list(table.batches())
    assert len({b.schema for b in batches}) == 1
    assert [str(f.type) for f in batches[0].schema] == ["int64", "double", "string", "double"]
    assert sum(b.num_rows for b in batches) == 10_000
    assert batches[-1].to_pylist()[-1] == {"id": 9999, "temp": 9999.5, "carrier": "c0", "empty": None}


def test_chosen_columns_come_in_the_chosen_order(folder: Path) -> None:
    batch = next(query(folder, "SELECT * FROM live").batches(["carrier", "id"]))
    assert batch.schema.names == ["carrier", "id"]


def test_the_digest_holds_for_any_order_of_rows_and_changes_with_one_value(folder: Path) -> None:
    up = query(folder, "SELECT id, temp FROM live WHERE id < 100")
    assert up.digest() == query(folder, "SELECT id, temp  FROM live WHERE id < 100").digest()
    with sqlite3.connect(folder / "live.db") as db:
        db.execute("UPDATE live SET temp = -1 WHERE id = 7")
    db.close()
    assert up.digest() != query(folder, "SELECT id, temp FROM live WHERE id < 101").digest()
    assert up.digest() == query(folder, "SELECT id, temp FROM live WHERE id < 100").digest()


def test_a_column_that_mixes_text_and_numbers_is_named(folder: Path) -> None:
    with sqlite3.connect(folder / "live.db") as db:
        db.execute("UPDATE live SET temp = 'n/a' WHERE id = 7")
    db.close()
    with pytest.raises(Malformed, match="'temp' mixes"):
        rows_of(query(folder, "SELECT temp FROM live"))


def test_no_rows_is_malformed(folder: Path) -> None:
    with pytest.raises(Malformed, match="no rows"):
        rows_of(query(folder, "SELECT * FROM live WHERE id < 0"))


def test_duplicated_columns_are_malformed(folder: Path) -> None:
    with pytest.raises(Malformed, match="'id' occurs"):
        query(folder, "SELECT id, id FROM live").columns()


def test_a_query_that_writes_is_refused(folder: Path) -> None:
    with pytest.raises(SeatrialError):
        rows_of(query(folder, "DELETE FROM live"))
    assert len(rows_of(query(folder, "SELECT id FROM live"))) == 10_000


def test_a_query_that_cannot_run_says_why(folder: Path) -> None:
    with pytest.raises((Malformed, Unreachable, Refused), match="no such table"):
        query(folder, "SELECT * FROM nowhere").columns()


def test_a_missing_query_is_said(folder: Path) -> None:
    with pytest.raises(Malformed, match="without a query"):
        open_table(URL, base_dir=folder)


def test_colons_in_the_query_are_no_parameters(folder: Path) -> None:
    assert len(rows_of(query(folder, "SELECT id FROM live WHERE at = '2013-01-05T07:00:00Z' AND id < 5"))) == 5


def test_errors_show_no_credentials(tmp_path: Path) -> None:
    url = "postgresql://ivo:hunter2secret@127.0.0.1:9/none"
    with pytest.raises(SeatrialError) as raised:
        open_table(url, "SELECT 1", base_dir=tmp_path).columns()
    assert "hunter2secret" not in f"{raised.value} {raised.value!r}"


def test_declared_numerics_are_decimals_and_open_ones_floats() -> None:
    assert _declared(Described("price", 1700, 12, 2)) == pa.decimal128(12, 2)
    assert _declared(Described("price", 1700, None, None)) == pa.float64()
    assert _declared(Described("at", 1184, None, None)) == pa.timestamp("us", tz="UTC")
    assert _declared(Described("anything", 99_999, None, None)) == pa.string()
