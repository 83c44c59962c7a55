"""Another tool's result, from its file to the verdict, and nothing of its prompts or settings on record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from command_line import Ended, called

from plants.server import Server
from plants.tiny_system import SECRET, plant, steady
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.running.importing import import_result
from seatrial.app.running.run import run
from seatrial.core.errors import Malformed, Refused
from seatrial.core.events import CheckFinished
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import RecordType

ASSET = Path(__file__).parents[1] / "assets" / "imports" / "garak.report.jsonl"
DECLARED = """
imports:
  breadth: {format: garak, requirement: model.adversarial, target: test.Repeat, passed: 0.4}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("MODEL_KEY", SECRET)
    with Server(steady) as server:
        file = plant(tmp_path / "s", server.url, count=30)
        file.write_text(file.read_text() + DECLARED)
        yield file


def report(folder: Path, began: datetime, **setup: Any) -> Path:
    """The golden report as if it had been made just now."""
    rows = [json.loads(line) for line in ASSET.read_text().splitlines()]
    for row in rows:
        if row["entry_type"] == "start_run setup":
            row.update(setup)
        if row["entry_type"] == "init":
            row["start_time"] = began.isoformat()
        if row["entry_type"] == "completion":
            row["end_time"] = (began + timedelta(milliseconds=1)).isoformat()
    written = folder / "run.report.jsonl"
    written.write_text("\n".join(json.dumps(row) for row in rows))
    return written


def weighed(file: Path) -> Observation:
    events = list(run(open_workspace(file), only=["model.adversarial.imported"]))
    result = next(e.result for e in events if isinstance(e, CheckFinished))
    assert isinstance(result, Observation), result
    return result


def test_a_result_is_filed_weighed_and_says_nothing_of_its_secrets(place: Path) -> None:
    assert {f.code for f in weighed(place).findings} == {"import-missing"}
    written = report(place.parent, datetime.now(UTC), **{"plugins.generators.rest.key": "hunter2"})
    said: Ended = called("import", "garak", written, place, "--json", cwd=place.parent)
    assert said.code == 0, said.err
    assert json.loads(said.out)["counts"] == {"passed": 7, "failed": 0, "inconclusive": 8, "errored": 0}
    observation = weighed(place)
    measure = observation.measures[0]
    assert (measure.name, measure.n, measure.value) == ("breadth: passed", 15, 7 / 15)
    assert {f.code for f in observation.findings} == {"import-failed-units"}
    filed = [e for e in read_ledger(open_workspace(place), quick=False).evidence if e.record.type is RecordType.IMPORT]
    assert [e.problem for e in filed] == [""]
    assert "hunter2" not in repr(filed)
    assert "Riley Goodside" not in repr(filed)


def test_a_result_from_before_the_model_was_known_is_open_until_the_tool_runs_again(place: Path) -> None:
    import_result(open_workspace(place), "garak", report(place.parent, datetime.now(UTC) - timedelta(hours=1)))
    assert "import-before-identity" in {f.code for f in weighed(place).findings}
    import_result(open_workspace(place), "garak", report(place.parent, datetime.now(UTC)))
    assert "import-before-identity" not in {f.code for f in weighed(place).findings}


def test_what_is_not_declared_or_not_readable_is_refused_and_leaves_no_record(place: Path) -> None:
    workspace = open_workspace(place)
    with pytest.raises(Refused, match="no result of promptfoo is declared"):
        import_result(workspace, "promptfoo", ASSET)
    (place.parent / "cut.jsonl").write_bytes(ASSET.read_bytes()[:5000])
    with pytest.raises(Malformed):
        import_result(workspace, "garak", place.parent / "cut.jsonl")
    assert called("import", "garak", "nowhere.jsonl", place, cwd=place.parent).code == 2
    assert not [e for e in read_ledger(workspace, quick=False).evidence if e.record.type is RecordType.IMPORT]
