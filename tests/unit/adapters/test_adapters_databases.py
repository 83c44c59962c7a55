"""Integrations that are SQL databases, on the real servers: what they would do in silence, and what fails."""

from __future__ import annotations

import re
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text

from plants.databases import server, table
from seatrial.adapters.database_values import of_mysql, plain
from seatrial.adapters.databases import MOST_READ, Database
from seatrial.adapters.http import Http
from seatrial.adapters.integrations.catalogue import OpenIntegration, open_integration
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.core.ports import ClientList, Row
from seatrial.spec.integration import IntegrationSection

SECRET = "harbour-9-pilot"
PAIRS = ("postgresql", "mariadb")


@pytest.fixture(scope="module", params=PAIRS)
def any_server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, Engine]]:
    url, engine = server(request.param)
    yield request.param, url, engine
    engine.dispose()


@pytest.fixture(scope="module")
def mariadb() -> Iterator[tuple[str, Engine]]:
    url, engine = server("mariadb")
    yield url, engine
    engine.dispose()


@contextmanager
def account(kind: str, engine: Engine, password: str = SECRET) -> Iterator[str]:
    """A user of the server who may do nothing."""
    role = f"seatrial_{secrets.token_hex(6)}"
    made, gone = {
        "postgresql": (f"CREATE ROLE {role} LOGIN PASSWORD '{password}'", f"DROP ROLE {role}"),
        "mariadb": (f"CREATE USER {role}@'%' IDENTIFIED BY '{password}'", f"DROP USER {role}@'%'"),
    }[kind]
    with engine.begin() as connection:
        connection.execute(text(made))
    try:
        yield role
    finally:
        with engine.begin() as connection:
            connection.execute(text(gone))


def opened(url: str, *, kind: str = "sql", **declared: Any) -> OpenIntegration:
    section = IntegrationSection.model_validate({"kind": kind, "test": {"url": url, **declared}})
    return open_integration("erp", section, http=Http(origins=[]), base_dir=Path())


def test_exact_decimals_and_nothing_come_as_they_are(any_server: tuple[str, str, Engine]) -> None:
    _, url, engine = any_server
    rows = "INSERT INTO {table} VALUES (1, 12345678901234567.89, 0.10, NULL), (2, 7.00, 1234.56, 'x')"
    with table(engine, "id int, amount numeric(20,2), rate numeric(10,2), note varchar(9)", rows) as name:
        integration = opened(url, read=f"SELECT * FROM {name} ORDER BY id")
        assert integration.read(9) == (
            {"id": 1, "amount": "12345678901234567.89", "rate": 0.1, "note": None},
            {"id": 2, "amount": 7, "rate": 1234.56, "note": "x"},
        )
        assert "(20,2)" in opened(url, read=name).schema()["amount"]
        assert opened(url, read=name).schema()["note"] == "varchar(9)|null"


def test_a_query_tells_the_types_of_its_columns_also_without_rows(any_server: tuple[str, str, Engine]) -> None:
    kind, url, engine = any_server
    with table(engine, "amount numeric(20,2), at timestamp, day date") as name:
        integration = opened(url, read=f"SELECT amount, at, day FROM {name}")
        assert integration.read(5) == ()
        told = {"postgresql": "numeric(20,2)", "mariadb": "decimal with 2 places"}[kind]
        assert integration.schema() == {"amount": told, "at": "timestamp", "day": "date"}


@pytest.mark.slow
def test_a_hundred_million_rows_are_refused_soon_and_never_held(any_server: tuple[str, str, Engine]) -> None:
    kind, url, engine = any_server
    series = {
        "postgresql": "SELECT generate_series(1, 100000000) AS id",
        "mariadb": "SELECT seq AS id FROM seq_1_to_100000000",
    }[kind]
    name = f"seatrial_{secrets.token_hex(6)}"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE VIEW {name} AS {series}"))
    try:
        started = time.process_time()
        with pytest.raises(Malformed, match=f"more than {MOST_READ:,} rows") as caught:
            opened(url, read=f"SELECT id FROM {name} WHERE id > 0").read(3)
        assert "LIMIT" in caught.value.remedy
        assert list(opened(url, read=f"SELECT id FROM {name}").schema()) == ["id"]
        assert time.process_time() - started < 20, "all rows cost minutes of this process's own time"
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP VIEW {name}"))


