"""Bad data, end to end: each ends in a reason that names the place and the remedy, and in nothing that is MET."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from small_run import declare, see, table

from plants.server import Server
from plants.tiny_system import SECRET, plant, steady
from seatrial.core.observation import Reason
from seatrial.core.vocabulary import Outcome

_FILE = "evaluation.csv"
_ZONES = ("2026-01-05T07:00:00Z", "2026-01-05T08:00:00+01:00", "2026-01-05 07:00:00")
_HEADER = "flight,wind,distance,late\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(steady) as served:
        yield served


@pytest.fixture
def place(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODEL_KEY", SECRET)
    return plant(tmp_path / "system", server.url, count=200)


def _zoned(at: int, row: dict[str, object]) -> dict[str, object]:
    return {**row, "at": _ZONES[at % 3]}


def _cut_in_a_row(text: str) -> str:
    return text[: text.rindex(",", 0, len(text) // 2)]


_TEXTS: dict[str, tuple[str | None, str, tuple[str, ...]]] = {
    "missing": (None, "unreachable", (_FILE, "no such file", "relative to the system file")),
    "empty": ("", "malformed", (_FILE, "the file is empty", "Write the data again")),
    "zero rows": (_HEADER, "malformed", (_FILE, "there are no rows", "Write the data again")),
    "truncated": (
        _cut_in_a_row(table(lambda _, row: row)),
        "malformed",
        (_FILE, "has 3 fields where the header has 4", "write the file again"),
    ),
    "other columns": ("a,b\n1,2\n3,4\n", "malformed", ("no column late", "data.evaluation.label", "There are: a, b")),
    "an input is missing": (
        table(lambda _, row: {k: v for k, v in row.items() if k != "wind"}),
        "malformed",
        ("evaluation data", "no column wind", "declare these inputs as nullable"),
    ),
    "the entity is missing": (
        table(lambda _, row: {k: v for k, v in row.items() if k != "flight"}),
        "malformed",
        ("no column flight", "data.evaluation.entity"),
    ),
    "other types": (
        table(lambda _, row: {**row, "wind": "windy"}),
        "malformed",
        ("text in column wind", "declared as number", "row 1", "model.inputs"),
    ),
    "one cell of another type": (
        table(lambda at, row: {**row, "wind": "n/k" if at == 120 else row["wind"]}),
        "malformed",
        ("text in column wind", "declared as number", "row 121"),
    ),
    "only one class": (
        table(lambda _, row: {**row, "late": 0}),
        "one-class",
        ("all 200 labels are 0", "Label rows of every class"),
    ),
    "labels outside the task": (
        table(lambda at, row: {**row, "late": 2 if at == 7 else row["late"]}),
        "labels-outside-task",
        ("late holds 0, 1, 2", "model.task"),
    ),
    "labels of another name": (
        table(lambda _, row: {**row, "late": "yes" if row["late"] else "no"}),
        "labels-outside-task",
        ("late holds no, yes", "model.output.positive"),
    ),
    "no label at all": (table(lambda _, row: {**row, "late": ""}), "no-labels", ("no row has a value in late",)),
    "an input all null": (
        table(lambda _, row: {**row, "wind": ""}),
        "malformed",
        ("no value in column wind in any of 200 rows", "nullable"),
    ),
    "the entity all null": (
        table(lambda _, row: {**row, "flight": ""}),
        "malformed",
        ("no value in column flight in any of 200 rows",),
    ),
    "a column name twice": (
        "\n".join(f"{line},{line.split(',')[1]}" for line in table(lambda _, row: row).splitlines()),
        "malformed",
        (_FILE, "column 'wind' occurs more than once", "its own name"),
    ),
}


_LIKE_OTHERS = {
    "empty",
    "an input is missing",
    "the entity is missing",
    "one cell of another type",
    "labels of another name",
    "no label at all",
    "the entity all null",
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n in _LIKE_OTHERS else ()) for n in _TEXTS])
def test_bad_evaluation_data_leave_the_model_s_requirements_open_with_the_place(name: str, place: Path) -> None:
    text, code, words = _TEXTS[name]
    file = place.parent / _FILE
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    seen = see(place, "model.threshold")
    reason = seen.reason("model.threshold")
    assert reason.code == code
    for word in words:
        assert word in f"{reason.summary} {reason.remedy}"
    assert seen.assessment("model.threshold").outcome is Outcome.NOT_DETERMINED
    assert seen.assessment("model.threshold").reason_code == code


def test_times_with_and_without_a_zone_are_not_taken_for_one_another(place: Path) -> None:
    (place.parent / _FILE).write_text(table(_zoned))
    declare(place, ("entity: flight", "entity: flight, time: at"))
    reason = see(place, "model.threshold").reason("model.threshold")
    assert reason.code == "malformed"
    for word in (_FILE, "'at' mixes times with and without a zone", "row 3", "UTC"):
        assert word in f"{reason.summary} {reason.remedy}"


def _truncated(rows: pa.Table, file: Path) -> None:
    parquet.write_table(rows, file)
    file.write_bytes(file.read_bytes()[:-100])


def _twice(rows: pa.Table, file: Path) -> None:
    parquet.write_table(pa.Table.from_arrays([*rows.columns, rows["wind"]], names=[*rows.column_names, "wind"]), file)


def _no_rows(rows: pa.Table, file: Path) -> None:
    parquet.write_table(rows.slice(0, 0), file)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (_truncated, "cut short or damaged"),
        pytest.param(_twice, "'wind' occurs more than once", marks=pytest.mark.slow),
        pytest.param(_no_rows, "no rows", marks=pytest.mark.slow),
    ],
    ids=["truncated", "a column name twice", "zero rows"],
)
def test_the_same_holds_for_parquet(write: Callable[[pa.Table, Path], None], words: str, place: Path) -> None:
    write(csv.read_csv(place.parent / _FILE), place.parent / "evaluation.parquet")
    declare(place, (_FILE, "evaluation.parquet"))
    reason = see(place, "model.threshold").reason("model.threshold")
    assert reason.code == "malformed"
    assert "evaluation.parquet" in reason.summary
    assert words in reason.summary
    assert reason.remedy


@pytest.mark.parametrize("cell", ["", pytest.param("windy", marks=pytest.mark.slow)], ids=["all null", "other types"])
def test_faults_in_an_input_that_the_data_never_show_are_not_taken_for_harmless(cell: str, place: Path) -> None:
    (place.parent / _FILE).write_text(table(lambda _, row: {**row, "wind": cell}))
    reason = see(place, "data.faults").reason("data.faults")
    assert reason.code == "malformed"
    assert "wind" in reason.summary


def test_a_check_that_needs_no_labels_does_not_stop_for_a_missing_one(place: Path) -> None:
    declare(place, ("label: late", "label: tardy"))
    seen = see(place, "model.threshold", "data.faults")
    assert "no column tardy" in seen.reason("model.threshold").summary
    assert not isinstance(seen.result("data.faults"), Reason)


@pytest.mark.slow
@pytest.mark.parametrize("name", _TEXTS)
def test_no_check_of_model_data_or_integration_falls_over_bad_data(name: str, place: Path) -> None:
    text, _, _ = _TEXTS[name]
    file = place.parent / _FILE
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    checks = ("model.threshold", "model.out-of-sample", "model.failure-modes", "data.faults", "integration.format")
    seen = see(place, *checks)
    for check in checks:
        result = seen.result(check)
        assert not isinstance(result, Reason) or result.code not in {"crashed", "failed", "not-an-observation"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(None, "training.csv: there is no such file", marks=pytest.mark.slow),
        pytest.param(_HEADER, "training.csv: there are no rows", marks=pytest.mark.slow),
        ("a,b\n1,2\n3,4\n", "training data have none of the columns"),
    ],
    ids=["missing", "zero rows", "other columns"],
)
def test_training_data_that_cannot_be_compared_prove_no_row_unseen(text: str | None, words: str, place: Path) -> None:
    if text is not None:
        (place.parent / "training.csv").write_text(text)
    declare(place, ("data:\n", "data:\n  training: {source: training.csv}\n"))
    seen = see(place, "model.out-of-sample")
    result = seen.result("model.out-of-sample")
    if isinstance(result, Reason):
        assert words in result.summary
    else:
        told = seen.findings("model.out-of-sample")["training-without-inputs"]
        assert words in told.summary
        assert result.proof == 0
