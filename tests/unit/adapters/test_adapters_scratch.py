"""Copies whose schema is altered: on every kind of server, in folders, and never the source itself. Servers' clocks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from plants.databases import server, table
from plants.server import Said, Server
from seatrial.adapters.databases import Database
from seatrial.adapters.http import Http
from seatrial.adapters.integrations.catalogue import open_integration
from seatrial.adapters.integrations.scratch import FilesScratch, SqlScratch, open_scratch
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import Malformed, Refused
from seatrial.core.ports import Clocked
from seatrial.core.schema_change import ChangeKind, SchemaChange
from seatrial.spec.file_format import FileFormat
from seatrial.spec.integration import IntegrationSection
from seatrial.spec.system import System

COLUMNS = "id INTEGER NOT NULL, temp DECIMAL(6,2), station VARCHAR(8)"
ROWS = ("INSERT INTO {table} VALUES (1, 12.50, 'EWR')", "INSERT INTO {table} VALUES (2, NULL, 'JFK')")
NAMES = ["id", "temp", "station"]


def change(kind: str, field: str = "temp", **more: Any) -> SchemaChange:
    return SchemaChange(kind=ChangeKind(kind), field=field, **more)


PUT = [
    *(change(kind) for kind in ("none", "dropped", "reordered")),
    *(change(kind, name="new") for kind in ("added", "renamed", "retyped")),
    change("retyped", "station", name="new"),
]


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, Engine]]:
    url, engine = server(request.param)
    yield url, engine
    engine.dispose()


def database(url: str) -> Database:
    return Database(url, base_dir=Path(), redact=Redactor(()), writable=True, timeout_s=10.0)


def altered_everywhere(opened: Database, source: str) -> None:
    scratch = SqlScratch(opened, source, f"{source}_copy")
    before = opened.execute(f"SELECT * FROM {source} ORDER BY id", most=9)[0]
    types = opened.columns(source)

    def made(wanted: SchemaChange) -> tuple[list[str], list[Any]]:
        scratch.make(wanted)
        assert scratch.left_over()
        rows = opened.execute(f"SELECT * FROM {source}_copy", most=9)[0] or ()
        first = next(r for r in rows if (r.get("id") or r.get("new")) in (1, "1"))
        return list(opened.columns(f"{source}_copy")), list(first.values())

    assert made(change("none"))[0] == NAMES
    assert made(change("added", name="new")) == ([*NAMES, "new"], [1, 12.5, "EWR", "A1"])
    assert made(change("dropped")) == (["id", "station"], [1, "EWR"])
    assert made(change("renamed", name="t2m"))[0] == ["id", "t2m", "station"]
    assert made(change("reordered")) == (NAMES[::-1], ["EWR", 12.5, 1])
    assert made(change("none", held={"temp": 99})) == (NAMES, [1, 99, "EWR"])
    names, values = made(change("retyped", name="other"))
    assert sorted(names) == sorted(NAMES)
    assert str(dict(zip(names, values, strict=True))["temp"]).startswith("12.5")
    assert "char" in opened.columns(f"{source}_copy")["temp"]
    names, values = made(change("retyped", "station", name="other"))
    assert dict(zip(names, values, strict=True))["station"] == 3
    for wanted in PUT:
        scratch.make(wanted)
        scratch.put({"id": 7, "temp": 3.5, "station": "LGA"})
        assert len(opened.execute(f"SELECT * FROM {source}_copy", most=9)[0] or ()) == 3, wanted
    with pytest.raises(Refused, match="cannot be put"):
        scratch.put({"id": 8, "nobody": 1})
    scratch.drop()
    assert not scratch.left_over()
    assert not opened.exists(f"{source}_copy")
    assert opened.execute(f"SELECT * FROM {source} ORDER BY id", most=9)[0] == before
    assert opened.columns(source) == types


def test_every_change_is_made_in_a_copy_on_a_real_server(served: tuple[str, Engine]) -> None:
    url, engine = served
    with table(engine, COLUMNS, *ROWS) as name:
        altered_everywhere(database(url), name)


def test_every_change_is_made_in_a_copy_in_sqlite(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "erp.db") as db:
        db.execute(f"CREATE TABLE readings ({COLUMNS})")
        for row in ROWS:
            db.execute(row.format(table="readings"))
    db.close()
    altered_everywhere(database(f"sqlite:///{tmp_path / 'erp.db'}"), "readings")


def test_files_are_changed_in_a_folder_of_their_own(tmp_path: Path) -> None:
    source, copy = tmp_path / "in", tmp_path / "copy"
    source.mkdir()
    (source / "a.csv").write_text("id;temp\n1;12.5\n")
    (source / "b.jsonl").write_text('{"id":1,"temp":2}\n{"id":2}\n')
    scratch = FilesScratch(source, copy, FileFormat())
    scratch.make(change("renamed", name="t2m"))
    assert (copy / "a.csv").read_text() == "id;t2m\n1;12.5\n"
    assert (copy / "b.jsonl").read_text() == '{"id":1,"t2m":2}\n{"id":2}\n'
    scratch.make(change("dropped"))
    assert (copy / "a.csv").read_text() == "id\n1\n"
    with pytest.raises(Malformed, match="no file"):
        scratch.make(change("dropped", "nothing"))
    scratch.drop()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]
    copy.mkdir()
    with pytest.raises(Refused, match="none of ours"):
        scratch.make(change("dropped"))
    scratch.drop()
    assert copy.is_dir()


CSV = {"kind": "csv", "names": "ART*.dat", "encoding": "latin-1", "delimiter": "|", "decimal": ",", "numbers": ["temp"]}
FIXED = {"kind": "fixed-width", "encoding": "cp1252", "columns": {"id": 3, "temp": 6, "ort": 8}}


@pytest.mark.parametrize(
    ("form", "name", "before", "wanted", "after"),
    [
        (
            CSV,
            "ART1.dat",
            "id|ort|temp\n1|Köln; Süd|12,5\n",
            change("renamed", name="t2m"),
            "id|ort|t2m\n1|Köln; Süd|12,5\n",
        ),
        (CSV, "ART1.dat", "id|ort|temp\n1|Köln|12,5\n", change("retyped"), "id|ort|temp\n1|Köln|A12,5\n"),
        (CSV, "ART1.dat", "id|temp\n1|12,5\n", change("none", held={"temp": 3.5}), "id|temp\n1|3,5\n"),
        (FIXED, "a.txt", "1  12.5  Köln    \r\n", change("dropped"), "1  Köln    \r\n"),
        (FIXED, "a.txt", "1  12.5  Köln    \n", change("reordered"), "Köln    12.5  1  \n"),
        (FIXED, "a.txt", "1  12.5  Köln    \n", change("added", name="new"), "1  12.5  Köln    A1    \n"),
    ],
)
def test_files_are_changed_in_the_form_that_is_declared(
    tmp_path: Path, form: dict[str, Any], name: str, before: str, wanted: SchemaChange, after: str
) -> None:
    declared = FileFormat.model_validate(form)
    source, copy = tmp_path / "in", tmp_path / "copy"
    source.mkdir()
    (source / name).write_text(before, declared.encoding, newline="")
    (source / "notes.csv").write_text("temp\n1\n")
    FilesScratch(source, copy, declared).make(wanted)
    assert (copy / name).read_bytes().decode(declared.encoding) == after
    assert not (copy / "notes.csv").exists()


def test_bytes_that_the_declared_encoding_does_not_have_are_told(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.csv").write_bytes("id,temp\nKöln,1\n".encode("latin-1"))
    with pytest.raises(Malformed, match="not in utf-8"):
        FilesScratch(source, tmp_path / "copy", FileFormat()).make(change("dropped"))


STEP = {"name": "s", "kind": "command", "with": {"run": ["true"]}, "deadline": "1s"}


@pytest.mark.parametrize(
    ("kind", "test", "copy", "error"),
    [
        ("sqlite", {"url": "sqlite:///x.db", "read": "a"}, "b", Refused),
        ("sqlite", {"url": "sqlite:///x.db", "read": "a", "writable": True}, "A", Malformed),
        ("sqlite", {"url": "sqlite:///x.db", "read": "SELECT 1", "writable": True}, "b", Malformed),
        ("sqlite", {"url": "sqlite:///x.db", "read": "a", "writable": True}, "b; DROP TABLE a", Malformed),
        ("files", {"url": "folder", "writable": True}, "../elsewhere", Malformed),
        ("files", {"url": "folder", "read": "in", "writable": True}, ".", Malformed),
        ("http", {"url": "http://127.0.0.1:1", "writable": True}, "b", Malformed),
    ],
)
def test_a_copy_that_could_touch_something_else_is_refused(
    tmp_path: Path, kind: str, test: dict[str, Any], copy: str, error: type[Exception]
) -> None:
    system = System.model_validate(
        {
            "system": "s",
            "version": "1",
            "model": {"endpoint": "http://127.0.0.1:1", "task": "binary"},
            "integrations": {"erp": {"kind": kind, "test": test}},
            "data": {"schema_change": {"sources": {"erp": {"scratch": {"copy": copy, "point": STEP, "back": STEP}}}}},
        }
    )
    with pytest.raises(error):
        open_scratch(system, "erp", base_dir=tmp_path, redact=Redactor(()))


def test_a_server_tells_its_own_time(served: tuple[str, Engine]) -> None:
    url, _ = served
    declared = IntegrationSection.model_validate({"kind": "sql", "test": {"url": url, "read": "SELECT 1"}})
    erp = open_integration("erp", declared, http=Http(origins=()))
    assert isinstance(erp, Clocked)
    told = erp.server_time()
    assert told is not None
    assert abs((told - datetime.now(UTC)).total_seconds()) < 5.0


def test_an_http_server_tells_its_time_in_its_answers() -> None:
    dates = {"Date": "Mon, 23 Nov 2026 08:00:00 GMT"}
    answers = [Said(body=b"{}", headers=dates), Said(body=b"{}"), Said(body=b"{}", headers={"Date": "soon"})]
    with Server(lambda _: answers.pop(0)) as feed:
        declared = IntegrationSection.model_validate({"kind": "http", "test": {"url": feed.url, "read": "/"}})
        weather = open_integration("weather", declared, http=Http(origins={feed.url}))
        assert isinstance(weather, Clocked)
        assert weather.server_time() == datetime(2026, 11, 23, 8, 0, 0, 500_000, UTC)
        assert weather.server_time() is None
        assert weather.server_time() is None
        weather.close()
