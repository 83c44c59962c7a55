"""Rows of a query on a real PostgreSQL server, started for these tests where one is installed."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seatrial.adapters.tables.catalogue import open_table
from seatrial.core.errors import SeatrialError
from seatrial.core.ports import Table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("initdb") or not shutil.which("pg_ctl"), reason="no PostgreSQL server here"),
]
SECRET = "pw123secret"
SETUP = """
CREATE TABLE live (id bigint, price numeric(12,2), loose numeric, ok boolean, at timestamptz, local timestamp, day date,
                   name varchar(9), doc jsonb, single real);
INSERT INTO live SELECT i, i * 0.01, i * 0.1, i % 2 = 0, timestamptz '2026-01-01 00:00+02' + i * interval '1 minute',
  timestamp '2026-01-01' + i * interval '1 minute', date '2026-01-01', 'n' || i % 5, '{"a": 1}', i
  FROM generate_series(1, 50000) i;
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("postgresql")
    who: dict[str, Any] = {"cwd": folder}
    if os.getuid() == 0:
        # The server refuses to run as root.
        for parent in (folder, *itertools.takewhile(lambda p: p != Path(tempfile.gettempdir()), folder.parents)):
            parent.chmod(0o755)
        os.chown(folder, 65_534, 65_534)
        who |= {"user": 65_534, "group": 65_534, "extra_groups": []}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*command: str) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who)

    run("initdb", "-D", "data", "-U", "sea", "-A", "trust", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run("pg_ctl", "-D", "data", "-o", options, "-l", "log", "-w", "start")
    try:
        import psycopg

        with psycopg.connect(f"host=127.0.0.1 port={port} user=sea dbname=postgres") as connection:
            connection.execute(SETUP)
        yield f"postgresql://sea:{SECRET}@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", "data", "-m", "immediate", "-t", "300", "stop")


Ask = Callable[[str], Table]


@pytest.fixture
def ask(url: str) -> Ask:
    return lambda query: open_table(url, query, base_dir=Path())


def test_types_are_the_servers(ask: Ask) -> None:
    table = ask("SELECT *, id::text AS word FROM live ORDER BY id;")
    batches = list(table.batches())
    assert {str(f.name): str(f.type) for f in batches[0].schema} == {
        "id": "int64",
        "price": "decimal128(12, 2)",
        "loose": "double",
        "ok": "bool",
        "at": "timestamp[us, tz=UTC]",
        "local": "timestamp[us]",
        "day": "date32[day]",
        "name": "string",
        "doc": "string",
        "single": "float",
        "word": "string",
    }
    assert sum(b.num_rows for b in batches) == 50_000
    assert max(b.num_rows for b in batches) <= 8192
    first = batches[0].to_pylist()[0]
    assert (str(first["price"]), first["loose"], first["doc"]) == ("0.01", 0.1, '{"a": 1}')
    assert first["at"].isoformat() == "2025-12-31T22:01:00+00:00"


def test_the_order_of_rows_is_no_part_of_the_digest(ask: Ask) -> None:
    up = ask("SELECT id, price FROM live WHERE id <= 2000").digest()
    assert up == ask("SELECT id, price FROM live WHERE id <= 2000;").digest()
    assert up != ask("SELECT id, price FROM live WHERE id <= 2001").digest()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("DELETE FROM live", "refused"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT 1/(id-5) AS x FROM live", "division by zero"),
        ("SELECT id FROM live WHERE id < 0", "no rows"),
        ("SELECT id, id FROM live", "more than once"),
    ],
)
def test_what_goes_wrong_is_said_without_credentials(ask: Ask, query: str, said: str) -> None:
    with pytest.raises(SeatrialError, match=said) as raised:
        list(ask(query).batches())
    assert SECRET not in str(raised.value)


def test_a_reader_that_stops_early_leaves_nothing_open(ask: Ask) -> None:
    batches = ask("SELECT id FROM live").batches()
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert (
        next(ask("SELECT count(*) AS n FROM pg_stat_activity WHERE state LIKE 'idle in%'").batches())[0][0].as_py() == 0
    )