@pytest.mark.parametrize("query", [True, False])
def test_no_more_rows_than_asked_for_leave_the_server(any_server: tuple[str, str, Engine], query: bool) -> None:
    kind, url, _ = any_server
    many = "generate_series(1, 2000)" if kind == "postgresql" else "seq_1_to_2000"
    with Database(url, base_dir=Path(), redact=Redactor(), writable=False, timeout_s=20) as database:
        rows, count = database.execute(f"SELECT * FROM {many}", most=10, query=query)
        assert rows is not None
        assert (len(rows), count) == (10, 11)


def test_a_reader_that_stops_early_leaves_no_query_behind(mariadb: tuple[str, Engine]) -> None:
    own = f"own_{secrets.token_hex(6)}"
    with Database(mariadb[0], base_dir=Path(), redact=Redactor(), writable=False, timeout_s=20) as database:
        _, chunks = database.stream(f"SELECT REPEAT('x', 4000) AS {own} FROM seq_1_to_100000000", rows=10)
        assert len(next(chunks)) == 10
        chunks.close()
        asked = "SELECT info FROM information_schema.processlist WHERE command = 'Query'"
        running, _ = database.execute(asked, most=99)
        assert not [row for row in running or () if own in str(row["info"])]


def test_errors_say_which_of_the_many_reasons_it_was(any_server: tuple[str, str, Engine]) -> None:
    kind, url, engine = any_server
    with table(engine, "id int") as name, account(kind, engine) as role:
        theirs = url.replace("root@", "").replace("://", f"://{role}:{SECRET}@")
        if kind == "mariadb":
            theirs = theirs.replace("/test", "/")
        with pytest.raises(Refused, match="does not allow") as denied:
            opened(theirs, read=name if kind == "postgresql" else f"test.{name}").read(1)
        assert SECRET not in str(denied.value)
    with pytest.raises(Malformed, match="no such thing"):
        opened(url, read="seatrial_nowhere").read(1)
    with pytest.raises(SeatrialError):
        opened(url, read="seatrial_nowhere").schema()
    with pytest.raises(Malformed):
        opened(url, read="SELEKT 1").read(1)
    with pytest.raises(SeatrialError, match="seatrial_nowhere"):
        opened(url.replace("/test", "/seatrial_nowhere"), read="SELECT 1").read(1)


def test_a_wrong_password_is_told_without_the_password(mariadb: tuple[str, Engine]) -> None:
    url, engine = mariadb
    with account("mariadb", engine, "the right one") as role:
        integration = opened(url.replace("//root@", f"//{role}:{SECRET}@"), read="SELECT 1")
        for use in (integration.version, integration.health, lambda: integration.read(1)):
            with pytest.raises(Unreachable, match="does not let this user in") as caught:
                use()
            assert SECRET not in str(caught.value)


def test_a_statement_that_takes_too_long_is_ended_by_the_server(any_server: tuple[str, str, Engine]) -> None:
    kind, url, _ = any_server
    waits = {
        "postgresql": "SELECT pg_sleep(20)",
        "mariadb": "SELECT count(*) FROM seq_1_to_1000000 a JOIN seq_1_to_1000000 b ON a.seq * b.seq = 7",
    }[kind]
    with Database(url, base_dir=Path(), redact=Redactor(), writable=False, timeout_s=0.5) as database:
        started = time.monotonic()
        with pytest.raises(Unreachable, match="in the time allowed"):
            database.execute(waits, most=1)
        assert time.monotonic() - started < 5


