"""The forms that an integration's files have: what they hold is read as it stands, and what is broken is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.adapters.http import Http
from seatrial.adapters.integrations.catalogue import OpenIntegration, open_integration
from seatrial.core.errors import Malformed, SeatrialError
from seatrial.spec.integration import IntegrationSection


def drop(folder: Path, *, writable: bool = False, **form: Any) -> OpenIntegration:
    end: dict[str, Any] = {"url": ".", "writable": writable, **({"format": form} if form else {})}
    section = IntegrationSection.model_validate({"kind": "files", "test": end})
    return open_integration("drop", section, http=Http(origins=[]), base_dir=folder)


ROWS: list[dict[str, Any]] = [
    {"id": "k1", "name": "Zürich", "temp": 21.5},
    {"id": "k2", "name": "Łódź; süd", "temp": None},
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("kind", ["csv", "json-lines", "json", "fixed-width"])
def test_a_record_is_read_as_it_was_written_in_every_form(kind: str, encoding: str, tmp_path: Path) -> None:
    form: dict[str, Any] = {"kind": kind, "encoding": encoding}
    if kind in {"csv", "fixed-width"}:
        form |= {"decimal": ",", "numbers": ["temp"]}
    if kind == "csv":
        form |= {"delimiter": ";", "quote": "'"}
    if kind == "fixed-width":
        form |= {"columns": {"id": 4, "name": 12, "temp": 6}}
    integration = drop(tmp_path, writable=True, **form)
    for row in ROWS:
        integration.write(row)
    assert sorted(integration.read(9), key=lambda row: str(row["id"])) == ROWS
    assert integration.observe("id", ["k2"]) == {"k2": [ROWS[1]]}


def test_parquet_is_read_from_its_end_in_its_own_types(tmp_path: Path) -> None:
    at = datetime(2026, 7, 1, 12, tzinfo=UTC)
    columns = {
        "id": pa.array(range(1000)),
        "amount": pa.array([Decimal("12345678901234567.89")] * 1000, pa.decimal128(20, 2)),
        "at": pa.array([at] * 1000, pa.timestamp("ns", tz="UTC")),
        "fine": pa.array([1_782_907_200_000_000_001] * 1000, pa.timestamp("ns")),
        "raw": pa.array([b"\x00\xff"] * 1000),
        "none": pa.array([None] * 1000, pa.float64()),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=100)
    integration = drop(tmp_path)
    assert [row["id"] for row in integration.read(150)] == list(range(850, 1000))
    assert integration.read(1) == (
        {
            "id": 999,
            "amount": "12345678901234567.89",
            "at": "2026-07-01T12:00:00+00:00",
            "fine": "2026-07-01 12:00:00.000000001",
            "raw": "00ff",
            "none": None,
        },
    )
    told = integration.schema()
    assert (told["amount"], told["at"]) == ("decimal128(20,2)|null", "timestamp[ns,tz=UTC]|null")
    assert len(integration.observe("id", ["3", "999"])) == 2


def test_a_record_is_written_as_parquet_and_found_again(tmp_path: Path) -> None:
    integration = drop(tmp_path, writable=True, kind="parquet")
    integration.write({"id": "k1", "temp": 1.5})
    assert integration.observe("id", ["k1"]) == {"k1": [{"id": "k1", "temp": 1.5}]}


@pytest.mark.parametrize(
    ("name", "content", "form", "said"),
    [
        ("x.csv", b"id,name\n1,a\n2,\xff\n", {}, "x.csv, line 3: the byte 0xff is not utf-8"),
        ("x.csv", b"id;name\n1;a\n", {}, "apart by ';'"),
        ("x.csv", "id,name\n1,a\n".encode("utf-16"), {}, "mark of utf-16"),
        ("x.csv", "id,name\n1,a\n".encode("utf-16-le"), {}, "NUL"),
        ("x.csv", b"\xef\xbb\xbfid,name\n", {"encoding": "latin-1"}, "mark of utf-8"),
        ("x.csv", "id,name\n1,a\n2,Dübel\n".encode(), {"encoding": "latin-1"}, "line 3, is written in utf-8"),
        ("x.csv", "id,name\n1,a\n2,Öse".encode(), {"encoding": "cp1252"}, "line 3, is written in utf-8"),
        ("x.json", '[{"id":\n "Öse"}]'.encode(), {"encoding": "latin-1"}, "line 2, is written in utf-8"),
        ("x.csv", b"id,name\n1,a\n", {"encoding": "utf-16"}, "is not utf-16"),
        ("x.csv", b"id\n1\n\x81\n", {"encoding": "cp1252"}, "line 3: the byte 0x81 is not cp1252"),
        ("x.csv", b'id,name\n1,"a\n', {}, "line 2"),
        ("x.csv", b"id\n1\n", {"kind": "csv", "numbers": ["temp"]}, "no column 'temp'"),
        ("x.json", b'{"id": 1}', {}, "no list of records"),
        ("x.json", b'[{"id": 1}, 2]', {}, "entry 2, is no record"),
        ("x.json", b'[{"id": NaN}]', {}, "NaN"),
        ("x.jsonl", b'{"id": 1}\n\xc3', {}, "line 2: the byte 0xc3"),
        ("x.parquet", b"PAR1 cut", {}, "no complete Parquet file"),
        ("x.dat", b"k1  Basel \nk2\n", {"kind": "fixed-width", "columns": {"id": 4, "name": 6}}, "line 2, has 2 char"),
    ],
)
def test_a_broken_file_is_named_with_the_place_and_never_guessed(
    name: str, content: bytes, form: dict[str, Any], said: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    uses: tuple[Callable[[OpenIntegration], object], ...] = (
        lambda one: one.read(9),
        lambda one: one.observe("id", ["1"]),
    )
    for use in uses:
        with pytest.raises(Malformed) as caught:
            use(drop(tmp_path, **form))
        assert said in str(caught.value)
        assert name in str(caught.value)


def test_an_undecodable_byte_far_into_a_file_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"id\n" + b"0123456789\n" * 50_000 + b"\xe9\n")
    with pytest.raises(Malformed, match="line 50002: the byte 0xe9"):
        drop(tmp_path).read(3)


def test_numbers_are_numbers_only_where_they_are_declared_and_look_like_it(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id;temp;price\n007;21,5;1.234,5\n008;;12.5\n009;n/a;-3\n")
    rows = drop(tmp_path, kind="csv", delimiter=";", decimal=",", numbers=["temp", "price"]).read(9)
    assert [list(row.values()) for row in rows] == [["007", 21.5, "1.234,5"], ["008", None, "12.5"], ["009", "n/a", -3]]


def test_only_files_of_the_declared_names_count(tmp_path: Path) -> None:
    for name in ("ORD1.dat", "ORD2.dat", "INV1.dat", "ORD3.dat.part"):
        (tmp_path / name).write_text(f"{name[:4]}\n")
    integration = drop(tmp_path, writable=True, kind="fixed-width", names="ORD*.dat", columns={"id": 4})
    assert [row["id"] for row in integration.read(9)] == ["ORD1", "ORD2"]
    integration.write({"id": "k1"})
    assert integration.observe("id", ["k1"]) == {"k1": [{"id": "k1"}]}


@pytest.mark.parametrize(
    ("form", "record"),
    [
        ({"kind": "fixed-width", "columns": {"id": 2}}, {"id": "long"}),
        ({"kind": "fixed-width", "columns": {"id": 2}}, {"id": "k", "other": 1}),
        ({"kind": "csv", "encoding": "latin-1"}, {"id": "Łódź"}),
        ({"kind": "csv"}, {"id": float("nan")}),
        ({"kind": "json"}, {"id": float("inf")}),
        ({"kind": "parquet"}, {"id": [1, "a"]}),
    ],
)
def test_a_record_that_the_form_cannot_hold_is_not_written(
    form: dict[str, Any], record: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(Malformed):
        drop(tmp_path, writable=True, **form).write(record)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_files_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"")
    (tmp_path / "notes.xlsx").write_bytes(b"PK")
    assert drop(tmp_path).read(9) == ()
    assert drop(tmp_path).schema() == {}
    with pytest.raises(SeatrialError):
        drop(tmp_path).version()


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8"])
def test_letters_of_the_declared_encoding_are_read_as_they_are(tmp_path: Path, encoding: str) -> None:
    names = ["Dübel", "Größe 5°", "Ã", "Année", "plain"]
    (tmp_path / "x.csv").write_text("name\n" + "\n".join(names) + "\n", encoding)
    assert [row["name"] for row in drop(tmp_path, encoding=encoding).read(9)] == names
