"""Batches are on their way side by side, yet every row is answered once, in order, and a stuck model is left alone."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from plants.server import Asked, Said, Server, said
from seatrial.adapters.http import Http, declared_origins
from seatrial.adapters.models.catalogue import OpenModel, open_model
from seatrial.adapters.models.columns import rows_of
from seatrial.adapters.tables.parquet import ParquetTable
from seatrial.app.folder.scoring import Given, Scored, score
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.errors import Unreachable
from seatrial.domains.sending import as_sent, batch_as_sent
from seatrial.spec.model import InputField
from seatrial.spec.system import System

ROWS: Final = 200


@pytest.fixture
def table(tmp_path: Path) -> ParquetTable:
    parquet.write_table(pa.table({"n": list(range(ROWS)), "late": [0] * ROWS}), tmp_path / "rows.parquet")
    return ParquetTable(tmp_path / "rows.parquet", "rows.parquet")


def opened(url: str, **more: Any) -> OpenModel:
    model = {"endpoint": url, "task": "regression", "output": {"score": "half"}, "timeout": "400ms", **more}
    system = System.model_validate({"system": "s", "version": "1", "model": model})
    return open_model(system, base_dir=Path(), http=Http(origins=declared_origins(system)))


def scored(table: ParquetTable, model: OpenModel, target: Path) -> Scored:
    try:
        return score(
            table,
            model,
            given=Given(name="evaluation", inputs=None, leave_out=("late",)),
            batch=16,
            target=target,
            say=lambda *_: None,
        )
    finally:
        model.close()


def answers_to(asked: Asked) -> list[dict[str, float]]:
    return [{"prediction": row["n"], "half": row["n"] / 2} for row in asked.json()["rows"]]


def held(target: Path) -> None:
    rows = parquet.read_table(target)
    assert rows.column(PREDICTION).to_pylist() == rows.column("n").to_pylist() == list(range(ROWS))
    assert rows.column(SCORE).to_pylist() == [n / 2 for n in range(ROWS)]


def test_at_most_two_requests_are_at_the_model_and_answers_keep_their_rows(table: ParquetTable, tmp_path: Path) -> None:
    lock = threading.Lock()
    now, most = [0], [0]

    def answer(asked: Asked) -> Said:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        first = asked.json()["rows"][0]["n"]
        time.sleep(0.02 if first % 32 else 0.002)
        with lock:
            now[0] -= 1
        return said(answers_to(asked))

    with Server(answer) as server:
        assert scored(table, opened(server.url), tmp_path / "s.parquet") == Scored(rows=ROWS, problems=0)
    held(tmp_path / "s.parquet")
    assert most[0] == 2


def _hit(asked: Asked, seen: set[bytes]) -> bool:
    """True once, for the first request that asks about row 64."""
    if seen or b'"n":64}' not in asked.body:
        return False
    seen.add(asked.body)
    return True


def _late_once(asked: Asked, seen: set[bytes]) -> Said:
    return said(answers_to(asked), delay_s=0.8 if _hit(asked, seen) else 0.0)


def _cut_once(asked: Asked, seen: set[bytes]) -> Said:
    answer = said(answers_to(asked))
    whole = answer.encoded()
    return Said(raw=whole[: len(whole) // 2], close=True) if _hit(asked, seen) else answer


def _busy_once(asked: Asked, seen: set[bytes]) -> Said:
    first = asked.body not in seen
    seen.add(asked.body)
    return said({"error": "busy"}, 429) if first else said(answers_to(asked))


@pytest.mark.parametrize("unsteady", [_late_once, _cut_once, _busy_once])
def test_an_answer_that_is_late_cut_or_refused_once_doubles_no_row_and_loses_none(
    unsteady: Callable[[Asked, set[bytes]], Said], table: ParquetTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.app.folder.asking._WAITS_S", (0.0, 0.0))
    seen: set[bytes] = set()
    with Server(lambda asked: unsteady(asked, seen)) as server:
        assert scored(table, opened(server.url), tmp_path / "s.parquet") == Scored(rows=ROWS, problems=0)
    held(tmp_path / "s.parquet")


def test_a_row_that_always_fails_keeps_its_problem_and_costs_no_other_row(table: ParquetTable, tmp_path: Path) -> None:
    def answer(asked: Asked) -> Said:
        bad = any(row["n"] == 77 for row in asked.json()["rows"])
        return said({"error": "77"}, 500) if bad else said(answers_to(asked))

    with Server(answer) as server:
        assert scored(table, opened(server.url), tmp_path / "s.parquet") == Scored(rows=ROWS, problems=1)
    rows = parquet.read_table(tmp_path / "s.parquet")
    assert rows.column(PREDICTION).to_pylist() == [None if n == 77 else n for n in range(ROWS)]
    assert [n for n, problem in enumerate(rows.column(PROBLEM).to_pylist()) if problem] == [77]
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["rows.parquet", "s.parquet"]


def test_a_model_that_is_gone_ends_it_soon_and_leaves_nothing_behind(
    table: ParquetTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.app.folder.asking._WAITS_S", (0.0, 0.0))
    before = threading.active_count()
    with Server(lambda _: said({"error": "gone"}, 404)) as server:
        with pytest.raises(Unreachable, match="could not be reached"):
            scored(table, opened(server.url), tmp_path / "s.parquet")
        assert len(server.asked) <= 12
    assert threading.active_count() == before
    assert [file.name for file in tmp_path.iterdir()] == ["rows.parquet"]


def test_predictions_that_change_their_type_on_the_way_end_in_the_one_that_holds_them(
    table: ParquetTable, tmp_path: Path
) -> None:
    def answer(asked: Asked) -> Said:
        entries = answers_to(asked)
        return said([{**e, "prediction": e["prediction"] + 0.5} if e["prediction"] >= 100 else e for e in entries])

    with Server(answer) as server:
        scored(table, opened(server.url), tmp_path / "s.parquet")
    column = parquet.read_table(tmp_path / "s.parquet").column(PREDICTION)
    assert column.type == pa.float64()
    assert column.to_pylist() == [float(n) if n < 100 else n + 0.5 for n in range(ROWS)]


_KINDS: Final = st.sampled_from([None, "number", "integer", "string", "boolean", "time"])
_COLUMNS: Final = st.one_of(
    st.lists(st.none() | st.integers(-(2**53), 2**53), min_size=1, max_size=5).map(lambda v: pa.array(v, pa.int64())),
    st.lists(st.none() | st.floats(), min_size=1, max_size=5).map(lambda v: pa.array(v, pa.float64())),
    st.lists(st.none() | st.integers(0, 3).map(float), min_size=1, max_size=5).map(lambda v: pa.array(v, pa.float64())),
    st.lists(st.none() | st.booleans(), min_size=1, max_size=5).map(lambda v: pa.array(v, pa.bool_())),
    st.lists(st.none() | st.text(max_size=3), min_size=1, max_size=5).map(lambda v: pa.array(v, pa.string())),
    st.lists(st.none() | st.text(max_size=3), min_size=1, max_size=5).map(
        lambda v: pa.array(v, pa.string()).dictionary_encode()
    ),
    st.just(pa.array([datetime(2026, 11, 1, 2, tzinfo=UTC), None], pa.timestamp("us", "UTC"))),
    st.just(pa.array([Decimal("1.5"), None], pa.decimal128(8, 2))),
)


@settings(max_examples=300, deadline=None)
@given(_COLUMNS, _KINDS)
def test_a_column_is_sent_as_its_cells_are(column: Any, kind: Any) -> None:
    declared = None if kind is None else InputField(type=kind)
    batch = pa.RecordBatch.from_arrays([column], names=["c"])
    sent = rows_of(batch_as_sent(batch, {} if declared is None else {"c": declared}))
    expected = [as_sent(value, declared) for value in column.to_pylist()]
    assert json.loads(json.dumps([_known(row["c"]) for row in sent])) == expected


def _known(value: Any) -> Any:
    """A missing number may stand as NaN in a column, which every encoding sends as missing."""
    return None if value != value else value  # noqa: PLR0124 - NaN
