"""What `init` says of columns that hold records or lists: never proposed as plain values, always with a way out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from init_scene import answering, asked, lender, loans, write

from plants.server import Server
from seatrial.app.proposing.initiate import propose
from seatrial.core.errors import Malformed


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(lender) as served:
        yield served


def _rows(*, label: str = "defaulted", inside: str | None = None) -> list[dict[str, Any]]:
    """Loans with a record and a list beside the plain columns; the label in a record of the name `inside`."""
    rows = []
    for row in loans().to_pylist():
        true = row.pop("defaulted")
        row["branch"] = {"city": "Graz", "desk": {"number": row["tenure"] % 7}}
        row["papers"] = ["passport", "pay slip"]
        rows.append(row | ({label: true} if inside is None else {inside: {label: true, "seen_on": "2026-10-01"}}))
    return rows


def _parquet(folder: Path, rows: list[dict[str, Any]]) -> Path:
    return write(pa.Table.from_pylist(rows), folder / "loans.parquet")


def _json_lines(folder: Path, rows: list[dict[str, Any]]) -> Path:
    file = folder / "loans.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def _url(server: Server) -> str:
    return f"{server.url}/api/score"


def test_nested_columns_of_parquet_are_no_inputs_and_what_is_in_them_is_named(server: Server, tmp_path: Path) -> None:
    proposal = propose(asked(tmp_path, _url(server), _parquet(tmp_path, _rows())), {})
    assert not {"branch", "papers"} & set(proposal.columns)
    branch = next(note for note in proposal.notes if note.startswith("branch "))
    assert "(branch.city, branch.desk.number)" in branch
    assert "branch.city AS branch_city" in branch
    assert any(note.startswith("papers ") and "left out" in note for note in proposal.notes)
    assert "papers" in proposal.text


def test_nested_values_of_json_lines_reach_the_model_as_text_and_it_is_said_so(server: Server, tmp_path: Path) -> None:
    proposal = propose(asked(tmp_path, _url(server), _json_lines(tmp_path, _rows())), {})
    branch = next(note for note in proposal.notes if note.startswith("branch holds"))
    assert "sent as that text" in branch
    assert "branch.desk.number" in branch


@pytest.mark.parametrize("written", [_parquet, _json_lines])
def test_a_label_inside_a_record_is_refused_with_what_to_write(server: Server, tmp_path: Path, written: Any) -> None:
    data = written(tmp_path, _rows(inside="review"))
    with pytest.raises(Malformed, match="stands inside the records of the column 'review'") as refused:
        propose(asked(tmp_path, _url(server), data, label="review.defaulted"), {})
    assert "review_defaulted" in (refused.value.remedy or "")


def test_a_label_that_only_its_name_inside_a_record_tells_is_pointed_to(server: Server, tmp_path: Path) -> None:
    data = _parquet(tmp_path, _rows(label="label", inside="review"))
    with pytest.raises(Malformed, match=r"'review\.label'.*stands inside"):
        propose(asked(tmp_path, _url(server), data, label=None), {})


@pytest.mark.parametrize("named", ["outcome", None], ids=["named", "guessed"])
def test_a_whole_record_as_the_label_is_a_question_with_both_ways_out(
    server: Server, tmp_path: Path, named: str | None
) -> None:
    data = _parquet(tmp_path, _rows(inside="outcome"))
    with pytest.raises(Malformed, match=r"holds records or lists \(outcome\.defaulted, outcome\.seen_on\)") as refused:
        propose(asked(tmp_path, _url(server), data, label=named), {})
    assert "outcome_defaulted" in (refused.value.remedy or "")
    assert "JSON text" in (refused.value.remedy or "")


@pytest.mark.parametrize(("option", "keyword"), [("--time", "time"), ("--entity", "entity")])
def test_a_time_or_a_name_inside_a_record_is_refused_alike(
    server: Server, tmp_path: Path, option: str, keyword: str
) -> None:
    with pytest.raises(Malformed, match=f"{option} names, stands inside"):
        propose(asked(tmp_path, _url(server), _parquet(tmp_path, _rows()), **{keyword: "branch.city"}), {})


def test_records_as_labels_are_taken_for_an_extraction_and_the_other_reading_is_named(tmp_path: Path) -> None:
    rows = [{"letter": f"Total {n} EUR", "fields": {"total": n}} for n in range(60)]
    reader = answering(lambda row: {"record": {"total": int(str(row["letter"]).split()[1])}})
    with Server(reader) as served:
        proposal = propose(asked(tmp_path, f"{served.url}/predict", _json_lines(tmp_path, rows), label="fields"), {})
    assert proposal.task == "extraction"
    assert any("if one value in them is the label" in note and "fields.total" in note for note in proposal.notes)


def test_texts_that_only_look_like_lists_are_texts(server: Server, tmp_path: Path) -> None:
    rows = [{**row, "remark": f"[URGENT] call back {n}"} for n, row in enumerate(loans().to_pylist())]
    proposal = propose(asked(tmp_path, _url(server), _json_lines(tmp_path, rows)), {})
    assert "remark" in proposal.columns
    assert not any(note.startswith("remark holds") for note in proposal.notes)


def test_a_table_of_nothing_but_records_says_how_to_write_it(server: Server, tmp_path: Path) -> None:
    data = _parquet(tmp_path, [{"row": {"amount": 3, "defaulted": "no"}}] * 30)
    with pytest.raises(Malformed, match="no column of numbers") as refused:
        propose(asked(tmp_path, _url(server), data), {})
    assert "row_amount" in (refused.value.remedy or "")