def test_a_server_that_goes_away_is_unreachable(any_server: tuple[str, str, Engine]) -> None:
    kind, url, _ = any_server
    ends = {"postgresql": "SELECT pg_terminate_backend(pg_backend_pid())", "mariadb": "KILL CONNECTION_ID()"}[kind]
    with (
        Database(url, base_dir=Path(), redact=Redactor(), writable=True, timeout_s=5) as database,
        pytest.raises(Unreachable),
    ):
        database.execute(ends, most=1)


def test_nothing_is_written_where_only_reading_is_declared(any_server: tuple[str, str, Engine]) -> None:
    kind, url, engine = any_server
    with table(engine, "id int", "INSERT INTO {table} VALUES (1)") as name:
        hidden = {"postgresql": f"WITH x AS (DELETE FROM {name} RETURNING id) SELECT id FROM x", "mariadb": ""}[kind]
        integration = opened(url, read=hidden or f"DELETE FROM {name} RETURNING id", observe=f"DELETE FROM {name}")
        for use in (lambda: integration.read(1), lambda: integration.observe("id", ["1"])):
            with pytest.raises(SeatrialError):
                use()
        assert len(opened(url, read=name).read(9)) == 1


def test_the_version_names_the_server_that_answers(any_server: tuple[str, str, Engine]) -> None:
    kind, url, _ = any_server
    as_mysql = url.replace("mariadb+pymysql://", "mysql://")
    assert re.fullmatch(rf"{kind} \d+\.[\d.]+", opened(as_mysql).version())


def test_a_kind_must_be_that_of_its_url_and_mysql_and_mariadb_are_one(mariadb: tuple[str, Engine]) -> None:
    url = mariadb[0].replace("mariadb+pymysql://", "mariadb://")
    for kind in ("mysql", "mariadb"):
        opened(url, kind=kind).health()
    with pytest.raises(Malformed, match="of kind 'postgresql'"):
        opened(url, kind="postgresql")


def test_mariadb_gives_instants_with_their_zone_and_times_of_day_as_such(mariadb: tuple[str, Engine]) -> None:
    url, engine = mariadb
    columns = (
        "at timestamp(3) NULL, wall datetime, day date, clock time, span time(6), raw varbinary(4), flag tinyint(1)"
    )
    instant = "'2026-07-01 12:00:00.250'"
    values = f"{instant}, '2026-07-01 12:00:00', '2026-07-01', '08:30:00', '-100:00:00.5', X'00ff', 1"
    put = ("SET time_zone = '+05:00'", f"INSERT INTO {{table}} VALUES ({values})")
    with table(engine, columns, *put) as name:
        integration = opened(url, read=name)
        assert integration.read(1) == (
            {
                "at": "2026-07-01T07:00:00.250000+00:00",
                "wall": "2026-07-01T12:00:00",
                "day": "2026-07-01",
                "clock": "08:30:00",
                "span": "-100:00:00.500000",
                "raw": "00ff",
                "flag": 1,
            },
        )
        assert integration.schema()["flag"] == "tinyint(1)|null"


def test_a_record_that_mariadb_gave_is_taken_back_with_its_instant(mariadb: tuple[str, Engine]) -> None:
    url, engine = mariadb
    with table(engine, "id int, at timestamp(3) NULL, note varchar(40)") as name:
        integration = opened(url, read=name, write=name, observe=name, writable=True)
        record: Row = {"id": 1, "at": "2026-07-01T12:00:00.250000+05:00", "note": "2026-07-01T12:00:00+05:00"}
        integration.write(record)
        (seen,) = integration.observe("id", ["1"])["1"]
        assert seen == {**record, "at": "2026-07-01T07:00:00.250000+00:00"}, "the same instant; a text stays the text"
        integration.write({**seen, "id": 2})
        with table(engine, "id int, wall datetime") as zoneless, pytest.raises(SeatrialError, match="datetime value"):
            opened(url, write=zoneless, writable=True).write({"id": 1, "wall": "2026-07-01T12:00:00+05:00"})


