from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plants.integration_server import FAULTS, RECORDS, Records
from plants.server import Asked, Said, Server, said
from seatrial.adapters.database_values import plain
from seatrial.adapters.databases import Database
from seatrial.adapters.http import Http
from seatrial.adapters.integrations.catalogue import OpenIntegration, open_integration
from seatrial.adapters.redaction import Redactor
from seatrial.adapters.wire import target_of
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.core.ports import Row
from seatrial.spec.integration import IntegrationSection

PATHS = {"read": "/newest", "write": "/take", "observe": "/arrived", "version": "version", "health": "/health"}


def section(kind: str, *, end: str = "test", **declared: Any) -> IntegrationSection:
    return IntegrationSection.model_validate({"kind": kind, end: declared})


def planner(server: Server, **more: Any) -> OpenIntegration:
    http = Http(origins=[target_of(server.url).origin])
    return open_integration("planner", section("http", url=server.url, writable=True, **PATHS, **more), http=http)


def nothing() -> Http:
    return Http(origins=[])


def test_records_are_read_written_and_observed_over_http() -> None:
    with Server(Records()) as server:
        integration = planner(server)
        assert integration.version() == "planner 4.2"
        integration.health()
        assert [row["id"] for row in integration.read(2)] == ["r3", "r4"]
        assert integration.read(0) == ()
        for key in ("k1", "k2", "k 3&x=1"):
            integration.write({"id": key, "late": True})
        found = integration.observe("id", ["k1", "k 3&x=1", "absent"])
        assert {key: len(rows) for key, rows in found.items()} == {"k1": 1, "k 3&x=1": 1}
        integration.close()


@pytest.mark.parametrize(
    ("content", "fails"),
    [
        ({"error": "maintenance until 04:00"}, True),
        ({"errors": [{"code": 17}]}, True),
        ({"status": "failed", "version": "4.2"}, True),
        ({"success": False}, True),
        ({"version": "4.2", "status": "ok", "errors": []}, False),
        ({"version": "4.2", "error": 0.12}, False),
        ({"version": "4.2", "error": None, "success": True}, False),
    ],
)
def test_a_failure_that_comes_with_a_status_of_success_is_no_version_and_no_health(
    content: dict[str, Any], fails: bool
) -> None:
    with Server(lambda _: said(content)) as server:
        integration = planner(server)
        if fails:
            with pytest.raises(Malformed, match="failure instead of a version"):
                integration.version()
            with pytest.raises(Unreachable, match="not well"):
                integration.health()
        else:
            assert integration.version() == "4.2"
            integration.health()
        integration.close()


def test_lost_and_doubled_records_are_seen_as_they_are() -> None:
    with Server(Records(lose=3, twice=4)) as server:
        integration = planner(server)
        keys = [f"k{at}" for at in range(1, 7)]
        for key in keys:
            integration.write({"id": key})
        found = integration.observe("id", keys)
        assert {key: len(found.get(key, ())) for key in keys} == {"k1": 1, "k2": 1, "k3": 0, "k4": 2, "k5": 1, "k6": 0}
        integration.close()


def test_many_keys_are_observed_in_several_requests_and_counted_once() -> None:
    records = Records()

    def everything(asked: Asked) -> Said:
        return said(records.records) if asked.path == "/arrived" else records(asked)

    with Server(everything) as server:
        integration = planner(server)
        keys = [f"k{at}" for at in range(120)]
        records.records += [{"id": key} for key in keys]
        found = integration.observe("id", keys)
        assert {len(rows) for rows in found.values()} == {1}
        assert len(found) == 120
        integration.close()


def paged(told: Callable[[Asked, int], Said], *, of: int = 20) -> Callable[[Asked], Said]:
    """Answers what it is asked for in pages; `told` makes the answer of what is left of them."""

    def answer(asked: Asked) -> Said:
        start = int(asked.query.get("start", ["0"])[0])
        found = [{"id": value} for value in asked.query["value"]][start:]
        more = told(asked, start + of) if len(found) > of else said({})
        content = {"records": found[:of], **json.loads(more.body)}
        return said(content, headers=more.headers)

    return answer


