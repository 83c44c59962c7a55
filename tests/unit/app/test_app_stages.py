"""Each table is read once for everything; what goes wrong with one measure or table harms no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from plants.model_server import sound
from plants.server import Server
from plants.tiny_system import SECRET, plant
from seatrial.app.folder import stages
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.stages import Problems, measure_tables, measured_file, score_tables, scored_file
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.core.check import MeasureRequest
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.measure.one_pass import key_of

WIND = MeasureRequest(table="live", measure="moments", options={"columns": ["wind"]})
ABSENT = MeasureRequest(table="live", measure="moments", options={"columns": ["gust"]})
UNKNOWN = MeasureRequest(table="live", measure="no-such-measure")
UNDECLARED = MeasureRequest(table="training", measure="moments")


def _silence(doing: str, share: float | None = None) -> None:
    return


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Server(sound) as server:
        yield open_workspace(plant(tmp_path / "system", server.url), environment={"MODEL_KEY": SECRET})


@pytest.fixture
def outside(workspace: Workspace) -> Iterator[Outside]:
    with Outside(workspace) as opened:
        yield opened


def test_one_measure_that_fails_harms_no_other(outside: Outside, tmp_path: Path) -> None:
    measure_tables(outside, work=tmp_path, requests=[WIND, ABSENT, UNKNOWN, UNDECLARED], say=_silence)
    results = json.loads(measured_file(tmp_path, "live").read_text())
    assert list(results) == [key_of(WIND)]
    problems = Problems(tmp_path)
    with pytest.raises(Malformed, match="gust"):
        problems.check(key_of(ABSENT))
    with pytest.raises(SeatrialError, match="no-such-measure"):
        problems.check(key_of(UNKNOWN))
    with pytest.raises(Unreachable, match="no training data"):
        problems.check("training")
    problems.check("live")


def test_a_large_file_is_read_by_several_processes_with_the_same_result(
    outside: Outside, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = scored_file(tmp_path, "scored.live")
    parquet.write_table(pa.table({"wind": [float(n % 45) for n in range(4_000)]}), target, row_group_size=500)
    request = MeasureRequest(table="scored.live", measure="range", options={"columns": ["wind"]})
    results = []
    for large in (stages.LARGE_BYTES, 0):
        monkeypatch.setattr(stages, "LARGE_BYTES", large)
        measure_tables(outside, work=tmp_path, requests=[request], say=_silence)
        results.append(json.loads(measured_file(tmp_path, "scored.live").read_text()))
    assert results[0] == results[1]
    assert list(results[0]) == [key_of(request)]


def test_what_cannot_be_scored_is_a_problem_of_that_table_alone(
    outside: Outside, workspace: Workspace, tmp_path: Path
) -> None:
    (workspace.base / "live.csv").write_text("distance\n7\n")
    tables = ("scored.evaluation", "scored.live")
    told = score_tables(workspace, outside, work=tmp_path, digests={}, tables=tables, say=_silence)
    assert told == {"scored.evaluation": {"rows": 400, "without_prediction": 0}}
    with pytest.raises(Malformed, match="no column wind"):
        Problems(tmp_path).check("scored.live")


def test_when_nothing_can_be_scored_the_stage_itself_fails(
    outside: Outside, workspace: Workspace, tmp_path: Path
) -> None:
    (workspace.base / "live.csv").unlink()
    with pytest.raises(Unreachable, match=r"live\.csv"):
        score_tables(workspace, outside, work=tmp_path, digests={}, tables=("scored.live",), say=_silence)
