"""Connections are completed away from the file, which keeps every comment; what could do harm is not taken there."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.proposing.connecting import connect, connections, stands
from seatrial.app.proposing.interview import heard, write
from seatrial.core.errors import Refused

MODEL = "https://model.example.com/predict"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    said = {
        "name": "Yard helper",
        "purpose": "Tells the yard which gate is free.",
        "task": "binary",
        "wrong": "Trucks wait.",
        "criticality": "operational",
        "feeds": "Gate sensors",
        "people": "Olga Brandt",
    }
    interview, errors = heard(said, date(2026, 11, 27))
    assert interview is not None, errors
    return open_workspace(write(interview, tmp_path))


def _comments(workspace: Workspace) -> list[str]:
    return [line.partition("#")[2] for line in workspace.file.read_text().splitlines() if "#" in line]


def test_what_is_completed_stands_in_the_file_with_every_comment_of_the_interview(workspace: Workspace) -> None:
    (workspace.base / "rows.csv").write_text("a\n1\n")
    before = _comments(workspace)
    given = {
        "version": "1.0",
        "model.endpoint": MODEL,
        "model.test_endpoint": "true",
        "data.evaluation.source": "rows.csv",
        "data.evaluation.label": "late",
        "integrations.gate-sensors.kind": "http",
        "integrations.gate-sensors.test.url": "http://127.0.0.1:9/",
        "integrations.gate-sensors.test.read": "/newest",
    }
    written, errors = connect(workspace, given, seen=stands(workspace))
    assert errors == {}
    assert set(written) == set(given)
    again = open_workspace(workspace.file)
    assert again.system.version == "1.0"
    assert again.system.model is not None
    assert again.system.model.endpoint == MODEL
    assert again.system.data.evaluation is not None
    assert again.system.data.evaluation.label == "late"
    end = again.system.integrations["gate-sensors"].test
    assert end is not None
    assert end.read == "/newest"
    assert _comments(again) == before
    assert {each.field: each.value for each in connections(again) if each.value}.items() >= given.items()
    by_hand = again.file.read_text().replace(MODEL, f"{MODEL}/2")
    again.file.write_text(by_hand)
    assert connect(open_workspace(again.file), {"version": "1.1"}, seen=stands(again)) == (("version",), {})
    assert again.file.read_text() == by_hand.replace('"1.0"', '"1.1"')
    assert connect(open_workspace(again.file), {"version": "1.1"}, seen=stands(again)) == ((), {}), "that it says"


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("model.endpoint", "file:///etc/passwd"),
        ("model.endpoint", "https://ada:secret@example.com/"),
        ("model.endpoint", "https://example.com/${SECRET}"),
        ("model.endpoint", "https://example.com:port/"),
        ("version", "${SECRET}"),
        ("version", "1.0\nowner: {who: sven}"),
        ("version", "TODO later"),
        ("version", "x" * 501),
        ("data.evaluation.source", "/etc/passwd"),
        ("data.evaluation.source", "../other/rows.csv"),
        ("data.evaluation.source", ".env"),
        ("data.evaluation.source", "postgresql://127.0.0.1/db"),
        ("data.evaluation.source", "absent.csv"),
        ("integrations.gate-sensors.kind", "telepathy"),
        ("integrations.gate-sensors.test.url", "sqlite:////etc/anything.db"),
        ("integrations.gate-sensors.test.read", "select * from secrets"),
        ("integrations.gate-sensors.test.writable", "perhaps"),
    ],
)
def test_what_could_do_harm_or_is_no_value_is_told_at_its_field(workspace: Workspace, field: str, said: str) -> None:
    (workspace.base / ".env").write_text("SECRET=1\n")
    before = workspace.file.read_bytes()
    written, errors = connect(workspace, {field: said, "model.identity": MODEL}, seen=stands(workspace))
    assert written == ()
    assert list(errors) == [field], errors
    assert workspace.file.read_bytes() == before


def test_what_is_wrong_only_together_is_told_where_it_belongs(workspace: Workspace) -> None:
    before = workspace.file.read_bytes()
    given = {"version": "1.0", "load.peak": "40/s"}
    written, errors = connect(workspace, given, seen=stands(workspace))
    assert written == ()
    assert list(errors) == ["load.peak"], "a peak without a latency is half of a promise"
    assert workspace.file.read_bytes() == before
    both = connect(workspace, {**given, "load.latency.p99": "300ms"}, seen=stands(workspace))
    assert both == (("version", "load.peak", "load.latency.p99"), {})


def test_a_link_out_of_the_folder_is_no_file_of_it(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.csv").write_text("a\n1\n")
    (workspace.base / "rows.csv").symlink_to(tmp_path / "elsewhere.csv")
    written, errors = connect(workspace, {"data.live.source": "rows.csv"}, seen=stands(workspace))
    assert written == ()
    assert "own folder" in errors["data.live.source"]


def test_only_connections_are_written_and_only_over_what_was_seen(workspace: Workspace) -> None:
    seen = stands(workspace)
    before = workspace.file.read_bytes()
    assert connect(workspace, {"owner.who": "olga", "signers.legal": "olga"}, seen=seen) == ((), {})
    assert connect(workspace, {"model.python": "evil.py:run"}, seen=seen) == ((), {})
    assert workspace.file.read_bytes() == before
    workspace.file.write_bytes(before + b"# by hand\n")
    with pytest.raises(Refused, match="changed since you looked"):
        connect(workspace, {"version": "1.0"}, seen=seen)
    assert workspace.file.read_bytes() == before + b"# by hand\n"