def linked(asked: Asked, start: int) -> Said:
    values = "&".join(f"value={value}" for value in asked.query["value"])
    return said({}, headers={"Link": f'</arrived?start=0>; rel="first", </arrived?start={start}&{values}>; rel="next"'})


def test_every_page_of_what_arrived_is_looked_at() -> None:
    with Server(paged(linked)) as server:
        integration = planner(server)
        keys = [f"k{at}" for at in range(70)]
        assert {key: len(rows) for key, rows in integration.observe("id", keys).items()} == dict.fromkeys(keys, 1)
        integration.close()


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (lambda asked, start: said({"has_more": True}), "more by its 'has_more'"),
        (lambda asked, start: said({"next": f"/arrived?start={start}"}), "more by its 'next'"),
        (lambda asked, start: said({}, headers={"Link": "</arrived?value=k0&value=k1&value=k2>; rel=next"}), ""),
    ],
    ids=["a flag", "an address in the body", "the last page"],
)
def test_a_page_that_cannot_be_followed_is_no_lost_record(told: Callable[[Asked, int], Said], why: str) -> None:
    with Server(paged(told)) as server:
        integration = planner(server)
        if why:
            with pytest.raises(Malformed, match=why) as raised:
                integration.observe("id", [f"k{at}" for at in range(30)])
            assert "Link" in raised.value.remedy
        few = {key: len(rows) for key, rows in integration.observe("id", ["k1", "k2"]).items()}
        assert few == {"k1": 1, "k2": 1}
        integration.close()


def test_pages_in_a_circle_are_no_records() -> None:
    def circle(asked: Asked) -> Said:
        at = "b" if asked.path == "/arrived" else "arrived"
        return said([{"id": "k1"}], headers={"Link": f'</{at}>; rel="next"'})

    with Server(circle) as server:
        integration = planner(server)
        with pytest.raises(Malformed, match="in a circle"):
            integration.observe("id", ["k1"])
        integration.close()


def test_the_prepared_request_is_the_one_that_write_sends() -> None:
    with Server(Records()) as server:
        integration = planner(server, headers={"X-Tenant": "docks"})
        request = integration.request({"id": "k1"})
        integration.write({"id": "k1"})
        integration.close()
        assert request is not None
        assert request.body == server.asked[0].body
        assert server.asked[0].headers["x-tenant"] == "docks"


@pytest.mark.parametrize("fault", FAULTS)
def test_an_http_server_that_does_not_work_is_an_error_that_names_the_integration(fault: str) -> None:
    with Server(FAULTS[fault]) as server:
        integration = planner(server)
        for use in (lambda: integration.read(3), lambda: integration.observe("id", ["a"])):
            with pytest.raises(SeatrialError) as caught:
                use()
            assert "planner" in str(caught.value) or target_of(server.url).origin in str(caught.value)
        integration.close()


def test_records_without_their_key_cannot_be_observed() -> None:
    with Server(lambda _: said([{"name": "x"}])) as server:
        integration = planner(server)
        with pytest.raises(Malformed, match="without the key 'id'"):
            integration.observe("id", ["x"])
        integration.close()


def test_a_version_that_is_not_told_is_malformed() -> None:
    with Server(lambda _: said({"version": None})) as server:
        integration = planner(server)
        with pytest.raises(Malformed):
            integration.version()
        integration.close()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "erp.db") as connection:
        connection.execute("CREATE TABLE feed (id TEXT, temp REAL, at TEXT)")
        connection.executemany("INSERT INTO feed VALUES (?, ?, '2026-11-01')", [(r["id"], r["temp"]) for r in RECORDS])
    connection.close()
    return tmp_path


