"""Rows go through the model once each; one bad row costs one row, and a model that does not work ends it early."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from seatrial.app.folder.scoring import Given, Scored, score
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Prediction, Reply, ReplyKind, Request, Row
from seatrial.domains.sending import as_sent
from seatrial.spec.model import InputField


class _Table:
    def __init__(self, *batches: pa.RecordBatch) -> None:
        self._batches = batches

    def columns(self) -> tuple[str, ...]:
        return tuple(self._batches[0].schema.names)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        for batch in self._batches:
            yield batch if columns is None else batch.select(list(columns))

    def digest(self) -> str:
        return ""


class _Model:
    """Answers each row with its `n`, and each request as `answer` says."""

    def __init__(self, answer: Callable[[Sequence[Row]], ReplyKind] = lambda _: ReplyKind.OK) -> None:
        self._answer = answer
        self.asked: list[Sequence[Row]] = []
        self.value: Callable[[Row], Json] = lambda row: row["n"]

    def identity(self) -> str:
        return "1"

    def predict(self, rows: Sequence[Row]) -> Reply:
        self.asked.append(rows)
        kind = self._answer(rows)
        if kind is not ReplyKind.OK:
            return Reply(kind=kind, latency_s=0.0, error="no")
        return Reply(
            kind=kind, latency_s=0.0, predictions=tuple(Prediction(prediction=self.value(r), score=0.5) for r in rows)
        )

    def request(self, rows: Sequence[Row]) -> Request | None:
        return None


def _numbers(start: int, count: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"n": list(range(start, start + count)), "late": [0] * count})


def _silence(doing: str, share: float | None = None) -> None:
    return


def _score(table: _Table, model: _Model, target: Path, **more: Any) -> Scored:
    given = Given(
        name="evaluation", inputs=more.pop("inputs", None), leave_out=("late",), filled=more.pop("filled", ())
    )
    settings = {"batch": 64, "say": _silence, **more}
    return score(table, model, given=given, target=target, **settings)


def test_every_row_is_answered_once_and_stands_beside_its_answer(tmp_path: Path) -> None:
    model = _Model()
    scored = _score(_Table(_numbers(0, 100), _numbers(100, 50)), model, tmp_path / "scored.parquet")
    assert scored == Scored(rows=150, problems=0)
    table = parquet.read_table(tmp_path / "scored.parquet")
    assert table.column(PREDICTION).to_pylist() == table.column("n").to_pylist() == list(range(150))
    assert table.column(SCORE).to_pylist() == [0.5] * 150
    assert table.column(PROBLEM).null_count == 150
    assert [len(rows) for rows in model.asked] == [64, 36, 50]
    assert set(model.asked[0][0]) == {"n"}, "the label is none of the model's business"


def test_one_bad_row_in_a_thousand_costs_one_row(tmp_path: Path) -> None:
    model = _Model(lambda rows: ReplyKind.CRASHED if any(row["n"] == 707 for row in rows) else ReplyKind.OK)
    scored = _score(_Table(_numbers(0, 1_000)), model, tmp_path / "scored.parquet", batch=256)
    assert scored == Scored(rows=1_000, problems=1)
    table = parquet.read_table(tmp_path / "scored.parquet")
    assert table.column(PROBLEM).to_pylist()[707] == "crashed: no"
    assert table.column(PREDICTION).to_pylist()[706:709] == [706, None, 708]
    assert len(model.asked) < 4 + 2 * 9


def test_a_model_that_cannot_be_reached_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.app.folder.asking._WAITS_S", (0.0, 0.0))
    model = _Model(lambda _: ReplyKind.UNREACHABLE)
    with pytest.raises(Unreachable, match="could not be reached"):
        _score(_Table(_numbers(0, 1_000)), model, tmp_path / "scored.parquet")
    assert len(model.asked) == 3


def test_a_model_that_comes_back_loses_no_row_and_doubles_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.app.folder.asking._WAITS_S", (0.0, 0.0))
    failures = iter([True, True, False, True, False])
    model = _Model(lambda _: ReplyKind.UNREACHABLE if next(failures, False) else ReplyKind.OK)
    assert _score(_Table(_numbers(0, 200)), model, tmp_path / "scored.parquet") == Scored(rows=200, problems=0)
    assert parquet.read_table(tmp_path / "scored.parquet").column(PREDICTION).to_pylist() == list(range(200))


def test_a_model_that_never_answers_sensibly_is_given_up_soon(tmp_path: Path) -> None:
    model = _Model(lambda _: ReplyKind.MALFORMED)
    with pytest.raises(Malformed, match="malformed: no"):
        _score(_Table(_numbers(0, 10_000)), model, tmp_path / "scored.parquet")
    assert len(model.asked) < 500


def test_a_model_that_hangs_is_given_up_after_few_time_outs(tmp_path: Path) -> None:
    model = _Model(lambda _: ReplyKind.TIMED_OUT)
    with pytest.raises(Unreachable, match="timed-out"):
        _score(_Table(_numbers(0, 10_000)), model, tmp_path / "scored.parquet")
    assert len(model.asked) <= 10


def test_a_guard_that_refuses_every_row_has_answered_every_row(tmp_path: Path) -> None:
    model = _Model(lambda _: ReplyKind.REFUSED)
    assert _score(_Table(_numbers(0, 300)), model, tmp_path / "s.parquet") == Scored(rows=300, problems=300)


@pytest.mark.parametrize(
    ("values", "kind", "read"),
    [
        ([1, 0, 1], pa.int64(), [1, 0, 1]),
        ([1, 0.5, 1], pa.float64(), [1.0, 0.5, 1.0]),
        (["late", "on time", "late"], pa.string(), ["late", "on time", "late"]),
        ([True, False, True], pa.bool_(), [True, False, True]),
        ([1, "late", None], pa.string(), ["1", '"late"', "null"]),
        ([{"a": 1}, [2], "x"], pa.string(), ['{"a": 1}', "[2]", '"x"']),
    ],
)
def test_predictions_get_the_one_type_that_holds_them_all(
    tmp_path: Path, values: list[Json], kind: pa.DataType, read: list[Json]
) -> None:
    model = _Model()
    model.value = lambda row: values[int(str(row["n"]))]
    _score(_Table(_numbers(0, 3)), model, tmp_path / "scored.parquet")
    column = parquet.read_table(tmp_path / "scored.parquet").column(PREDICTION)
    assert column.type == kind
    assert column.to_pylist() == read


def test_the_model_gets_the_declared_inputs_in_the_declared_types(tmp_path: Path) -> None:
    batch = pa.RecordBatch.from_pydict({"zip": [1234], "n": [7.0], "on": [1], "other": ["x"], "late": [0]})
    inputs = {
        "zip": InputField(type="string"),
        "n": InputField(type="integer"),
        "on": InputField(type="boolean"),
        "gust": InputField(type="number", nullable=True),
    }
    model = _Model()
    _score(_Table(batch), model, tmp_path / "scored.parquet", inputs=inputs)
    assert model.asked == [[{"zip": "1234", "n": 7, "on": True}]]


def test_data_without_a_column_that_the_model_takes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="no column wind"):
        _score(_Table(_numbers(0, 3)), _Model(), tmp_path / "s.parquet", inputs={"wind": InputField(type="number")})


@pytest.mark.parametrize("empty", [[None, None], [float("nan"), None]])
def test_a_column_that_needs_a_value_and_has_none_is_refused_before_the_model_is_asked(
    tmp_path: Path, empty: list[float | None]
) -> None:
    table = _Table(pa.RecordBatch.from_pydict({"n": [1, 2], "wind": pa.array(empty, pa.float64()), "at": ["", None]}))
    wind = {"n": InputField(type="integer"), "wind": InputField(type="number")}
    model = _Model()
    with pytest.raises(Malformed, match="evaluation data have no value in column wind in any of 2 rows"):
        _score(table, model, tmp_path / "s.parquet", inputs=wind)
    assert model.asked == []
    nullable = {**wind, "wind": InputField(type="number", nullable=True)}
    assert _score(table, model, tmp_path / "s.parquet", inputs=nullable, filled=("at",)).rows == 2
    with pytest.raises(Malformed, match="no value in column wind"):
        _score(table, model, tmp_path / "s.parquet", filled=("wind",))


def test_text_in_a_column_of_numbers_is_refused_with_its_place(tmp_path: Path) -> None:
    first = pa.RecordBatch.from_pydict({"n": pa.array([None, None], pa.string())})
    second = pa.RecordBatch.from_pydict({"n": ["12", "n/a secret", None]})
    with pytest.raises(Malformed, match=r"text in column n, which is declared as integer.*row 4") as caught:
        _score(_Table(first, second), _Model(), tmp_path / "s.parquet", inputs={"n": InputField(type="integer")})
    assert "secret" not in str(caught.value)


def test_data_with_columns_of_our_names_are_refused(tmp_path: Path) -> None:
    batch = pa.RecordBatch.from_pydict({"n": [1], SCORE: [0.5]})
    with pytest.raises(Malformed, match="Rename"):
        _score(_Table(batch), _Model(), tmp_path / "s.parquet")


def test_scored_rows_are_for_their_owner_s_eyes(tmp_path: Path) -> None:
    _score(_Table(_numbers(0, 3)), _Model(), tmp_path / "scored.parquet")
    assert [file.name for file in tmp_path.iterdir()] == ["scored.parquet"]
    assert (tmp_path / "scored.parquet").stat().st_mode & 0o077 == 0


def test_progress_tells_the_share_of_all_rows(tmp_path: Path) -> None:
    said: list[tuple[str, float | None]] = []
    _score(
        _Table(_numbers(0, 100), _numbers(100, 100)),
        _Model(),
        tmp_path / "scored.parquet",
        batch=100,
        say=lambda doing, share=None: said.append((doing, share)),
    )
    assert said == [("100 of 200 rows", 0.5), ("200 of 200 rows", 1.0)]


@pytest.mark.parametrize(
    ("cell", "kind", "read"),
    [
        (float("nan"), "number", None),
        (float("inf"), "number", None),
        (None, "string", None),
        (Decimal("1.5"), "number", 1.5),
        (datetime(2026, 11, 1, 2, tzinfo=UTC), "time", "2026-11-01T02:00:00+00:00"),
        (12.5, "integer", 12.5),
        (2, "boolean", 2),
        ("12", "number", "12"),
    ],
)
def test_a_cell_becomes_json_and_nothing_is_guessed(cell: object, kind: Any, read: Json) -> None:
    assert as_sent(cell, InputField(type=kind)) == read