def test_writes_go_on_over_a_new_connection_where_the_server_ended_the_old_one(
    any_server: tuple[str, str, Engine],
) -> None:
    kind, url, engine = any_server
    ends = {
        "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'seatrial'",
        "mariadb": "",
    }[kind]
    with table(engine, "id int, at_connection bigint") as name:
        which = {"postgresql": "pg_backend_pid()", "mariadb": "CONNECTION_ID()"}[kind]
        integration = opened(
            url, write=f"INSERT INTO {name} VALUES (:id, {which})", observe=name, read=name, writable=True
        )
        integration.write({"id": 1})
        integration.write({"id": 2})
        first, second = (row["at_connection"] for row in integration.read(9))
        assert first == second, "one connection for both, as an application has it"
        with engine.connect() as connection:
            connection.execute(text(ends or f"KILL {first}"))
        integration.write({"id": 3})
        assert integration.read(9)[-1]["at_connection"] != first


def test_a_date_of_zeros_stays_what_it_is_and_never_becomes_nothing(mariadb: tuple[str, Engine]) -> None:
    url, engine = mariadb
    put = ("SET sql_mode = ''", "INSERT INTO {table} VALUES ('0000-00-00', '0000-00-00 00:00:00')")
    with table(engine, "day date, wall datetime", *put) as name:
        assert opened(url, read=name).read(1) == ({"day": "0000-00-00", "wall": "0000-00-00 00:00:00"},)


def test_a_text_that_does_not_fit_is_refused_even_by_a_server_that_would_cut_it(mariadb: tuple[str, Engine]) -> None:
    url, engine = mariadb
    with table(engine, "name varchar(4), old varchar(9) CHARACTER SET utf8mb3, small tinyint") as name:
        integration = opened(url, writable=True, read=name, write=name)
        for record in ({"name": "Rotterdam"}, {"old": "🚢"}, {"small": 300}):
            with pytest.raises(Malformed):
                integration.write(record)
        assert integration.read(9) == ()
        assert "utf8mb3" in integration.schema()["old"]
        integration.write({"name": "🚢"})
        assert integration.read(9) == ({"name": "🚢", "old": None, "small": None},)


def test_keys_that_the_server_takes_for_equal_are_told_apart(mariadb: tuple[str, Engine]) -> None:
    url, engine = mariadb
    with table(engine, "id varchar(9)", "INSERT INTO {table} VALUES ('K1'), ('k1 '), ('ḱ1')") as name:
        for observe in (name, f"SELECT * FROM {name} WHERE id IN :values"):
            integration = opened(url, observe=observe)
            assert integration.observe("id", ["k1", "K1"]) == {"K1": [{"id": "K1"}]}


def test_a_number_that_would_be_rounded_becomes_text() -> None:
    values = [Decimal("0.1"), Decimal("0.10000000000000000001"), Decimal("1E+3"), Decimal("-0.00"), float("nan")]
    assert plain(values) == [0.1, "0.10000000000000000001", 1000, 0, "NaN"]
    assert of_mysql(None) is None


def test_a_server_tells_who_else_is_connected_and_not_that_we_are(any_server: tuple[str, str, Engine]) -> None:
    kind, url, engine = any_server
    with account(kind, engine) as role:
        where = engine.url
        if kind == "mariadb":
            with engine.begin() as connection:
                connection.execute(text(f"GRANT SELECT ON {where.database}.* TO {role}@'%'"))
        own = opened(url)
        assert isinstance(own, ClientList)
        before = own.clients()
        assert before is not None
        assert not any(name.startswith(role) for name in before)
        other = create_engine(where.set(username=role, password=SECRET), poolclass=NullPool)
        with other.connect() as connection:
            connection.execute(text("SELECT 1"))
            seen = own.clients()
        assert seen is not None
        assert sum(name.partition("/")[0] == role for name in seen) == 1
        assert not any(name.partition("/")[2] == "seatrial" for name in seen)
        own.close()
        other.dispose()


def test_a_database_in_a_file_tells_nobody(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    sqlite3.connect(file).close()
    own = opened(f"sqlite:///{file}")
    assert isinstance(own, ClientList)
    assert own.clients() is None