def erp(base_dir: Path, **more: Any) -> OpenIntegration:
    declared = {
        "url": "sqlite:///erp.db",
        "read": "SELECT id, temp FROM feed ORDER BY id",
        "write": "INSERT INTO feed (id, temp) VALUES (:id, :temp)",
        "observe": "SELECT id, temp FROM feed WHERE id IN :values",
        **more,
    }
    return open_integration("erp", section("sqlite", **declared), http=nothing(), base_dir=base_dir)


@pytest.mark.parametrize("names", [{}, {"read": "feed", "write": "feed", "observe": "feed"}])
def test_records_are_read_written_and_observed_in_a_database(database: Path, names: dict[str, str]) -> None:
    integration = erp(database, writable=True, **names)
    integration.health()
    assert integration.version().startswith("sqlite 3.")
    assert [row["id"] for row in integration.read(2)] == ["r3", "r4"]
    integration.write({"id": "k'1", "temp": 3.5})
    found = integration.observe("id", ["k'1", "r0", "absent"])
    assert {key: [row["temp"] for row in rows] for key, rows in found.items()} == {"k'1": [3.5], "r0": [10.0]}
    assert integration.observe("id", []) == {}
    integration.close()


ONCE = (
    "INSERT INTO feed (id, temp) SELECT :id, :temp WHERE :temp < 50 AND NOT EXISTS (SELECT 1 FROM feed WHERE id = :id)"
)


@pytest.mark.parametrize("returning", ["", " RETURNING id"])
def test_a_statement_that_changes_no_row_took_no_record(database: Path, returning: str) -> None:
    integration = erp(database, writable=True, write=f"{ONCE}{returning}")
    integration.write({"id": "k1", "temp": 3.5})
    refused: list[Row] = [{"id": "k1", "temp": 3.5}, {"id": "k2", "temp": 90.0}]
    for record in refused:
        with pytest.raises(Refused, match="changed no row"):
            integration.write(record)
    assert list(integration.observe("id", ["k1", "k2"])) == ["k1"]
    integration.close()


def test_a_statement_that_calls_something_is_not_counted_by_rows(database: Path) -> None:
    integration = erp(database, writable=True, write="SELECT abs(:temp) AS told WHERE :id = 'never'")
    integration.write({"id": "k1", "temp": 3.5})
    integration.close()


def test_a_database_that_is_not_writable_refuses_even_what_hides_in_a_query(database: Path) -> None:
    integration = erp(database, read="DELETE FROM feed RETURNING id")
    with pytest.raises(Refused):
        integration.write({"id": "k1", "temp": 1})
    with pytest.raises(SeatrialError):
        integration.read(1)
    integration.close()
    assert len(erp(database).read(100)) == len(RECORDS)


