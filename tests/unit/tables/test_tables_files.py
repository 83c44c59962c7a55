"""Files of rows: what is read, and how each kind of bad file is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from seatrial.adapters.tables.catalogue import open_table
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.ports import Table

ROWS: list[dict[str, Any]] = [
    {"flight": "AA1", "temp": 21.5, "gate": 7, "late": True, "note": None},
    {"flight": "B6,2", "temp": None, "gate": 8, "late": False, "note": "Zürich"},
]


def written(path: Path, kind: str, rows: list[dict[str, Any]]) -> str:
    file = path / f"rows.{kind}"
    if kind == "parquet":
        parquet.write_table(pa.Table.from_pylist(rows), file)
    elif kind == "jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        from pyarrow import csv

        csv.write_csv(pa.Table.from_pylist(rows), file)
    return file.name


def rows_of(table: Table, columns: list[str] | None = None) -> list[dict[str, Any]]:
    return [row for batch in table.batches(columns) for row in batch.to_pylist()]


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_rows_come_back_as_they_were_written(tmp_path: Path, kind: str) -> None:
    table = open_table(written(tmp_path, kind, ROWS), base_dir=tmp_path)
    assert table.columns() == ("flight", "temp", "gate", "late", "note")
    assert rows_of(table) == ROWS
    assert rows_of(table, ["gate", "flight"]) == [{"gate": r["gate"], "flight": r["flight"]} for r in ROWS]


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_the_digest_is_that_of_the_bytes(tmp_path: Path, kind: str) -> None:
    name = written(tmp_path, kind, ROWS)
    one = open_table(name, base_dir=tmp_path).digest()
    assert one == open_table(name, base_dir=tmp_path).digest()
    written(tmp_path, kind, ROWS[:1])
    assert one != open_table(name, base_dir=tmp_path).digest()


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_a_missing_file_is_unreachable_by_its_name(tmp_path: Path, kind: str) -> None:
    table = open_table(f"nowhere.{kind}", base_dir=tmp_path)
    for look in (table.columns, table.digest, lambda: rows_of(table)):
        with pytest.raises(Unreachable, match=r"nowhere\."):
            look()


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_an_empty_file_is_malformed(tmp_path: Path, kind: str) -> None:
    (tmp_path / f"empty.{kind}").write_bytes(b"")
    with pytest.raises(Malformed, match="empty"):
        rows_of(open_table(f"empty.{kind}", base_dir=tmp_path))


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_no_rows_is_malformed(tmp_path: Path, kind: str) -> None:
    table = pa.Table.from_pylist(ROWS).slice(0, 0)
    if kind == "parquet":
        parquet.write_table(table, tmp_path / "none.parquet")
    else:
        (tmp_path / "none.csv").write_text("a,b\n")
    with pytest.raises(Malformed, match="no rows"):
        rows_of(open_table(f"none.{kind}", base_dir=tmp_path))


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_an_absent_column_is_named_with_those_there_are(tmp_path: Path, kind: str) -> None:
    table = open_table(written(tmp_path, kind, ROWS), base_dir=tmp_path)
    with pytest.raises(Malformed, match=r"'wind', 'dew'.*flight, temp"):
        rows_of(table, ["wind", "gate", "dew"])


def test_a_truncated_parquet_file_is_malformed(tmp_path: Path) -> None:
    name = written(tmp_path, "parquet", ROWS)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(Malformed, match="cut short"):
        open_table(name, base_dir=tmp_path).columns()


def test_damage_within_a_parquet_file_is_malformed(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    noise = np.random.default_rng(1).normal(size=50_000)
    parquet.write_table(pa.table({"a": noise}), file, use_dictionary=False, compression="zstd")
    content = bytearray(file.read_bytes())
    content[1000:60_000] = bytes(59_000)
    file.write_bytes(bytes(content))
    with pytest.raises(Malformed, match="damaged"):
        rows_of(open_table("rows.parquet", base_dir=tmp_path))


def test_duplicated_columns_are_all_named(tmp_path: Path) -> None:
    parquet.write_table(pa.table([[1], [2], [3]], names=["a", "b", "a"]), tmp_path / "d.parquet")
    (tmp_path / "d.csv").write_text("a,b,a\n1,2,3\n")
    (tmp_path / "d.jsonl").write_text('{"a": 1, "b": 2, "a": 3}\n')
    for kind in ("parquet", "csv", "jsonl"):
        with pytest.raises(Malformed, match="'a' occurs more than once"):
            open_table(f"d.{kind}", base_dir=tmp_path).columns()


def test_a_csv_row_of_another_width_is_named_by_its_row(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("a,b,c\n1,2,3\n4,5\n")
    with pytest.raises(Malformed, match="row 3 has 2 fields where the header has 3"):
        rows_of(open_table("w.csv", base_dir=tmp_path))


def test_a_csv_of_another_encoding_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_bytes("a,b\n1,ok\n2,Zürich\n".encode("latin-1"))
    with pytest.raises(Malformed, match="line 3 is not UTF-8"):
        rows_of(open_table("e.csv", base_dir=tmp_path))


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_a_csv_apart_by_something_else_is_told_from_its_header(mark: str, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(f"shop{mark}article{mark}sold\n1{mark}2{mark}3,5\n")
    table = open_table("d.csv", base_dir=tmp_path)
    for look in (table.columns, lambda: rows_of(table)):
        with pytest.raises(Malformed, match="seems to be apart by") as caught:
            look()
        assert repr(mark) in caught.value.what
        assert "points in numbers" in caught.value.remedy


def test_a_csv_of_one_column_is_read_whatever_its_name_holds(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("text; as written\na;b\n")
    assert rows_of(open_table("o.csv", base_dir=tmp_path)) == [{"text; as written": "a;b"}]


def test_one_odd_value_makes_a_csv_column_text_and_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2.5,y\n3;x,z\n")
    assert [r["a"] for r in rows_of(open_table("t.csv", base_dir=tmp_path))] == ["1", "2.5", "3;x"]


def test_types_of_a_csv_hold_over_all_its_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.adapters.tables.csv._BLOCK", 4096)
    lines = [f"{i},{i},{i}" for i in range(3000)] + ["0.5,x,"]
    (tmp_path / "b.csv").write_text("a,b,c\n" + "\n".join(lines) + "\n")
    rows = rows_of(open_table("b.csv", base_dir=tmp_path))
    assert len(rows) == 3001
    assert rows[0] == {"a": 0.0, "b": "0", "c": 0}
    assert rows[-1] == {"a": 0.5, "b": "x", "c": None}


def test_a_json_line_cut_short_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"a": 1}\n{"a": 2')
    with pytest.raises(Malformed, match="line 2"):
        rows_of(open_table("c.jsonl", base_dir=tmp_path))


def test_a_json_line_that_is_no_object_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"a": 1}\n[1, 2]\n')
    with pytest.raises(Malformed, match="line 2 holds list"):
        rows_of(open_table("c.jsonl", base_dir=tmp_path))


def test_json_columns_of_several_types_become_text(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"a": 1, "b": 1}\n{"a": "x", "b": 2.5, "c": {"d": 1}}\n')
    rows = rows_of(open_table("m.jsonl", base_dir=tmp_path))
    assert rows == [{"a": "1", "b": 1.0, "c": None}, {"a": "x", "b": 2.5, "c": '{"d": 1}'}]


def test_times_with_and_without_a_zone_in_one_column_are_malformed(tmp_path: Path) -> None:
    written(tmp_path, "jsonl", [{"t": "2013-01-05T07:00:00Z"}] * 3 + [{"t": "2013-01-05T07:00:00"}])
    with pytest.raises(Malformed, match=r"'t' mixes times with and without a zone; row 4"):
        rows_of(open_table("rows.jsonl", base_dir=tmp_path))


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.large_string())])
def test_texts_are_of_one_type_whatever_wrote_the_parquet_file(tmp_path: Path, kind: pa.DataType) -> None:
    zoned, naive = ["2013-01-05T07:00:00Z"] * 3, ["2013-01-05T07:00:00"]
    for name, values in (("good.parquet", zoned), ("mixed.parquet", zoned + naive)):
        parquet.write_table(pa.table({"t": pa.array(values).cast(kind)}), tmp_path / name)
    (batch,) = open_table("good.parquet", base_dir=tmp_path).batches()
    inner = batch.schema.field("t").type
    assert (inner.value_type if pa.types.is_dictionary(inner) else inner) == pa.string()
    with pytest.raises(Malformed, match=r"'t' mixes times with and without a zone; row 4"):
        rows_of(open_table("mixed.parquet", base_dir=tmp_path))


def test_batches_stay_small(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": np.arange(200_000)}), tmp_path / "big.parquet")
    sizes = [b.num_rows for b in open_table("big.parquet", base_dir=tmp_path).batches()]
    assert sum(sizes) == 200_000
    assert max(sizes) <= 65_536


def test_an_unknown_kind_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(Malformed) as raised:
        open_table("rows.xlsx", base_dir=tmp_path)
    assert ".parquet" in raised.value.remedy
