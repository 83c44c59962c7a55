"""`seatrial init` from past predictions and from texts: what is found, and what only people can say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from init_scene import asked, loans, risk, write

from seatrial.app.proposing.initiate import Proposal, propose
from seatrial.app.proposing.initiate import write as written
from seatrial.core.errors import Malformed
from seatrial.spec.loading import load_system
from seatrial.spec.system import System


def past(folder: Path, name: str = "past.parquet", **more: Any) -> tuple[Path, Path]:
    """Labelled rows, and what a vendor's model answered to them."""
    rows = loans(300).to_pylist()
    keep = ("amount", "months", "grade", "tenure", "income", "employed")
    said = [
        {**{k: row[k] for k in keep}, "decision": "yes" if risk(row) >= 0.5 else "no", "risk": risk(row), **more}
        for row in rows
    ]
    return write(loans(300), folder / "loans.parquet"), write(pa.Table.from_pylist(said), folder / name)


def proposed(folder: Path, model: Path, data: Path, **more: Any) -> tuple[Proposal, System]:
    target = folder / "trial"
    target.mkdir(exist_ok=True)
    proposal = propose(asked(target, str(model), data, **more), {})
    written(proposal)
    return proposal, load_system(proposal.file.read_bytes(), name="seatrial.yaml", environment={}).system


@pytest.mark.parametrize("name", ["past.parquet", "past.csv"])
def test_past_predictions_are_declared_and_only_the_vendor_is_left_open(name: str, tmp_path: Path) -> None:
    data, model = past(tmp_path, name)
    proposal, system = proposed(tmp_path, model, data)
    assert system.model.recorded == f"../{name}"
    assert (system.model.output.prediction, system.model.output.score) == ("decision", "risk")
    assert system.model.task == "binary"
    assert {"model.vendor.name", "model.vendor.version"} <= set(proposal.todos)
    assert not {t for t in proposal.todos if t.startswith(("model.test_endpoint", "model.identity"))}
    assert set(proposal.columns) == {"amount", "months", "grade", "tenure", "income", "employed"}


def test_rows_without_a_past_prediction_are_told(tmp_path: Path) -> None:
    data, model = past(tmp_path)
    write(pa.parquet.read_table(model).slice(0, 200), model)
    assert any("have no past prediction" in note for note in proposed(tmp_path, model, data)[0].notes)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.drop_columns(["decision", "risk"]), "no column beside those of the data"),
        (lambda t: t.select(["decision", "risk"]), "none of the columns of the data"),
        (lambda t: t.set_column(0, "amount", pa.array([-1.0] * t.num_rows)), "no prediction for any"),
    ],
)
def test_a_table_that_holds_no_predictions_for_the_rows_is_refused(change: Any, told: str, tmp_path: Path) -> None:
    data, model = past(tmp_path)
    write(change(pa.parquet.read_table(model)), model)
    with pytest.raises(Malformed, match=told):
        proposed(tmp_path, model, data)


def test_what_tells_rows_with_the_same_inputs_apart_becomes_an_input(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"visit_id": f"v{i}", "grade": "ab"[i % 2], "late": i % 5 + 0.25 * (i % 7)} for i in range(400)
    ]
    data = write(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    said = [{"visit_id": r["visit_id"], "grade": r["grade"], "minutes": r["late"] + 0.5} for r in rows]
    model = write(pa.Table.from_pylist(said), tmp_path / "past.parquet")
    proposal, _ = proposed(tmp_path, model, data, label="late")
    assert set(proposal.columns) == {"grade", "visit_id"}
    assert any("each row finds its own prediction" in note for note in proposal.notes)


MAILS = ("my parcel did not arrive at the desk", "please send the invoice once more", "I cannot log in to my account")


@pytest.mark.parametrize(("texts", "task"), [(MAILS, "text"), (("a-1", "b-2", "c-3"), "multiclass")])
def test_classes_of_sentences_are_a_task_of_texts_and_of_codes_are_not(
    texts: tuple[str, ...], task: str, tmp_path: Path
) -> None:
    queues = ("parcel", "invoice", "login")
    rows = [{"body": f"{texts[i % 3]} {i}", "size": i % 7, "queue": queues[i % 3]} for i in range(300)]
    data = write(pa.Table.from_pylist(rows), tmp_path / "mails.parquet")
    said = [{"body": row["body"], "size": row["size"], "prediction": row["queue"]} for row in rows]
    model = write(pa.Table.from_pylist(said), tmp_path / "past.parquet")
    _, system = proposed(tmp_path, model, data, label="queue")
    assert system.model.task == task