def test_a_query_without_end_is_stopped(database: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with (
        Database("sqlite:///erp.db", base_dir=database, redact=Redactor(), writable=False, timeout_s=0.2) as opened,
        pytest.raises(Unreachable),
    ):
        opened.execute(endless, most=1)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"url": "sqlite:///missing.db"}, Unreachable),
        ({"url": "sqlite://"}, Malformed),
        ({"url": "nosuch://hidden:harbour@host/x"}, Malformed),
        ({"url": "postgresql://olga:harbour@127.0.0.1:1/x"}, Malformed),
        ({"read": "SELECT nothing FROM nowhere"}, SeatrialError),
        ({"read": "SELECT 1 AS a, 2 AS a"}, Malformed),
        ({"read": ""}, Malformed),
    ],
)
def test_a_database_that_cannot_be_used_says_why(database: Path, more: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        erp(database, **more).read(1)
    assert "harbour" not in str(caught.value)


def test_a_postgresql_that_is_not_there_is_unreachable_and_its_password_is_not_told() -> None:
    declared = section("postgresql", url="postgresql://olga:harbour@127.0.0.1:1/x", read="SELECT 1")
    integration = open_integration("erp", declared, http=nothing())
    with pytest.raises(Unreachable) as caught:
        integration.read(1)
    assert "harbour" not in str(caught.value)
    integration.close()


def test_database_values_become_plain_json() -> None:
    from datetime import UTC, datetime, timedelta
    from decimal import Decimal

    values = [
        Decimal("12.50"),
        Decimal(7),
        Decimal("NaN"),
        datetime(2026, 1, 2, tzinfo=UTC),
        b"\x01",
        timedelta(hours=1),
    ]
    assert plain(values) == [12.5, 7, "NaN", "2026-01-02T00:00:00+00:00", "01", 3600.0]


def folder(base_dir: Path, **more: Any) -> OpenIntegration:
    return open_integration("drop", section("files", url="drop", **more), http=nothing(), base_dir=base_dir)


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    (tmp_path / "drop" / "in").mkdir(parents=True)
    older, newer = tmp_path / "drop" / "b.jsonl", tmp_path / "drop" / "a.csv"
    older.write_text("".join(json.dumps({"id": f"r{at}", "temp": at}) + "\n" for at in range(3)))
    newer.write_text("id,temp\nr3,3\nr4,4\n")
    (tmp_path / "drop" / "VERSION").write_text("3.1\n")
    (tmp_path / "drop" / ".c.jsonl.part").write_text("{half")
    os.utime(older, (1000, 1000))
    os.utime(newer, (2000, 2000))
    return tmp_path


def test_records_are_read_written_and_observed_in_a_folder(drop: Path) -> None:
    integration = folder(drop, writable=True, write="in", observe="in", version="VERSION")
    integration.health()
    assert integration.version() == "3.1"
    assert [row["id"] for row in integration.read(3)] == ["r2", "r3", "r4"]
    assert len(integration.read(100)) == 5
    integration.write({"id": "k1"})
    assert integration.observe("id", ["k1", "r0"]) == {"k1": [{"id": "k1"}]}
    integration.close()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.jsonl", b"{half\n"),
        ("x.jsonl", b"[1]\n"),
        ("x.csv", b"a,b\n1\n"),
        ("x.csv", b"a,a\n1,2\n"),
        ("x.csv", b"\xff\n"),
    ],
)
def test_a_broken_file_is_malformed_and_named(drop: Path, name: str, content: bytes) -> None:
    (drop / "drop" / name).write_bytes(content)
    with pytest.raises(Malformed, match=name):
        folder(drop).read(10)


def test_a_folder_is_not_left(drop: Path) -> None:
    for more in ({"read": "../"}, {"read": "/etc"}):
        with pytest.raises(Malformed):
            folder(drop, **more).read(1)
    with pytest.raises(Malformed):
        folder(drop, version="../../etc/hostname").version()


def test_a_folder_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    integration = folder(tmp_path, writable=True)
    uses: tuple[Callable[[], object], ...] = (
        lambda: integration.read(1),
        lambda: integration.write({"id": 1}),
        lambda: integration.observe("id", ["a"]),
        integration.health,
    )
    for use in uses:
        with pytest.raises(Unreachable):
            use()


def test_an_end_that_is_not_declared_is_malformed() -> None:
    with pytest.raises(Malformed, match="declares no production end"):
        open_integration("planner", section("http", url="http://a/"), http=nothing(), end="production")


def test_a_kind_without_an_adapter_says_so() -> None:
    unknown = section("http", url="http://a/").model_copy(update={"kind": "pigeon"})
    with pytest.raises(SeatrialError, match="'pigeon', which is not available yet"):
        open_integration("sensors", unknown, http=nothing())


def test_a_production_end_is_never_written_to(database: Path) -> None:
    declared = section("sqlite", end="production", url="sqlite:///erp.db", writable=True, write="feed", read="feed")
    integration = open_integration("erp", declared, http=nothing(), base_dir=database, end="production")
    with pytest.raises(Refused):
        integration.write({"id": "k"})
    assert len(integration.read(10)) == len(RECORDS)
    integration.close()
