"""Rows of a query on a real MariaDB server, where one answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plants.databases import server, table
from seatrial.adapters.tables.catalogue import open_table
from seatrial.core.errors import Malformed, SeatrialError
from seatrial.core.ports import Table

COLUMNS = """id bigint, price decimal(12,2), small tinyint, at timestamp NULL, wall datetime, day date, clock time,
             name varchar(9), raw varbinary(4), real4 float, huge bigint unsigned"""
ROWS = """INSERT INTO {table} SELECT seq, seq * 0.01, seq % 100, '2026-07-01 12:00:00', '2026-07-01 12:00:00',
          '2026-07-01', '08:30:00', 'é', X'00ff', 0.5, 1 FROM seq_1_to_20000"""
Ask = Callable[[str], Table]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    url, engine = server("mariadb")
    with table(engine, COLUMNS, ROWS) as name:
        yield lambda query: open_table(url, query.replace("live", name), base_dir=Path())


def test_types_are_those_of_the_server_and_rows_come_in_batches(ask: Ask) -> None:
    batches = list(ask("SELECT * FROM live ORDER BY id").batches())
    types = {field.name: str(field.type) for field in batches[0].schema}
    assert types["id"] == types["small"] == "int64"
    assert types["price"].startswith("decimal128(")
    assert (types["at"], types["wall"], types["day"]) == ("timestamp[us, tz=UTC]", "timestamp[us]", "date32[day]")
    assert (types["clock"], types["raw"], types["real4"]) == ("string", "string", "float")
    assert sum(batch.num_rows for batch in batches) == 20_000
    assert max(batch.num_rows for batch in batches) <= 8192
    first = batches[0].slice(0, 1).to_pylist()[0]
    assert (str(first["price"]), first["clock"], first["name"], first["raw"]) == ("0.01", "08:30:00", "é", "00ff")


def test_the_digest_holds_for_any_order_of_rows(ask: Ask) -> None:
    assert (
        ask("SELECT id, price FROM live WHERE id < 50").digest()
        == ask("SELECT id,  price FROM live WHERE id < 50").digest()
    )
    assert len({ask(f"SELECT id FROM live WHERE id < 50 ORDER BY id {way}").columns() for way in ("", "DESC")}) == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("DELETE FROM live", "read-only"),
        ("SELECT * FROM nowhere", "no such thing"),
        ("SELECT id FROM live WHERE id < 0", "no rows"),
        ("SELECT id, id FROM live", "more than once"),
    ],
)
def test_what_goes_wrong_is_said(ask: Ask, query: str, said: str) -> None:
    with pytest.raises(SeatrialError, match=said):
        list(ask(query).batches())


def test_what_fits_no_type_is_never_made_to_fit() -> None:
    url, engine = server("mariadb")
    zeros = ("SET sql_mode = ''", "INSERT INTO {table} VALUES ('0000-00-00', 1)")
    with table(engine, "day date, id int", *zeros) as name, pytest.raises(Malformed, match="'day', row 1"):
        list(open_table(url, f"SELECT * FROM {name}", base_dir=Path()).batches())
    high = "INSERT INTO {table} VALUES (18446744073709551615)"
    with table(engine, "id bigint unsigned", high) as name, pytest.raises(Malformed, match="'id', row 1"):
        list(open_table(url, f"SELECT * FROM {name}", base_dir=Path()).batches())


def test_a_reader_that_stops_early_ends_the_query(ask: Ask) -> None:
    batches = ask("SELECT a.id FROM live a JOIN live b").batches()
    next(batches)
    batches.close()  # type: ignore[attr-defined]
