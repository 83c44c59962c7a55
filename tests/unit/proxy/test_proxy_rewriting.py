"""Answers that go through a line with another schema: whole, well framed, and as they were once the change ends."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import json
import socket
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plants.listening import listening
from plants.server import Asked, Said, Server, said
from seatrial.adapters.other_schema import rewritten
from seatrial.adapters.proxy.address import Address, address_of
from seatrial.adapters.proxy.control import RemoteLine, controllable
from seatrial.adapters.proxy.lines import Lines
from seatrial.core.disturbing import LineMode
from seatrial.core.schema_change import ChangeKind, SchemaChange

HERE = Address(host="127.0.0.1", port=0)
ROWS = [{"at": "2026-11-23T08:00:00Z", "temp": 12.50, "wind": 3}, {"at": "2026-11-23T09:00:00Z", "temp": -1, "wind": 4}]
BODY = json.dumps(ROWS).encode()


def change(kind: str, field: str = "temp", **more: Any) -> SchemaChange:
    return SchemaChange(kind=ChangeKind(kind), field=field, **more)


def fields(content: bytes) -> list[str]:
    return list(json.loads(content)[0])


@pytest.mark.parametrize(
    ("made", "first"),
    [
        (change("dropped"), {"at": "2026-11-23T08:00:00Z", "wind": 3}),
        (change("renamed", name="t2m"), {"at": "2026-11-23T08:00:00Z", "t2m": 12.5, "wind": 3}),
        (change("retyped"), {"at": "2026-11-23T08:00:00Z", "temp": "12.5", "wind": 3}),
        (change("retyped", "at"), {"at": 1_795_420_800, "temp": 12.5, "wind": 3}),
        (change("added", name="more"), {**ROWS[0], "more": "A1"}),
        (change("reordered"), ROWS[0]),
        (change("none", held={"wind": 9}), {**ROWS[0], "wind": 9}),
    ],
)
def test_a_record_comes_with_another_schema_wherever_it_stands(made: SchemaChange, first: Mapping[str, Any]) -> None:
    lines = "\n".join(map(json.dumps, ROWS))
    for body, path in (
        (BODY.decode(), (0,)),
        (json.dumps({"meta": 1, "records": ROWS}), ("records", 0)),
        (json.dumps({"a": {"b": ROWS[0]}}), ("a", "b")),
        (lines, ()),
    ):
        new = rewritten(body.encode(), "application/json", made)
        assert new is not None
        found = json.loads(new.splitlines()[0])
        for step in path:
            found = found[step]
        assert found == first
        assert list(found) == (list(first) if made.kind is not ChangeKind.REORDERED else list(first)[::-1])


def test_every_other_digit_and_letter_stays() -> None:
    body = b'[{"temp":1,"big":12345678901234567890123,"cents":0.10,"far":1E+2,"name":"K\xc3\xb6ln\\u0000"}]'
    new = rewritten(body, "application/json", change("dropped"))
    assert new is not None
    assert new == rb'[{"big":12345678901234567890123,"cents":0.10,"far":1E+2,"name":"K\u00f6ln\u0000"}]'


def test_columns_that_come_as_lists_are_records_too() -> None:
    new = rewritten(b'{"hourly":{"time":[1,2],"temp":[3.5,4]}}', "application/json", change("retyped"))
    assert new == b'{"hourly":{"time":[1,2],"temp":["3.5","4"]}}'


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_keeps_its_separator_its_mark_and_its_line_ends(separator: str) -> None:
    text = "\ufeff" + "\r\n".join(separator.join(row) for row in (["id", "temp"], ["a", "12.5"], ["b", "3"])) + "\r\n"
    made = {
        kind: (rewritten(text.encode(), "text/csv", change(kind, name="new")) or b"").decode()
        for kind in ("dropped", "renamed", "retyped", "reordered", "added")
    }
    rows = {kind: [line.split(separator) for line in new[1:].split("\r\n")[:-1]] for kind, new in made.items()}
    assert all(new.startswith("\ufeff") for new in made.values())
    assert rows == {
        "dropped": [["id"], ["a"], ["b"]],
        "renamed": [["id", "new"], ["a", "12.5"], ["b", "3"]],
        "retyped": [["id", "temp"], ["a", "A12.5"], ["b", "A3"]],
        "reordered": [["temp", "id"], ["12.5", "a"], ["3", "b"]],
        "added": [["id", "temp", "new"], ["a", "12.5", "A1"], ["b", "3", "A1"]],
    }
    assert rewritten(b"id;temp\n", "text/csv", change("renamed", name="t")) == b"id;t\n"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"other":1}', b"{broken", b"\xff\xfe\x00", b"a,b\n1,2\n", b"[" * 100_000]
)
def test_what_holds_no_such_field_is_not_touched(body: bytes) -> None:
    assert rewritten(body, "application/json", change("dropped")) is None


@contextmanager
def line_to(url: str) -> Iterator[tuple[Lines, http.client.HTTPConnection]]:
    with Lines({"weather": (HERE, address_of(url))}) as lines:
        listen = listening(lines, "weather")
        connection = http.client.HTTPConnection(listen.host, listen.port, timeout=30.0)
        try:
            yield lines, connection
        finally:
            connection.close()


def chunked(asked: Asked) -> Said:
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    parts = b"".join(f"{len(p):x};ext=1\r\n".encode() + p + b"\r\n" for p in (BODY[:7], BODY[7:60], BODY[60:]))
    return Said(raw=head.encode() + parts + b"0\r\nX-Sum: 1\r\n\r\n")


def zipped(asked: Asked) -> Said:
    return Said(body=gzip.compress(BODY), headers={"Content-Encoding": "gzip", "ETag": '"1"'})


def deflated(asked: Asked) -> Said:
    return Said(body=zlib.compress(BODY), headers={"Content-Encoding": "deflate"})


def until_end(asked: Asked) -> Said:
    return Said(raw=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + BODY, close=True)


def plain(asked: Asked) -> Said:
    return Said(body=BODY, headers={"ETag": '"1"', "Last-Modified": "Mon, 23 Nov 2026 08:00:00 GMT"})


def interim(asked: Asked) -> Said:
    return Said(raw=b"HTTP/1.1 100 Continue\r\n\r\n" + plain(asked).encoded())


def got(connection: http.client.HTTPConnection, method: str = "GET", **headers: str) -> tuple[bytes, Mapping[str, str]]:
    connection.request(method, "/", headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    told = {name.lower(): value for name, value in answer.getheaders()}
    if told.get("content-encoding") == "gzip":
        content = gzip.decompress(content)
    if told.get("content-encoding") == "deflate":
        content = zlib.decompress(content)
    return content, told


@pytest.mark.parametrize("server", [plain, chunked, zipped, deflated, until_end, interim])
def test_an_answer_is_rewritten_in_every_framing_and_comes_as_it_was_afterwards(server: Any) -> None:
    with Server(server) as source, line_to(source.url) as (lines, connection):
        line = lines.line("weather")
        assert json.loads(got(connection)[0]) == ROWS
        line.set(LineMode.REWRITE, change=change("dropped"))
        # The connection from before was ended between two exchanges.
        connection.close()
        for _ in range(3):
            content, told = got(connection)
            assert fields(content) == ["at", "wind"]
            assert not {"etag", "last-modified", "transfer-encoding", "trailer"} & set(told)
        line.set(LineMode.PASS)
        assert json.loads(got(connection)[0]) == ROWS
        counts = line.counts()
    assert counts.rewritten == 3
    assert counts.disturbed == (3 if server is until_end else 1)


def test_a_digest_in_a_header_is_told_of_the_changed_body() -> None:
    told = {
        "X-Sum": hashlib.sha256(BODY).hexdigest(),
        "Content-Digest": f"sha-512=:{base64.b64encode(hashlib.sha512(BODY).digest()).decode()}:",
        "X-Other": "0" * 64,
    }
    with Server(lambda _: Said(body=BODY, headers=told)) as source, line_to(source.url) as (lines, connection):
        lines.line("weather").set(LineMode.REWRITE, change=change("dropped"))
        content, headers = got(connection)
    assert fields(content) == ["at", "wind"]
    assert headers["x-sum"] == hashlib.sha256(content).hexdigest()
    assert headers["content-digest"] == f"sha-512=:{base64.b64encode(hashlib.sha512(content).digest()).decode()}:"
    assert headers["x-other"] == "0" * 64


def test_a_client_that_knows_the_answer_already_gets_the_changed_one() -> None:
    def conditional(asked: Asked) -> Said:
        if "if-none-match" in asked.headers or "range" in asked.headers or "br" in asked.headers["accept-encoding"]:
            return Said(status=304)
        return plain(asked)

    with Server(conditional) as source, line_to(source.url) as (lines, connection):
        lines.line("weather").set(LineMode.REWRITE, change=change("dropped"))
        headers = {"If-None-Match": '"1"', "Range": "bytes=0-1", "Accept-Encoding": "gzip, br"}
        assert fields(got(connection, **headers)[0]) == ["at", "wind"]


def test_what_is_no_record_goes_on_untouched_beside_it() -> None:
    def several(asked: Asked) -> Said:
        if asked.method == "HEAD":
            return Said(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
        if asked.method == "DELETE":
            return Said(raw=b"HTTP/1.1 204 No Content\r\n\r\n")
        if asked.method == "PUT":
            return said({"temp": 1}, 422)
        return Said(body=asked.body, headers={"Content-Type": "application/octet-stream"})

    noise = bytes(range(256)) * 300
    with Server(several) as source, line_to(source.url) as (lines, connection):
        lines.line("weather").set(LineMode.REWRITE, change=change("dropped"))
        assert got(connection, "HEAD")[0] == b""
        assert got(connection, "DELETE")[0] == b""
        assert json.loads(got(connection, "PUT")[0]) == {"temp": 1}
        connection.request("POST", "/", body=noise)
        assert connection.getresponse().read() == noise
        counts = lines.line("weather").counts()
    assert (counts.rewritten, counts.connections) == (0, 1)


def test_what_is_no_http_passes_through_a_line_that_rewrites() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        line_to(f"http://127.0.0.1:{listener.getsockname()[1]}") as (
            lines,
            _,
        ),
    ):
        lines.line("weather").set(LineMode.REWRITE, change=change("dropped"))
        listen = listening(lines, "weather")
        with socket.create_connection((listen.host, listen.port), timeout=30) as client:
            client.sendall(b"\x16\x03\x01\x00")
            taken, _ = listener.accept()
            with taken:
                taken.settimeout(30)
                assert b"".join(taken.recv(1) for _ in range(4)) == b"\x16\x03\x01\x00"
                taken.sendall(b"\x15\x03\x01")
                assert client.recv(3) == b"\x15\x03\x01"


def test_a_line_of_another_process_rewrites_too_and_passes_when_its_holder_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "lines.json"
    with Server(plain) as source, line_to(source.url) as (lines, connection), controllable(lines, file):
        remote = RemoteLine("weather", file)
        remote.set(LineMode.REWRITE, change=change("none", held={"wind": 7.25}))
        assert json.loads(got(connection)[0])[1]["wind"] == 7.25
        assert remote.counts().rewritten == 1
        remote.close()
        for _ in range(50):
            if json.loads(got(connection)[0]) == ROWS:
                break
        assert json.loads(got(connection)[0]) == ROWS
